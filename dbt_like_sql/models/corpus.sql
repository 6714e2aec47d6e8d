-- The current chunks, ready for the index. Per document: the newest version that a complete batch brought and that
-- can be used (it was readable and gave text), unless a later batch withdrew the document or made it a copy of another
-- readable one. A newer version that cannot be used keeps the last good one. All chunks of a document come from one
-- batch and one version.
-- @group: 3_corpus
-- @kinds: duckdb,sql
with versions as (
    select r.batch, r.sequence, r.document_id, r.version, r.uri, r.title, r.status, r.tombstone
    from raw_pdfs as r
    join complete_batches as b on b.batch = r.batch
),
withdrawals as (
    select document_id, max(sequence) as sequence
    from versions
    where tombstone
        or (status = 'duplicate' and version in (select version from versions where status = 'ok'))
    group by document_id
),
usable as (
    select v.*
    from versions as v
    left join withdrawals as w on w.document_id = v.document_id
    where not v.tombstone
        and v.status = 'ok'
        and (w.sequence is null or v.sequence > w.sequence)
        and exists (
            select 1
            from contextualized_chunks as c
            where c.batch = v.batch and c.document_id = v.document_id and c.version = v.version
        )
),
current_versions as (
    select *
    from usable
    qualify row_number() over (partition by document_id order by sequence desc, batch desc) = 1
)
select
    c.chunk_id,
    c.document_id,
    c.version,
    c.page_start,
    c.page_end,
    c.char_start,
    c.char_end,
    c.heading_path,
    c.text,
    c.tokens,
    c.context,
    c.contextual_text,
    v.title,
    v.uri,
    v.sequence
from current_versions as v
join contextualized_chunks as c on c.batch = v.batch and c.document_id = v.document_id and c.version = v.version
order by c.document_id, c.page_start, c.char_start, c.chunk_id
