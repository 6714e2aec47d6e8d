-- Each contextualized chunk has one vector per embedding model; a model's vectors have one length and finite numbers.
-- @severity: error
-- @blocking: true
-- @fix: Materialize chunk_embeddings for this batch again; a wrong length means a changed embedder.
with vectors as (
    select
        chunk_id,
        model,
        len(vector) as dimensions,
        mode(len(vector)) over (partition by model) as usual,
        list_bool_and(list_transform(vector, lambda x: isfinite(x))) as is_finite
    from this
),
wanted as (
    select c.chunk_id, m.model
    from contextualized_chunks as c
    left join (select distinct model from vectors) as m on true
),
counted as (
    select chunk_id, model, count(*) as times
    from vectors
    group by chunk_id, model
)
select coalesce(w.chunk_id, v.chunk_id) as chunk_id, coalesce(w.model, v.model) as model, 'one vector wanted' as problem
from wanted as w
full join counted as v on v.chunk_id = w.chunk_id and v.model = w.model
where v.times is distinct from 1 or w.chunk_id is null
union all
select chunk_id, model, 'wrong length or not finite' as problem
from vectors
where dimensions = 0 or dimensions <> usual or not is_finite
order by 1, 2, 3
