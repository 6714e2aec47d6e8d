-- Every document of this batch can be used. Those that cannot are listed with the reason; the others go on, and a last
-- good version stays current.
-- @severity: warn
-- @fix: Replace the file named in uri at the source (unlocked, complete, a real PDF); the next batch has it.
select document_id, uri, status, error
from this
where not tombstone and status not in ('ok', 'unchanged')
order by uri
