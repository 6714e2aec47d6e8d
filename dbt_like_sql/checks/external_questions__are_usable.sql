-- Every question that people brought is a valid line and, if it has an answer, stands in the current corpus.
-- @severity: warn
-- @fix: Correct the line named as source; a document that is not in the corpus must be added first.
select source, question, status, reason
from this
where status in ('invalid', 'unmapped')
