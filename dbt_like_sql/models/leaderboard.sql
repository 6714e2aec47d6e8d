-- Every scored model on the questions it was scored on: the mean of each metric per arm, origin of the question and
-- condition. Means are compared inside one snapshot and split only. `n` counts the answers that the metric applies to.
-- The untrained models are all called base: backend and base_model tell them apart, and several recipes may share one.
-- A model with a stamp is not a real one: it stands below all that are, in no ranking.
-- @group: 9_marts
-- @kinds: duckdb,sql
-- @key: snapshot split metric not_real backend base_model model_id arm origin condition
with trained as (
    select recipe, any_value(backend) as backend, any_value(base_model) as base_model
    from fine_tuned_model
    group by recipe
),
emulated as (
    select model
    from ledger_calls
    group by model
    having sum(not_real) > 0
),
scores as (
    select
        s.*,
        coalesce(m.backend, t.backend, '') as backend,
        coalesce(m.base_model, t.base_model, '') as base_model,
        m.recipe as learned_by,
        m.status,
        coalesce(m.stamp, if(e.model is null, null, 'an emulator answered for it')) as stamp
    from answer_scores as s
    left join model_registry as m on m.model_id = s.model_id
    left join trained as t on t.recipe = s.recipe
    left join emulated as e on s.model_id = 'base' and e.model = t.backend || '/' || t.base_model
    where s.value is not null
    qualify
        row_number() over (
            partition by coalesce(m.backend, t.backend), coalesce(m.base_model, t.base_model), s.answer_id, s.metric
            order by s.recipe
        ) = 1
)
select
    snapshot,
    split,
    metric,
    stamp is not null as not_real,
    backend,
    base_model,
    model_id,
    any_value(learned_by) as recipe,
    any_value(status) as status,
    any_value(stamp) as stamp,
    arm,
    origin,
    condition,
    favg(value) as mean,
    count(*) as n
from scores
group by snapshot, split, metric, stamp is not null, backend, base_model, model_id, arm, origin, condition
order by snapshot, split, metric, not_real, backend, base_model, model_id, arm, origin, condition
