"""Distractors: the other documents of a row, in order of preference, none of which answers the question."""

import random
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, zip_longest
from typing import Any

from assets.raft.repeats import Related
from assets.raft.similarity import NEAR_DUPLICATE, OVERLAP, key_terms, normalised, overlapping, terms, words
from resources.hashing import content_hash
from resources.text import collapsed

Row = Mapping[str, Any]

ABOUT = 0.75
"""A passage that holds this share of a question's key terms is about the question: it must not hold the answer too."""

_BARE = frozenset({"yes", "no", "是", "否", "有", "没有", "可以", "不可以", "能", "不能"})


class Distractors:
    """The passages of a corpus, ready to be drawn for any question; what one draw learns serves the next."""

    def __init__(self, corpus: Sequence[Row], seed: int, related: Related | None = None):
        """`related` is what `near_duplicates` recorded of this corpus; None: it is found here."""
        self.chunks: dict[str, Row] = {row["chunk_id"]: row for row in corpus}
        self._ids = sorted(self.chunks)
        self._seed = seed
        if related is None:
            related = overlapping({name: row["text"] for name, row in self.chunks.items()}, OVERLAP)
        self._related = related
        self._terms = {name: terms(row["contextual_text"]) for name, row in self.chunks.items()}
        self._text = {name: normalised(row["text"]) for name, row in self.chunks.items()}
        self._shown = {name: collapsed(row["contextual_text"]) for name, row in self.chunks.items()}
        self._by_document: dict[str, list[str]] = {}
        for name in self._ids:
            self._by_document.setdefault(self.chunks[name]["document_id"], []).append(name)

    def draw(self, question: Row, kind: str, hard: Sequence[str], count: int) -> list[str]:
        """Up to `count` chunk ids, best first, distinct by content; fewer if the corpus has no more that qualify.

        `kind` is that of the recipe; `hard` ranks what retrieval returns. A kind that runs out is topped up.
        """
        found: list[str] = []
        for name in self._ranked(question, kind, hard):
            if len(found) == count:
                break
            if name not in found and self.harmless(question, name) and not self.repeats(name, found):
                found.append(name)
        return found

    def repeats(self, name: str, others: Sequence[str]) -> bool:
        """Whether a passage says again what one of the others says."""
        related = self._related.get(name, {})
        return any(
            name == other or self._text[name] == self._text[other] or related.get(other, 0.0) >= NEAR_DUPLICATE
            for other in others
        )

    def harmless(self, question: Row, name: str) -> bool:
        """Whether a passage neither overlaps the oracle, nor repeats a quote, nor answers the question by itself."""
        if not question["answerable"]:
            return True
        oracle = question["chunk_id"]
        if name == oracle or name in self._related.get(oracle, ()) or self._text[name] == self._text[oracle]:
            return False
        if any(collapsed(quote["text"]) in self._shown[name] for quote in question["quotes"] if quote["text"].strip()):
            return False
        return not self._answers(question, name)

    def _answers(self, question: Row, name: str) -> bool:
        wanted, held = key_terms(question["question"]), self._terms[name]
        about = len(wanted & held) / len(wanted) if wanted else 1.0
        final = question["final_answer"]
        if normalised(final) in _BARE or not words(final):
            return about == 1.0
        return about >= ABOUT and terms(final) - _BARE <= held

    def _ranked(self, question: Row, kind: str, hard: Sequence[str]) -> Iterator[str]:
        oracle = self.chunks.get(question["chunk_id"] or "")
        document = oracle["document_id"] if oracle else question["document_id"]
        ranked = [name for name in hard if name in self.chunks]
        same = list(self._shuffled(self._by_document.get(document or "", ()), question, "same"))
        everything = self._shuffled(self._ids, question, "random")
        if kind == "hard":
            return chain(ranked, everything)
        if kind == "same_document":
            return chain(same, everything)
        if kind == "mixed":
            drawn = list(self._shuffled(self._ids, question, "mixed", len(ranked) + len(same)))
            turns = chain.from_iterable(zip_longest(ranked, same, drawn))
            return chain((name for name in turns if name is not None), everything)
        return everything

    def _shuffled(self, names: Sequence[str], question: Row, purpose: str, count: int | None = None) -> Iterator[str]:
        """The names in seeded order, drawn lazily: a large corpus is not shuffled for three distractors."""
        source = random.Random(content_hash(self._seed, question["question_id"], purpose))
        moved: dict[int, int] = {}
        for left in range(len(names), max(0, len(names) - count) if count is not None else 0, -1):
            index = int(source.random() * left)
            yield names[moved.get(index, index)]
            moved[index] = moved.get(left - 1, left - 1)
