-- At least 60 % of the questions that the teacher wrote for this batch passed every gate.
-- @severity: warn
-- @fix: Find the gate that rejects most in dataset_quality; either the teacher's prompt or that gate is wrong.
select count(*) as asked, count(*) filter (where accepted) as accepted, avg(accepted::int) as yield
from this
having avg(accepted::int) < 0.6
