"""A made-up corpus with repeats and overlaps, and questions about it, from nothing but a seed."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from assets.raft.recipes import DatasetRecipe, Recipe
from resources.hashing import short_id
from resources.llm.raft_text import quoted, render_answer

SYLLABLES = ("ba", "de", "fi", "go", "ku", "la", "me", "ni", "po", "ru", "sa", "ti", "vo", "wu", "xa", "ye")


@dataclass(frozen=True)
class World:
    chunks: list[dict[str, Any]]
    generated: list[dict[str, Any]]
    external: list[dict[str, Any]]


def _word(source: random.Random) -> str:
    return "".join(source.choice(SYLLABLES) for _ in range(3))


def _chunk(document: str, heading: str, text: str, place: int) -> dict[str, Any]:
    title = f"Guide {document}"
    context = f"{title} > {heading}"
    return {
        "chunk_id": short_id(document, text, place), "document_id": document, "version": "v", "page_start": place,
        "page_end": place, "char_start": 0, "char_end": len(text), "heading_path": [heading], "text": text,
        "tokens": 1, "context": context, "contextual_text": f"{context}\n\n{text}", "title": title,
        "uri": f"{document}.pdf", "sequence": 1,
    }  # fmt: skip


def _pair(chunk: dict[str, Any], sentence: str, question: str, final: str, kind: str) -> dict[str, Any]:
    start = chunk["text"].index(sentence)
    return {
        "question_id": short_id("qa", chunk["chunk_id"], question), "chunk_id": chunk["chunk_id"],
        "document_id": chunk["document_id"], "version": "v", "page": chunk["page_start"], "language": "en",
        "question": question, "answer": render_answer(f"It says {quoted(sentence)}.", final),
        "quotes": [{"text": sentence, "start": start, "end": start + len(sentence)}], "final_answer": final,
        "kind": kind, "origin": "generated", "accepted": True, "gate": None,
    }  # fmt: skip


def _brought(chunk: dict[str, Any] | None, question: str, use: str, answer: str | None) -> dict[str, Any]:
    return {
        "question_id": short_id("external", question), "question": question, "answer": answer, "document": None,
        "page": None, "quote": None, "use": use, "origin": "human", "kind": "open", "language": "en",
        "answerable": chunk is not None, "source": "q.jsonl:1", "document_id": chunk and chunk["document_id"],
        "chunk_id": chunk and chunk["chunk_id"], "status": "mapped" if chunk else "unanswerable", "reason": None,
    }  # fmt: skip


@pytest.fixture(scope="session")
def world() -> Callable[..., World]:
    """Builds a corpus: a fact per chunk, asked twice; one chunk in six repeats or overlaps an earlier one."""

    def build(seed: int, documents: int = 2, sections: int = 4, chunks: int = 3, brought: int = 6) -> World:
        source = random.Random(seed)
        rows: list[dict[str, Any]] = []
        pairs: list[dict[str, Any]] = []
        facts: list[tuple[dict[str, Any], str]] = []
        for place in range(documents * sections * chunks):
            document, section = f"d{place % documents}", place // documents % sections
            name, amount = (
                _word(source) + SYLLABLES[place % 16] + SYLLABLES[place // 16 % 16],
                f"${source.randint(1, 99)}.{source.randint(10, 99)}",
            )
            sentence = f"The charge for {name} is {amount} each month."
            text = f"{' '.join(_word(source) for _ in range(24))}.\n{sentence}"
            if rows and source.random() < 1 / 6:
                other = source.choice(rows)["text"]
                text = other if source.random() < 0.3 else f"{other[: len(other) // 2]} {sentence}"
                sentence = text if sentence not in text else sentence
            chunk = _chunk(document, f"Section {section}", text, place)
            rows.append(chunk)
            facts.append((chunk, name))
            pairs.append(_pair(chunk, sentence, f"What is the charge for {name}?", amount, "number"))
            pairs.append(_pair(chunk, sentence, f"How often is {name} paid in {document}?", "each month", "open"))
        asked = [
            _brought(chunk, f"How much do I pay for {name}, please?", source.choice(("train", "test", "both")), "$1.11")
            for chunk, name in source.sample(facts, min(brought, len(facts)))
        ]
        asked += [_brought(None, f"Who founded {_word(source)}?", use, None) for use in ("train", "test", "both")]
        return World(rows, pairs, asked)

    return build


@pytest.fixture(scope="session")
def recipe() -> Callable[..., Recipe]:
    """A recipe with the given dataset settings."""

    def build(**settings: Any) -> Recipe:
        return Recipe(name="r", dataset=DatasetRecipe(**settings))

    return build
