-- What became of the teacher's questions about the current corpus: per document and kind, how many ended at each
-- gate (`accepted` passed them all), beside how many were asked and the share that was accepted.
-- @group: 9_marts
-- @kinds: duckdb,sql
-- @key: document_id kind gate
with asked as (
    select
        c.document_id,
        c.uri,
        q.kind,
        q.accepted,
        case when q.accepted then 'accepted' else coalesce(q.gate, 'rejected') end as gate
    from qa_pairs as q
    join corpus as c on c.chunk_id = q.chunk_id and c.sequence = q.sequence
),
by_gate as (
    select document_id, any_value(uri) as uri, kind, gate, count(*) as questions
    from asked
    group by document_id, kind, gate
),
by_kind as (
    select document_id, kind, count(*) as asked, count(*) filter (where accepted) as accepted
    from asked
    group by document_id, kind
)
select
    g.document_id,
    g.uri,
    g.kind,
    g.gate,
    g.questions,
    k.asked,
    k.accepted,
    k.accepted / k.asked as yield
from by_gate as g
join by_kind as k on k.document_id = g.document_id and k.kind = g.kind
order by g.document_id, g.kind, g.gate
