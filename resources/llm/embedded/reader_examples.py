"""RAFT rows as examples for the reader: the scene of each question, and which of its candidates answer it.

Questions are repeated with words dropped or replaced by words that no document knows, because the people who will
ask do not use the words of the teacher; and some rows are repeated without their oracle, to be refused.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from resources.hashing import seeded_unit
from resources.llm.embedded import candidates as view
from resources.llm.embedded.answers import final_answer
from resources.llm.embedded.features import Scene, scene
from resources.llm.embedded.values import number_of
from resources.llm.embedded.vocabulary import terms
from resources.llm.raft_text import is_refusal, language_of, parse_answer
from resources.search.tokenizer import STOP_WORDS

Row = Mapping[str, Any]
_YES_OR_NO = re.compile(r"\s*(?:yes\b|no\b(?!\s+\w))|[是否](?=\W|$)", re.I)
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
_MOSTLY = 0.6
_WORD = re.compile(r"[A-Za-z][\w'’-]*|\S")


@dataclass(frozen=True)
class ReaderHyperparameters:
    """`l2` pulls towards the base weights; `augmentations` copies of each question lose `word_dropout` of their words;
    `absent_copies` is the share of answerable rows repeated without their oracle, to be refused."""

    l2: float = 0.1
    confidence_l2: float = 0.03
    epochs: int = 60
    augmentations: int = 2
    word_dropout: float = 0.3
    hard_negatives: int = 40
    absent_copies: float = 0.3

    def __post_init__(self) -> None:
        if not (self.l2 >= 0 and self.confidence_l2 >= 0 and 0 <= self.word_dropout < 1):
            raise ValueError("l2 and confidence_l2 must be at least 0, word_dropout at least 0 and below 1")
        if self.epochs < 1 or self.augmentations < 0 or self.hard_negatives < 1:
            raise ValueError("epochs and hard_negatives must be at least 1, augmentations at least 0")


@dataclass(frozen=True)
class Example:
    """A row seen by the reader: its scene, the candidates that answer it, the answer (None if it must be refused)."""

    question: str
    scene: Scene
    right: tuple[int, ...]
    answer: str | None
    generated: bool = True

    def final_of(self, index: int) -> str:
        return final_answer(self.scene.candidates[index], self.scene.facets, self.question)


def examples_of(rows: Sequence[Row], hyperparameters: ReaderHyperparameters, seed: int) -> Iterator[Example]:
    for row in rows:
        for copy in range(hyperparameters.augmentations + 1):
            question = (
                row["question"] if copy == 0 else _reworded(row["question"], hyperparameters.word_dropout, seed, copy)
            )
            example = _example(row, question)
            if example is not None:
                yield example
        if row["oracle_present"] and seeded_unit("absent", seed, row["question"]) < hyperparameters.absent_copies:
            example = _without_oracle(row)
            if example is not None:
                yield example


def _without_oracle(row: Row) -> Example | None:
    """The row with its oracle taken away, if it can still be read; nothing that is left may give its answer."""
    texts = [document["text"] for i, document in enumerate(row["documents"]) if i != row["oracle_index"]]
    seen = scene(texts, row["question"])
    return Example(row["question"], seen, (), None, is_generated(row)) if seen is not None else None


def _example(row: Row, question: str) -> Example | None:
    """The row as an example; None if there is nothing to choose from."""
    seen = scene([document["text"] for document in row["documents"]], question)
    if seen is None:
        return None
    if is_refusal(row["final_answer"]):
        return Example(question, seen, (), None, is_generated(row))
    return Example(question, seen, _right(row, seen, question), row["final_answer"], is_generated(row))


def is_generated(row: Row) -> bool:
    """Whether the teacher wrote the row's question; rows of unknown origin count as generated."""
    return row.get("origin", "generated") == "generated"


def _right(row: Row, seen: Scene, question: str) -> tuple[int, ...]:
    """The oracle's candidates that give the row's answer on the row's evidence."""
    quotes = [_squeezed(quote) for quote in parse_answer(row["target"]).quotes]
    answering = [
        index
        for index in np.flatnonzero(seen.origin == row["oracle_index"]).tolist()
        if same_answer(final_answer(seen.candidates[index], seen.facets, question), row["final_answer"])
    ]
    quoting = [index for index in answering if _overlaps(_squeezed(seen.candidates[index].quote), quotes)]
    chosen = quoting or answering
    told = set(terms(row["target"] + " " + row["question"]))
    named = [i for i in chosen if seen.candidates[i].kind != view.CELL or set(terms(seen.candidates[i].column)) <= told]
    return tuple(named or chosen)


def same_answer(one: str, reference: str) -> bool:
    """Whether an answer says what the reference says: the same yes or no, the same numbers, or mostly the same terms."""
    if _plain(one) == _plain(reference):
        return True
    if wanted := _YES_OR_NO.match(reference):
        given = _YES_OR_NO.match(one)
        return bool(given) and given.group(0).casefold() == wanted.group(0).casefold()
    if numbers := _numbers(reference):
        return _numbers(one) == numbers
    mine, theirs = Counter(terms(one)), Counter(terms(reference))
    return not _numbers(one) and 2 * (mine & theirs).total() > _MOSTLY * (mine.total() + theirs.total())


def _numbers(text: str) -> frozenset[str]:
    return frozenset(number_of(number) for number in _NUMBER.findall(text))


@lru_cache(maxsize=1 << 14)
def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"[.。!！…]+$", "", text.strip())).casefold()


def _squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def _overlaps(quote: str, quotes: Sequence[str]) -> bool:
    return any(quote in other or other in quote for other in quotes if other)


def _reworded(question: str, dropout: float, seed: int, copy: int) -> str:
    """The question with some content words lost or replaced by unknown words; names are kept more often."""
    if language_of(question) == "zh":
        return _reworded_zh(question, dropout, seed, copy)
    words = []
    for position, word in enumerate(_WORD.findall(question)):
        chance = seeded_unit("reword", seed, copy, question, position)
        content = word[0].isalpha() and word.lower() not in STOP_WORDS and position > 1
        rate = dropout * (0.3 if word[0].isupper() else 1.0) * content
        if chance >= rate:
            words.append(word)
        elif chance < rate / 2:
            words.append(f"qz{int(chance * 1e6):x}")
    return " ".join(words)


def _reworded_zh(question: str, dropout: float, seed: int, copy: int) -> str:
    pieces = [question[start : start + 2] for start in range(0, len(question), 2)]
    kept = [
        p
        for i, p in enumerate(pieces)
        if i + 2 >= len(pieces) or seeded_unit("reword", seed, copy, question, i) >= dropout / 2
    ]
    return "".join(kept)
