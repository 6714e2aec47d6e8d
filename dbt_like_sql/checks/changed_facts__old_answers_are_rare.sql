-- The champion gives at most one old answer in twenty to facts that changed since it was trained, and no old amount or date.
-- @severity: warn
-- @fix: Run `raftline refresh`: an old amount or date opens retraining. If the new student does not become champion, read the report; `raftline champion rollback --to base` answers from the documents alone.
with rate as (
    select count(*) filter (where verdict = 'old') / nullif(count(*), 0) as old
    from this
    where verdict not in ('failed', 'not_asked')
)
select question, old_answer, new_answer, answer, document, page + 1 as page, round(100 * r.old, 1) as percent_old
from this
cross join rate as r
where verdict = 'old' and (amount_or_date or r.old > 0.05)
order by amount_or_date desc, question
