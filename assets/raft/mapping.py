"""From a question that somebody brought to the chunk that answers it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from assets.raft.external import MAPPED, NO_ANSWER, UNMAPPED
from resources.search.tokenizer import STOP_WORDS, tokens
from resources.text import collapsed

Row = dict[str, Any]
Chunk = Mapping[str, Any]

ENOUGH_OVERLAP, ENOUGH_TOKENS = 0.6, 3
"""Share of the quote's tokens a chunk must hold when the quote is not found word for word, and how many the quote must have."""

_MARKUP = re.compile(r"<[^>]+>|[|*_`#\\✓✗]+|\]\([^)]*\)|\[")

_SEAM = "\0"
_LATIN = r"(?:(?![\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff])[^\W_])"
_JOINED = re.compile(rf"{_LATIN}{_SEAM}{_LATIN}|\d{_SEAM}[.,]\d|\d[.,]{_SEAM}\d")


@dataclass(frozen=True)
class _Passage:
    """What a chunk is compared by."""

    text: str
    held: frozenset[str]
    shown: frozenset[str]


class _Corpus:
    """The current chunks by document; a chunk is taken apart once, however many questions are tried on it."""

    def __init__(self, chunks: Sequence[Chunk]):
        self.chunks = chunks
        self._by_name: dict[str, list[Chunk]] = {}
        self._passages: dict[str, _Passage] = {}
        for chunk in chunks:
            path = PurePosixPath(chunk["uri"])
            for name in sorted({chunk["uri"], path.name, path.stem}):
                self._by_name.setdefault(name.casefold(), []).append(chunk)

    def of_document(self, name: str) -> Sequence[Chunk]:
        return self._by_name.get(name.casefold(), [])

    def passage(self, chunk: Chunk) -> _Passage:
        found = self._passages.get(chunk["chunk_id"])
        if found is None:
            held = frozenset(tokens(chunk["text"]))
            found = _Passage(bare(chunk["text"]), held, held.union(tokens(chunk["contextual_text"])))
            self._passages[chunk["chunk_id"]] = found
        return found


def map_questions(rows: Sequence[Row], corpus: Sequence[Chunk]) -> list[Row]:
    """The rows with the chunk that answers each, or the reason why none was found."""
    known = _Corpus(corpus)
    return [_mapped(row, known) if row["status"] == UNMAPPED else row for row in rows]


def bare(text: str) -> str:
    """Text for comparison: no markup, one space between words, case folded."""
    return collapsed(_MARKUP.sub(" ", text)).casefold()


def _mapped(row: Row, corpus: _Corpus) -> Row:
    chunks = corpus.of_document(row["document"]) if row["document"] else corpus.chunks
    if row["document"] and not chunks:
        return row | {"reason": f"document {row['document']} is not in the corpus"}
    if row["page"] is not None:
        chunks = [chunk for chunk in chunks if chunk["page_start"] <= row["page"] <= chunk["page_end"]]
        if not chunks:
            return row | {"reason": f"{row['document'] or 'the corpus'} has no text on page {row['page'] + 1}"}
    if not row["answer"]:
        return row | {"reason": NO_ANSWER}
    chunk = _best(row, chunks, corpus)
    if chunk is None:
        missing = "quote" if row["quote"] else "answer beside words of the question; give a quote"
        return row | {"reason": f"no chunk holds the {missing}"}
    return row | {"status": MAPPED, "chunk_id": chunk["chunk_id"], "document_id": chunk["document_id"]}


def _best(row: Row, chunks: Sequence[Chunk], corpus: _Corpus) -> Chunk | None:
    """The chunk with the quote word for word, else the one that shares most of its tokens; answer breaks ties.

    An answer alone is weak evidence, `$5.00` stands in many places: it must be there word for word, and the chunk must
    speak of what the question asks about.
    """
    evidence = row["quote"] or row["answer"]
    needle = bare(evidence)
    wanted, answer, question = (set(tokens(text)) for text in (evidence, row["answer"], row["question"]))
    subject = set(tokens(row["question"], STOP_WORDS))

    def fit(chunk: Chunk) -> tuple[bool, float, float, float]:
        passage = corpus.passage(chunk)
        return (
            stands_in(needle, passage.text),
            len(wanted & passage.held) / max(1, len(wanted)),
            len(answer & passage.held) / max(1, len(answer)),
            len(question & passage.shown) / max(1, len(question)),
        )

    def is_good(score: tuple[bool, float, float, float], chunk: Chunk) -> bool:
        if row["quote"]:
            return score[0] or (len(wanted) >= ENOUGH_TOKENS and score[1] >= ENOUGH_OVERLAP)
        telling = len(needle) > 1 or needle.isdigit()
        return telling and score[0] and not subject.isdisjoint(corpus.passage(chunk).shown)

    scored = [(fit(chunk), chunk) for chunk in chunks]
    good = [(score, chunk) for score, chunk in scored if is_good(score, chunk)]
    if not good:
        return None
    return max(good, key=lambda pair: (pair[0], pair[1]["chunk_id"]))[1]


def stands_in(needle: str, text: str) -> bool:
    """Whether `needle` stands in `text` as whole words and numbers: `$5` is neither in `$500` nor in `$5.00`."""
    start = text.find(needle) if needle else -1
    while start >= 0:
        end = start + len(needle)
        if not (_goes_on(text[:start][-2:], needle[:2]) or _goes_on(needle[-2:], text[end : end + 2])):
            return True
        start = text.find(needle, start + 1)
    return False


def _goes_on(left: str, right: str) -> bool:
    """Whether a word or number that ends in `left` goes on in `right`; Chinese has no spaces, so its words never do."""
    return bool(_JOINED.search(f"{left}{_SEAM}{right}"))
