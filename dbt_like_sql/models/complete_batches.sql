-- The batches that may be read: their marker was written after the blocking checks and quotes exactly the data
-- versions that are on disk now. A batch in the making, or rewritten since its marker, is not here.
-- @group: 3_corpus
-- @kinds: duckdb,sql
-- @key: batch
with covered as (
    select batch, sequence, documents, chunks, unnest(table_name) as table_name, unnest(data_version) as data_version
    from batch_markers
),
compared as (
    select
        c.batch,
        c.sequence,
        c.documents,
        c.chunks,
        c.table_name,
        c.data_version is not distinct from v.data_version as is_current
    from covered as c
    left join partition_versions as v on v.partition = c.batch and v.table_name = c.table_name
)
select batch, sequence, documents, chunks
from compared
group by batch, sequence, documents, chunks
having bool_and(is_current)
    and bool_or(table_name = 'raw_pdfs')
    and bool_or(table_name = 'contextualized_chunks')
order by sequence
