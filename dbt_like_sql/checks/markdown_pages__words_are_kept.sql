-- The text of a page survived its conversion: at least 97 % of the words that a second reader finds, and all numbers.
-- @severity: warn
-- @fix: Compare the page's image with its markdown; a lost number means that answers from this page cannot be trusted.
select document_id, version, page, method, word_recall, number_recall, error
from this
where word_recall < 0.97 or number_recall < 1
order by number_recall, word_recall, document_id, page
