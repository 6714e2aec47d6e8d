-- One batch names a document once: by id and by uri.
-- @severity: error
-- @blocking: true
-- @fix: Two entries of the manifest collide; remove one of the files at the source and plan the batch again.
select document_id, uri, version
from this
qualify count(*) over (partition by document_id) > 1 or count(*) over (partition by uri) > 1
order by document_id, uri
