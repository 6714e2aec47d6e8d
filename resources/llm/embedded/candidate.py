"""A candidate: one thing that a document can answer; and what candidates of every kind share."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from resources.llm.embedded.limits import limit_of
from resources.llm.embedded.values import AMOUNT, PERCENTAGE, Value, values

SENTENCE, ITEM_KIND, CELL, DEFINITION, LIST = "sentence", "item", "cell", "definition", "list"
LONGEST_ANSWER = 200
_TOLD = re.compile(r"\s?(?!(?:and|or|to)\b)[^.;。；]*?(?:[^\W\d_]{3}|[\u3400-\u9fff]{2})")
_AND_THEN = re.compile(r"(?:(?:[,;，；、]|\s(?:and|but|or)\b)\s*)+(?:(?:then|only|up to|at most|at least)\s+)*$", re.I)
_OR = re.compile(r"(?: of [\w\s]{1,30}?)?(?:,? or |或(?:者)?)(?:a (?:fee|minimum) of )?", re.I)
Labels = Mapping[str, Any]
"""Where a candidate stands: the fields `heading`, `row`, `column` and `conditions` that apply."""


@dataclass(frozen=True)
class Candidate:
    """One thing a document can answer.

    `quote` is `document[start:end]`; `conditions` are footnotes that qualify the answer, verbatim as well. `row` is
    the row label with its groups, the line that introduces a list, or the defined term; `near` is the clause around
    a value taken out of a sentence, `limit` the end of a range that such a value is, `before` the sentence in front of
    a sentence.
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
    limit: str = ""
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
    found = _alternatives(body, values(body))
    for value in found:
        near, limit = _near(body, value, found), limit_of(body, value.start, value.end)
        yield Candidate(
            spelled, quote, start, end, value.text, kind, value.kind, language, near=near, limit=limit, **base
        )


def _alternatives(body: str, found: Sequence[Value]) -> list[Value]:
    """The values, with `2% or $10` taken for one: neither half of it is an answer."""
    joined: list[Value] = []
    for value in found:
        last = joined[-1] if joined else None
        priced = last and {last.kind, value.kind} == {AMOUNT, PERCENTAGE}
        if last and priced and _OR.fullmatch(body[last.end : value.start]):
            joined[-1] = Value(AMOUNT, body[last.start : value.end], last.start, value.end)
        else:
            joined.append(value)
    return joined


def _near(body: str, value: Value, found: Sequence[Value]) -> str:
    """The clause around a value, as far as no other value of its kind begins. Where values are told apart by what
    follows each of them (`$300 a day and $1,000 a week`), the words in front are common to all and left out."""
    alike = [other for other in found if other.kind == value.kind]
    low = max((other.end for other in alike if other.end <= value.start), default=0)
    ends = {one: min(_clause_end(body, one.end), after.start) for one, after in pairwise(alike)}
    ends[alike[-1]] = _clause_end(body, alike[-1].end)
    between = [body[one.end : after.start] for one, after in pairwise(alike)]
    if between and all(map(_AND_THEN.search, between)) and all(map(_TOLD.match, [*between, body[alike[-1].end :]])):
        return body[value.start : ends[value]]
    return body[max(low, _clause_start(body, value.start)) : ends[value]]


def _clause_start(body: str, position: int) -> int:
    return max((match.end() for match in re.finditer(r"[,;:(，；：（](?=\s|\D)", body[:position])), default=0)


def _clause_end(body: str, position: int) -> int:
    match = re.search(r"[,;:)，；：）](?=\s|\D|$)", body[position:])
    return position + match.start() if match else len(body)
