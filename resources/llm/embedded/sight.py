"""A document as the reader sees it: its candidates, and the terms of their parts as arrays ready for counting."""

import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TypeVar

import numpy as np

from resources.llm.embedded import candidates as view
from resources.llm.embedded.candidates import Candidate, candidates
from resources.llm.embedded.facets import AGE, EMAIL, PHONE, WEB
from resources.llm.embedded.limits import spans
from resources.llm.embedded.values import AMOUNT, CONTACT, COUNT, DURATION, FREE, TEXT, UNAVAILABLE, number_of, values
from resources.llm.embedded.vocabulary import terms

_ASIDE = re.compile(r"\([^()]*\)|（[^（）]*）")
_YEARS_OF_LIFE = re.compile(r"\b(?:years? (?:old|of age)|aged?)\b|岁", re.I)
Key = TypeVar("Key", bound=Hashable)
PARTS = ("row", "column", "heading", "own", "near", "everything", "telling", "answer")
"""Parts whose terms are kept. `own` is all but the heading, `near` the surroundings of a value with its labels,
`telling` what sets the candidate apart: label and column of a cell, the clause or sentence of anything else."""


@dataclass(frozen=True)
class Part:
    """Which terms occur in one part of each candidate: parallel arrays of candidate and term positions."""

    rows: np.ndarray
    words: np.ndarray


@dataclass(frozen=True)
class Sight:
    """A document: candidates, vocabulary, term arrays per part, and what does not depend on the question."""

    candidates: tuple[Candidate, ...]
    words: tuple[str, ...]
    index: dict[str, int]
    counts: np.ndarray
    parts: dict[str, Part]
    pairs: dict[tuple[str, str], np.ndarray]
    numbers: dict[str, np.ndarray]
    kinds: np.ndarray
    types: np.ndarray
    length: np.ndarray
    unavailable: np.ndarray
    row_groups: np.ndarray
    column_groups: np.ndarray
    crowded: np.ndarray
    numberless: np.ndarray
    labels: frozenset[frozenset[str]]
    limits: np.ndarray
    spans: tuple[frozenset[str], ...]
    spans_around: tuple[frozenset[str], ...]


@lru_cache(maxsize=2048)
def look(document: str) -> Sight:
    """The sight of a document."""
    found = candidates(document)
    parts = [_terms(candidate) for candidate in found]
    words = tuple(sorted(set().union(*(part["everything"] for part in parts)))) if parts else ()
    index = {word: position for position, word in enumerate(words)}
    kept = {name: _part([part[name] for part in parts], index) for name in PARTS}
    cells = [candidate.kind == view.CELL for candidate in found]
    rows = _groups(found, cells, lambda candidate: (candidate.start, candidate.row))
    columns = _groups(found, cells, lambda candidate: (candidate.heading, candidate.column))
    return Sight(
        candidates=found,
        words=words,
        index=index,
        counts=np.bincount(kept["own"].words, minlength=len(words)),
        parts=kept,
        pairs=_inverted(_pairs(candidate) for candidate in found),
        numbers=_inverted((number_of(value.text) for value in values(candidate.text)) for candidate in found),
        kinds=np.array([candidate.kind for candidate in found], dtype=object),
        types=np.array([_answer_type(candidate) for candidate in found], dtype=object),
        length=np.array([min(len(candidate.answer), view.LONGEST_ANSWER) / view.LONGEST_ANSWER for candidate in found]),
        unavailable=np.array([bool(UNAVAILABLE.fullmatch(candidate.answer)) for candidate in found], dtype=bool),
        row_groups=rows,
        column_groups=columns,
        crowded=_crowded(found, rows),
        numberless=np.array(
            [bool(c.near) and bool(FREE.search(c.answer)) and c.value_type == AMOUNT for c in found], dtype=bool
        ),
        labels=frozenset(_labels(found)),
        limits=np.array([candidate.limit for candidate in found], dtype=object),
        spans=tuple(_spans(candidate) for candidate in found),
        spans_around=tuple(spans(candidate.text) for candidate in found),
    )


def _labels(found: Sequence[Candidate]) -> Iterator[frozenset[str]]:
    """The terms of every row and column label that is short enough to name a thing, but not so short to be a word."""
    for candidate in found:
        if candidate.kind == view.CELL and not candidate.near:
            for label in (candidate.row.split(" > ")[-1], candidate.column):
                named = frozenset(terms(_ASIDE.sub("", label)))
                if 2 <= len(named) <= 4:
                    yield named


def _spans(candidate: Candidate) -> frozenset[str]:
    """The spans that a value in a sentence counts for; those of a cell are terms of its labels."""
    return frozenset() if candidate.value_type == TEXT else spans(candidate.near)


def _answer_type(candidate: Candidate) -> str:
    if candidate.value_type in (COUNT, DURATION) and _YEARS_OF_LIFE.search(f"{candidate.near} {candidate.column}"):
        return AGE
    if candidate.value_type != CONTACT:
        return candidate.value_type
    if sum(map(str.isdigit, candidate.answer)) >= 4:
        return PHONE
    return EMAIL if "@" in candidate.answer else WEB


def _terms(candidate: Candidate) -> dict[str, tuple[str, ...]]:
    row, column = terms(candidate.row), terms(candidate.column)
    body = terms(_body(candidate))
    near = terms(candidate.near) if candidate.near else body
    leaf = terms(_ASIDE.sub("", candidate.row.split(" > ")[-1]))
    heading = (*terms(candidate.heading), *terms(candidate.before))
    own = (*row, *column, *body)
    return {
        "row": row,
        "column": column,
        "heading": heading,
        "own": own,
        "near": (*near, *row, *column),
        "everything": (*own, *heading),
        "telling": (*leaf, *column) if candidate.kind == view.CELL else near,
        "answer": terms(candidate.answer),
    }


def _body(candidate: Candidate) -> str:
    if candidate.kind == view.CELL:
        return candidate.near or candidate.answer
    return candidate.text[len(" | ".join(part for part in (candidate.heading, candidate.row) if part)) :]


def _pairs(candidate: Candidate) -> list[tuple[str, str]]:
    cell = candidate.kind == view.CELL
    spelled = (
        (*terms(candidate.row), *terms(candidate.column), *terms(candidate.answer)) if cell else terms(_body(candidate))
    )
    return list(pairwise(spelled))


def _part(lists: Sequence[Iterable[str]], index: dict[str, int]) -> Part:
    found = [(row, index[word]) for row, words in enumerate(lists) for word in sorted(set(words)) if word in index]
    array = np.array(found, dtype=np.int64).reshape(-1, 2)
    return Part(array[:, 0].copy(), array[:, 1].copy())


def _inverted(keys: Iterable[Iterable[Key]]) -> dict[Key, np.ndarray]:
    positions: dict[Key, list[int]] = {}
    for row, own in enumerate(keys):
        for key in dict.fromkeys(own):
            positions.setdefault(key, []).append(row)
    return {key: np.array(rows, dtype=np.int64) for key, rows in positions.items()}


def _groups(found: Sequence[Candidate], cells: Sequence[bool], key: Callable[[Candidate], tuple]) -> np.ndarray:
    """A group number per candidate; what is no cell stands alone."""
    numbers: dict[tuple, int] = {}
    return np.array(
        [
            numbers.setdefault(("cell", *key(candidate)) if cell else ("alone", position), len(numbers))
            for position, (candidate, cell) in enumerate(zip(found, cells, strict=True))
        ],
        dtype=np.int64,
    )


def _crowded(found: Sequence[Candidate], rows: np.ndarray) -> np.ndarray:
    """Whether a cell's row holds several answers, so that a column must be named."""
    answers: dict[int, set[str]] = {}
    for candidate, group in zip(found, rows.tolist(), strict=True):
        if not candidate.near:
            answers.setdefault(group, set()).add(candidate.answer)
    return np.array([len(answers.get(group, ())) > 1 for group in rows.tolist()], dtype=bool)
