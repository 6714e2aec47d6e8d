-- Every page, heading and table that the teacher wrote questions about has one that was accepted.
-- @severity: warn
-- @fix: Look at the gates that refused these questions in qa_pairs; what is listed here is in no dataset.
with asked as (
    select
        c.document_id,
        q.page,
        array_to_string(c.heading_path, ' > ') as heading,
        c.chunk_id,
        strpos(c.text, '|') as table_start,
        length(c.text) - strpos(reverse(c.text), '|') as table_end,
        regexp_matches(c.text, '\n\|[-:| ]*-[-:| ]*\|') as has_table,
        q.accepted,
        q.gate,
        q.quotes
    from this as q
    join contextualized_chunks as c on c.chunk_id = q.chunk_id
),
of_tables as (
    select
        *,
        accepted and len(list_filter(quotes, lambda quote: quote.end >= table_start and quote.start <= table_end)) > 0
            as about_table
    from asked
    where has_table
)
select document_id, 'page' as kind, (page + 1)::varchar as place, count(*) as asked, mode(gate) as refused_most_by
from asked
group by document_id, page
having count(*) filter (where accepted) = 0
union all
select document_id, 'heading' as kind, heading as place, count(*) as asked, mode(gate) as refused_most_by
from asked
group by document_id, heading
having count(*) filter (where accepted) = 0
union all
select
    document_id, 'table' as kind, 'page ' || (any_value(page) + 1)::varchar || ': ' || any_value(heading) as place,
    count(*) as asked, mode(gate) as refused_most_by
from of_tables
group by document_id, chunk_id
having count(*) filter (where about_table) = 0
order by 1, 2, 3
