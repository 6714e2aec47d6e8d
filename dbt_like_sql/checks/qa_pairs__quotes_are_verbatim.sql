-- Every accepted question rests on at least one quote, and every quote is the chunk's text at its span, word for word.
-- @severity: error
-- @blocking: true
-- @fix: Materialize qa_pairs for this batch again; if it repeats, the quote gate lets wrong quotes through.
with quotes as (
    select question_id, chunk_id, unnest(quotes) as quote
    from this
    where accepted
)
select q.question_id, q.chunk_id, q.quote.text as quote, 'not in the chunk at this place' as problem
from quotes as q
left join contextualized_chunks as c on c.chunk_id = q.chunk_id
where c.chunk_id is null
    or q.quote.text = ''
    or q.quote.start < 0
    or substring(c.text, q.quote.start + 1, q.quote.end - q.quote.start) is distinct from q.quote.text
union all
select question_id, chunk_id, '' as quote, 'no quote' as problem
from this
where accepted and len(quotes) = 0
order by 1, 3
