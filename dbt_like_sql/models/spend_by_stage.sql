-- What the recorded model calls cost, by role and model: calls, tokens and US dollars. A call that was answered from
-- the ledger is not a new call and cost nothing.
-- @group: 8_marts
-- @kinds: duckdb,sql
-- @key: role model
-- @after: qa_pairs, model_answers, test_answers
select
    stage as role,
    model,
    sum(calls) as calls,
    sum(prompt_tokens) as prompt_tokens,
    sum(completion_tokens) as completion_tokens,
    fsum(cost) as cost
from ledger_calls
group by stage, model
order by role, model
