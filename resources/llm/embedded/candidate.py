"""A candidate: one thing that a document can answer; and what candidates of every kind share."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from resources.llm.embedded.values import values

SENTENCE, ITEM_KIND, CELL, DEFINITION, LIST = "sentence", "item", "cell", "definition", "list"
LONGEST_ANSWER = 200
Labels = Mapping[str, Any]
"""Where a candidate stands: the fields `heading`, `row`, `column` and `conditions` that apply."""


@dataclass(frozen=True)
class Candidate:
    """One thing a document can answer.

    `quote` is `document[start:end]`; `conditions` are footnotes that qualify the answer, verbatim as well. `row` is
    the row label with its groups, the line that introduces a list, or the defined term; `near` is the clause around
    a value taken out of a sentence, `before` the sentence in front of a sentence.
    """

    text: str
    quote: str
    start: int
    end: int
    answer: str
    kind: str
    value_type: str
    language: str
    heading: str = ""
    row: str = ""
    column: str = ""
    near: str = ""
    before: str = ""
    conditions: tuple[str, ...] = ()


def short(answer: str) -> str:
    """The answer within its limit, cut at a word."""
    if len(answer) <= LONGEST_ANSWER:
        return answer
    cut = answer[: LONGEST_ANSWER - 1]
    return (cut.rsplit(" ", 1)[0] if " " in cut[100:] else cut).rstrip(" ,;，；") + "…"


def labels(**fields: Any) -> Labels:
    return fields


def conditions_of(marks: Iterable[str], notes: dict[str, str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(notes[mark] for mark in marks if mark in notes))


def inner_values(
    body: str, spelled: str, quote: str, start: int, end: int, kind: str, language: str, base: Labels
) -> Iterator[Candidate]:
    """One candidate for each value inside a longer text."""
    found = values(body)
    for index, value in enumerate(found):
        low = max((v.end for v in found[:index] if v.kind == value.kind), default=0)
        high = min((v.start for v in found[index + 1 :] if v.kind == value.kind), default=len(body))
        near = body[max(low, _clause_start(body, value.start)) : min(high, _clause_end(body, value.end))]
        yield Candidate(spelled, quote, start, end, value.text, kind, value.kind, language, near=near, **base)


def _clause_start(body: str, position: int) -> int:
    return max((match.end() for match in re.finditer(r"[,;:(，；：（](?=\s|\D)", body[:position])), default=0)


def _clause_end(body: str, position: int) -> int:
    match = re.search(r"[,;:)，；：）](?=\s|\D|$)", body[position:])
    return position + match.start() if match else len(body)
