-- Every file in recipes/ is a valid recipe. An invalid one trains nothing; the others go on.
-- @severity: warn
-- @fix: Open the file, correct what the error names, and refresh.
select file, error
from this
where status <> 'valid'
