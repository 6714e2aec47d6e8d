-- Every page of every readable document was converted exactly once, and no page belongs to anything else.
-- @severity: error
-- @blocking: true
-- @fix: Materialize markdown_pages for this batch again; if it repeats, the document breaks the extractor half way.
with expected as (
    select document_id, version, uri, unnest(range(page_count)) as page
    from raw_pdfs
    where not tombstone and status = 'ok'
),
found as (
    select document_id, version, page, count(*) as times
    from this
    group by document_id, version, page
)
select
    coalesce(e.document_id, f.document_id) as document_id,
    coalesce(e.version, f.version) as version,
    e.uri,
    coalesce(e.page, f.page) as page,
    coalesce(f.times, 0) as times,
    case
        when f.page is null then 'missing'
        when e.page is null then 'not a page of a readable document'
        else 'more than once'
    end as problem
from expected as e
full join found as f on f.document_id = e.document_id and f.version = e.version and f.page = e.page
where f.times is distinct from 1 or e.page is null
order by 1, 2, 4
