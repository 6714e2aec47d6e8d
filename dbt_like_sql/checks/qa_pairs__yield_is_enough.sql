-- At least 60 % of the questions that the teacher was asked to answer for this batch passed every gate. Fewer than ten
-- questions say nothing about a teacher and never block.
-- @severity: error
-- @blocking: true
-- @fix: See in dataset_quality which gate refuses most, and the reasons in qa_pairs; then mend the teacher's prompt, model or that gate.
select count(*) as asked, count(*) filter (where accepted) as accepted, avg(accepted::int) as yield, mode(gate) as refused_most_by
from this
having count(*) >= 10 and avg(accepted::int) < 0.6
