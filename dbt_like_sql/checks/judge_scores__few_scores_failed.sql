-- The judge could score nearly everything that its metrics apply to: at most one score in ten failed.
-- @severity: warn
-- @fix: Read the reasons in judge_scores; a cut-off answer wants a higher roles.judge.parameters.max_tokens, invalid JSON a better model.
select arm, metric, count(*) filter (where status = 'failed') as failed, count(*) as asked, any_value(reason) filter (where status = 'failed') as example
from this
where status <> 'not_applicable'
group by arm, metric
having count(*) filter (where status = 'failed') > 0.1 * count(*)
order by arm, metric
