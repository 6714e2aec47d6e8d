-- Every document that ever arrived in a complete batch and where it stands: `current`; `withdrawn`; `duplicate` (the
-- same bytes as another document); `kept_last_good` (a newer version cannot be used, the one before still answers);
-- or `unreadable` (no version of it can be used). The reason is the newest version's own. A document that came again with
-- the bytes it had (`unchanged`) stands where it stood.
-- @group: 9_marts
-- @kinds: duckdb,sql
-- @key: document_id
with newest as (
    select r.*
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
in_corpus as (
    select document_id, version, sequence, any_value(title) as title, count(*) as chunks
    from corpus
    group by document_id, version, sequence
),
accepted as (
    select c.document_id, count(*) as questions
    from qa_pairs as q
    join corpus as c on c.chunk_id = q.chunk_id and c.sequence = q.sequence
    where q.accepted
    group by c.document_id
),
pages as (
    select c.document_id, count(*) as pages
    from markdown_pages as p
    join in_corpus as c on c.document_id = p.document_id and c.version = p.version and c.sequence = p.sequence
    group by c.document_id
)
select
    n.document_id,
    n.uri,
    coalesce(c.title, n.title) as title,
    c.version as current_version,
    c.sequence as current_sequence,
    n.version as newest_version,
    n.sequence as newest_sequence,
    coalesce(p.pages, 0) as pages,
    coalesce(c.chunks, 0) as chunks,
    coalesce(a.questions, 0) as questions_accepted,
    case
        when n.tombstone then 'withdrawn'
        when c.sequence = n.sequence then 'current'
        when c.document_id is not null then 'kept_last_good'
        when n.status = 'duplicate' then 'duplicate'
        else 'unreadable'
    end as status,
    case
        when n.tombstone then 'it is gone from the source'
        when c.sequence = n.sequence then null
        when n.status <> 'ok' then coalesce(n.error, n.status)
        else coalesce(f.error, 'no text was found in it')
    end as reason
from newest as n
left join failed_pages as f on f.batch = n.batch and f.document_id = n.document_id
left join in_corpus as c on c.document_id = n.document_id
left join accepted as a on a.document_id = n.document_id
left join pages as p on p.document_id = n.document_id
order by n.document_id
