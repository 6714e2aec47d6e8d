-- Each chunk has exactly one context, its text is unchanged, and the contextual text ends with it.
-- @severity: error
-- @blocking: true
-- @fix: Materialize contextualized_chunks for this batch again, after chunks.
with found as (
    select chunk_id, count(*) as times, any_value(text) as text, any_value(contextual_text) as contextual_text
    from this
    group by chunk_id
)
select
    coalesce(c.chunk_id, f.chunk_id) as chunk_id,
    c.document_id,
    case
        when f.chunk_id is null then 'no context'
        when c.chunk_id is null then 'not a chunk of this batch'
        when f.times > 1 then 'more than one context'
        else 'text changed'
    end as problem
from chunks as c
full join found as f on f.chunk_id = c.chunk_id
where f.chunk_id is null
    or c.chunk_id is null
    or f.times > 1
    or f.text <> c.text
    or not suffix(f.contextual_text, c.text)
order by 1
