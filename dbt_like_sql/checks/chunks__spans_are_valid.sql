-- Every chunk has text, and its span lies on pages that exist, inside their markdown.
-- @severity: error
-- @blocking: true
-- @fix: The chunker and the pages disagree; materialize markdown_pages and chunks for this batch together.
select
    c.chunk_id,
    c.document_id,
    c.page_start,
    c.page_end,
    c.char_start,
    c.char_end,
    length(s.markdown) as start_page_length,
    length(e.markdown) as end_page_length,
    case
        when trim(c.text) = '' then 'no text'
        when s.page is null or e.page is null then 'no such page'
        when c.page_end < c.page_start then 'ends on an earlier page'
        else 'outside the page'
    end as problem
from this as c
left join markdown_pages as s on s.document_id = c.document_id and s.version = c.version and s.page = c.page_start
left join markdown_pages as e on e.document_id = c.document_id and e.version = c.version and e.page = c.page_end
where trim(c.text) = ''
    or s.page is null
    or e.page is null
    or c.page_end < c.page_start
    or (c.page_end = c.page_start and c.char_end <= c.char_start)
    or c.char_start < 0
    or c.char_start >= length(s.markdown)
    or c.char_end > length(e.markdown)
order by c.document_id, c.page_start, c.char_start
