-- Every scored model on the questions it was scored on: the mean of each metric per arm, origin of the question and
-- condition. Means are compared inside one snapshot and split only. `n` counts the answers that the metric applies to.
-- A model with a stamp is not a real one; it stands below all that are.
-- @group: 8_marts
-- @kinds: duckdb,sql
-- @key: snapshot split metric model_id arm origin condition
with scores as (
    select *
    from answer_scores
    where value is not null
    qualify row_number() over (partition by answer_id, metric order by recipe) = 1
)
select
    s.snapshot,
    s.split,
    s.metric,
    s.model_id,
    any_value(m.recipe) as recipe,
    any_value(m.backend) as backend,
    any_value(m.base_model) as base_model,
    any_value(m.status) as status,
    any_value(m.stamp) as stamp,
    s.arm,
    s.origin,
    s.condition,
    favg(s.value) as mean,
    count(*) as n
from scores as s
left join model_registry as m on m.model_id = s.model_id
group by s.snapshot, s.split, s.metric, s.model_id, s.arm, s.origin, s.condition
order by s.snapshot, s.split, s.metric, (any_value(m.stamp) is not null), mean desc, s.model_id, s.arm, s.origin, s.condition
