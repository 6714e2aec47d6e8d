-- Every answer of this recipe has scores, and every validation item of its snapshot has an answer.
-- @severity: warn
-- @fix: Materialize model_answers and answer_scores for this recipe again; means over fewer items are not comparable.
with snapshots as (
    select distinct snapshot
    from model_answers
)
select a.answer_id, a.arm, a.item_id, 'answer without scores, its status is ' || a.status as problem
from model_answers as a
where a.status <> 'not_applicable' and a.answer_id not in (select answer_id from this)
union all
select '' as answer_id, '' as arm, e.item_id, 'item without an answer' as problem
from evaluation_set as e
join snapshots as s on s.snapshot = e.snapshot
where e.split = 'validation' and e.item_id not in (select item_id from model_answers)
order by 4, 2, 3
