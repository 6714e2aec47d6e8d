"""Candidates from tables: cells spelled out as row by column, values in row labels, columns that have a tick."""

from collections.abc import Iterator, Sequence

from resources.llm.embedded.candidate import (
    CELL,
    ITEM_KIND,
    LIST,
    Candidate,
    conditions_of,
    inner_values,
    labels,
    short,
)
from resources.llm.embedded.markdown_blocks import Block
from resources.llm.embedded.markdown_tables import Entry, read_table
from resources.llm.embedded.values import TEXT, TICK, value_type
from resources.llm.raft_text import language_of


def cell_candidates(text: str, block: Block, heading: str, notes: dict[str, str]) -> Iterator[Candidate]:
    entries = read_table(text, block.start, block.end)
    for entry in entries:
        quote = text[entry.start : entry.end]
        language = language_of(" ".join((entry.row, entry.column, entry.value)))
        answer = _tick_answer(entry.value, language)
        row = " > ".join(part for part in (entry.group, entry.row) if part)
        spelled = f"{' | '.join(part for part in (heading, row, entry.column) if part)}: {answer}"
        kind = TICK if entry.value in ("✓", "✗") else value_type(answer)
        base = labels(heading=heading, row=row, column=entry.column, conditions=conditions_of(entry.marks, notes))
        yield Candidate(spelled, quote, entry.start, entry.end, short(answer), CELL, kind, language, **base)
        if kind == TEXT:
            yield from inner_values(answer, spelled, quote, entry.start, entry.end, CELL, language, base)
    yield from _columns_of_rows(text, entries, heading)


def _columns_of_rows(text: str, entries: Sequence[Entry], heading: str) -> Iterator[Candidate]:
    """What a row's label states itself, and which columns have a tick in it."""
    rows: dict[tuple[int, str, str], list[Entry]] = {}
    for entry in entries:
        rows.setdefault((entry.start, entry.group, entry.row), []).append(entry)
    for (start, group, label), members in rows.items():
        end, row = members[0].end, f"{group} > {label}" if group else label
        ticked = [entry.column for entry in members if entry.value == "✓" and entry.column]
        quote, language = text[start:end], language_of(label)
        spelled = " | ".join(part for part in (heading, row) if part)
        base = labels(heading=heading, row=row)
        if ticked:
            answer = ("；" if language == "zh" else "; ").join(ticked)
            yield Candidate(f"{spelled}: {answer}", quote, start, end, short(answer), LIST, TEXT, language, **base)
        if any(entry.value in ("✓", "✗") for entry in members):
            yield from inner_values(label, spelled, quote, start, end, ITEM_KIND, language, base)


def _tick_answer(value: str, language: str) -> str:
    yes, no = ("是", "否") if language == "zh" else ("Yes", "No")
    return {"✓": yes, "✗": no}.get(value, value)
