-- Every row of the dataset can be trained on: its documents are distinct; the oracle is where the row says or truly
-- absent; the target ends with an answer.
-- @severity: error
-- @blocking: true
-- @fix: Materialize raft_dataset for this recipe again; if it repeats, the composer broke an invariant of RAFT.
with shown as (
    select
        *,
        list_transform(documents, lambda d: d.text) as texts,
        list_filter(documents, lambda d: contains(d.text, oracle_text)) as holding,
        string_split(target, '<ANSWER>:') as parts
    from this
),
judged as (
    select
        row_id,
        split,
        question,
        case
            when len(list_distinct(texts)) < len(texts) then 'documents repeat'
            when oracle_present and not oracle_index between 0 and len(texts) - 1 then 'no document at the oracle index'
            when oracle_present and not contains(texts[oracle_index + 1], oracle_text) then 'oracle is elsewhere'
            when not oracle_present and oracle_index >= 0 then 'absent oracle has an index'
            when not oracle_present and oracle_text <> '' and len(holding) > 0 then 'absent oracle is present'
            when len(parts) < 2 or trim(parts[-1]) = '' then 'target ends without an answer'
            when trim(final_answer) = '' then 'no final answer'
        end as problem
    from shown
)
select row_id, split, problem, question
from judged
where problem is not null
order by problem, row_id
