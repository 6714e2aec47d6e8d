-- The newest version of every document can be used. Where it cannot, the corpus still answers from the one before it.
-- @severity: warn
-- @fix: Repair the file named in uri at the source; until then its answers come from the older version.
with newest as (
    select r.batch, r.document_id, r.uri, r.version, r.sequence, r.status, r.error, r.tombstone
    from raw_pdfs as r
    join complete_batches as b on b.batch = r.batch
    where r.status <> 'unchanged'
    qualify row_number() over (partition by r.document_id order by r.sequence desc, r.batch desc) = 1
),
failed_pages as (
    select batch, document_id, min(error) as error
    from markdown_pages
    group by batch, document_id
),
kept as (
    select distinct document_id, version, sequence
    from this
)
select
    n.document_id,
    n.uri,
    n.sequence as newest_sequence,
    k.sequence as kept_sequence,
    case
        when n.status <> 'ok' then coalesce(n.error, n.status)
        else coalesce(f.error, 'no text was found in it')
    end as reason
from newest as n
join kept as k on k.document_id = n.document_id
left join failed_pages as f on f.batch = n.batch and f.document_id = n.document_id
where not n.tombstone and n.sequence > k.sequence
order by n.uri
