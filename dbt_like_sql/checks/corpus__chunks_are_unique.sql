-- A chunk is in the corpus once, and a document's chunks come from one version in one batch.
-- @severity: error
-- @blocking: true
-- @fix: Two batches claim the same document; compare their manifests, then materialize complete_batches and corpus.
with documents as (
    select document_id, count(distinct (version, sequence)) as versions
    from this
    group by document_id
)
select t.chunk_id, t.document_id, t.version, t.sequence
from this as t
join documents as d on d.document_id = t.document_id
qualify count(*) over (partition by t.chunk_id) > 1 or d.versions > 1
order by t.document_id, t.chunk_id
