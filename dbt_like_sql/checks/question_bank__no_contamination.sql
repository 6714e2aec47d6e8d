-- No chunk that answers a validation or test question also answers a training question that is kept.
-- @severity: error
-- @blocking: true
-- @fix: Materialize question_bank again; the splitter must withhold these training rows and did not.
with held_out as (
    select chunk_id, min(split) as split, min(question_id) as question_id
    from this
    where status = 'kept' and split in ('validation', 'test') and chunk_id is not null
    group by chunk_id
)
select t.question_id, t.chunk_id, t.question, h.split as held_out_split, h.question_id as held_out_question
from this as t
join held_out as h on h.chunk_id = t.chunk_id
where t.split = 'train' and t.status = 'kept'
order by t.chunk_id, t.question_id
