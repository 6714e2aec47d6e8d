-- Per page of every current document: how many chunks touch it and how many accepted questions ask about it.
-- Pages without a chunk are pages that nobody can be answered from. Pages count from 0.
-- @group: 9_marts
-- @kinds: duckdb,sql
-- @key: document_id page
with documents as (
    select distinct document_id, version, sequence, uri, title
    from corpus
),
pages as (
    select d.*, p.page, length(p.markdown) as characters
    from documents as d
    join markdown_pages as p on p.document_id = d.document_id and p.version = d.version and p.sequence = d.sequence
),
chunks_on_page as (
    select p.document_id, p.page, count(*) as chunks
    from pages as p
    join corpus as c on c.document_id = p.document_id and p.page between c.page_start and c.page_end
    group by p.document_id, p.page
),
questions_on_page as (
    select c.document_id, q.page, count(*) as questions
    from qa_pairs as q
    join corpus as c on c.chunk_id = q.chunk_id and c.sequence = q.sequence
    where q.accepted
    group by c.document_id, q.page
)
select
    p.document_id,
    p.uri,
    p.title,
    p.page,
    p.characters,
    coalesce(c.chunks, 0) as chunks,
    coalesce(q.questions, 0) as questions_accepted
from pages as p
left join chunks_on_page as c on c.document_id = p.document_id and c.page = p.page
left join questions_on_page as q on q.document_id = p.document_id and q.page = p.page
order by p.document_id, p.page
