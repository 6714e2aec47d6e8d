-- Every readable document of this batch gave at least one chunk; without text it cannot answer anything.
-- @severity: warn
-- @fix: If the document is a scan, put a version with a text layer at the source; an older good version stays current.
select r.document_id, r.uri, r.version, r.page_count, min(p.error) as page_error
from raw_pdfs as r
left join markdown_pages as p on p.document_id = r.document_id and p.version = r.version
where r.status = 'ok' and not r.tombstone and r.document_id not in (select document_id from this)
group by r.document_id, r.uri, r.version, r.page_count
order by r.uri
