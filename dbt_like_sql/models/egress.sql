-- What left this machine for models, and what was kept: requests, bytes, placeholders and refusals by day (UTC), role,
-- host and the classes of the documents that the requests quoted (empty: no document). One row of the log behind it is
-- one request, repeats after a fault included.
-- @group: 9_marts
-- @kinds: duckdb,sql
-- @key: day role host classes
-- @after: qa_pairs, model_answers, test_answers, judge_scores
select
    day,
    purpose as role,
    host,
    classes,
    cast(count(*) filter (where refused = '') as bigint) as requests,
    cast(coalesce(sum(bytes), 0) as bigint) as bytes,
    cast(coalesce(sum(redactions) filter (where refused = ''), 0) as bigint) as redactions,
    cast(count(*) filter (where refused <> '') as bigint) as refused
from egress_log
group by day, purpose, host, classes
order by day, role, host, classes
