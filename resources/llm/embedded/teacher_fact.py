"""Facts: what the extractive teacher found in a chunk, each with the ways to ask for it and the words to answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from resources.hashing import seeded_unit

T = TypeVar("T")


@dataclass(frozen=True)
class Span:
    """A verbatim piece of a chunk: `chunk[start:end] == text`."""

    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Place:
    """Where a chunk stands: its document's title, the heading it is under, the language it is written in.

    `is_glossary`: the heading is a term in a list of terms. `rows_are_things`: a table's rows are products and its
    columns their properties, not the other way round.
    """

    title: str
    section: str
    language: str
    is_glossary: bool = False
    rows_are_things: bool = False


@dataclass(frozen=True)
class Fact:
    """One thing a chunk says. `phrasings` ask for it, best spread first; `reasoning` already holds its quotes.

    `row` and `column` (or the sentence's number) keep a selection from asking the same line again and again.
    """

    kind: str
    place: Place
    phrasings: tuple[str, ...]
    final: str
    quotes: tuple[Span, ...]
    reasoning: str
    row: str = ""
    column: str = ""


@dataclass(frozen=True)
class Asked:
    """Questions that one sentence answers, the answer, and the kind of fact it is."""

    kind: str
    questions: tuple[str, ...]
    final: str


def choose(options: Sequence[T], *seed: object) -> T:
    """The option that the seed's content hash points at."""
    return options[int(seeded_unit(*[str(part) for part in seed]) * len(options))]


def shuffled(options: Sequence[T], *seed: object) -> list[T]:
    """All options, in the order of the content hash of seed and position."""
    keys = [str(part) for part in seed]
    order = sorted(range(len(options)), key=lambda i: (seeded_unit(*keys, i), i))
    return [options[i] for i in order]
