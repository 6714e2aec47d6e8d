-- What the recorded model calls cost, by role, model and day (UTC): calls, tokens and US dollars. A call that was answered
-- from the ledger is not a new call and cost nothing; an erased one was paid and counts. cached_tokens of the prompt
-- tokens came from the provider's cache; not_real of the calls were answered by an emulator. The role `training` counts
-- billed training jobs by the day of their end; the tokens that they trained on stand as prompt tokens.
-- @group: 9_marts
-- @kinds: duckdb,sql
-- @key: role model day
-- @after: qa_pairs, model_answers, test_answers, judge_scores
select
    stage as role,
    model,
    day,
    sum(calls) as calls,
    sum(prompt_tokens) as prompt_tokens,
    sum(cached_tokens) as cached_tokens,
    sum(completion_tokens) as completion_tokens,
    fsum(cost) as cost,
    sum(not_real) as not_real
from ledger_calls
group by stage, model, day
order by role, model, day
