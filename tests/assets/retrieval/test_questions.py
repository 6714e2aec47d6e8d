"""What retrieval is measured on: every chunk with its vector, and only questions whose chunk is current."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assets.retrieval.neighbours import rank_chunks
from assets.retrieval.questions import embedded_chunks, retrieval_questions
from resources.errors import LakeError
from resources.lake.lake import Lake
from resources.lake.tables import CHUNK_EMBEDDINGS, CORPUS, QA_PAIRS
from resources.llm.embedded.provider import EmbeddedEmbedder
from resources.llm.gateway import EmbeddingLane, Gateway
from resources.llm.ledger import Ledger
from resources.llm.models import Embedder
from resources.options import EvaluationOptions
from resources.search.index import SearchIndex

TEXTS = {
    "c1": "The fee for a cash withdrawal is $5.00.",
    "c2": "A wire transfer costs $30.00.",
    "c3": "Interest is paid monthly.",
}


def chunk(name: str) -> dict[str, Any]:
    return {
        "chunk_id": name, "document_id": "d", "version": "v", "page_start": 0, "page_end": 0, "char_start": int(name[1:]),
        "char_end": 9, "heading_path": ["Fees", name], "text": TEXTS[name], "tokens": 3, "context": "Guide > Fees",
        "contextual_text": f"Guide > Fees\n\n{TEXTS[name]}", "title": "Guide", "uri": "g.pdf", "sequence": 1,
    }  # fmt: skip


def question(name: str, about: str, accepted: bool = True) -> dict[str, Any]:
    return {
        "question_id": name, "chunk_id": about, "document_id": "d", "version": "v", "page": 0, "language": "en",
        "question": f"Question {name}?", "answer": "", "quotes": [], "final_answer": "", "kind": "open",
        "origin": "generated", "accepted": accepted, "gate": None if accepted else "duplicate", "reason": None,
    }  # fmt: skip


@pytest.fixture
def embedder(tmp_path: Path) -> Embedder:
    return Embedder(EmbeddingLane(EmbeddedEmbedder()), Gateway(Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")))


@pytest.fixture
def corpus(lake: Lake) -> list[dict[str, Any]]:
    lake.write(CORPUS, [chunk("c2"), chunk("c1")])
    return lake.rows(CORPUS)


def vectors(*pairs: tuple[str, str, list[float]]) -> list[dict[str, Any]]:
    return [{"chunk_id": name, "model": model, "vector": vector} for name, model, vector in pairs]


def test_chunks_and_vectors_come_in_the_same_order_from_whatever_batch(lake, corpus) -> None:
    lake.write(CHUNK_EMBEDDINGS, vectors(("c2", "m", [2.0]), ("gone", "m", [9.0])), "000001-a")
    lake.write(CHUNK_EMBEDDINGS, vectors(("c1", "m", [1.0]), ("c1", "other", [7.0])), "000002-b")
    chunks, found = embedded_chunks(lake, "m")
    assert [(row["chunk_id"], vector.tolist()) for row, vector in zip(chunks, found, strict=True)] == [
        ("c1", [1.0]),
        ("c2", [2.0]),
    ]
    assert found[0].dtype == np.float32


def test_a_chunk_that_was_never_embedded_with_this_model_is_named(lake, corpus) -> None:
    lake.write(CHUNK_EMBEDDINGS, vectors(("c2", "m", [2.0]), ("c1", "other", [7.0])), "000001-a")
    with pytest.raises(LakeError, match=r"1 chunks have no vector of m \(first: c1\).*chunk_embeddings"):
        embedded_chunks(lake, "m")


def test_an_empty_corpus_has_no_chunks(lake) -> None:
    lake.write(CORPUS, [])
    assert embedded_chunks(lake, "m") == ([], [])


def test_only_accepted_questions_about_current_chunks_are_asked(lake, corpus, embedder) -> None:
    lake.write(QA_PAIRS, [question("a", "c1"), question("b", "gone"), question("c", "c2", accepted=False)], "000001-a")
    external = [
        {"question_id": "h", "question": "Human?", "chunk_id": "c2", "origin": "human"},
        {"question_id": "u", "question": "Unmapped?", "chunk_id": None, "origin": "human"},
    ]
    asked = retrieval_questions(lake, corpus, external, embedder, EvaluationOptions())
    assert [(one.question_id, one.origin, one.relevant_chunk_ids) for one in asked] == [
        ("a", "generated", {"c1"}),
        ("h", "human", {"c2"}),
    ]
    assert asked[0].group == asked[1].group


def test_generated_questions_are_a_seeded_sample_and_people_s_are_all_asked(lake, corpus, embedder) -> None:
    lake.write(QA_PAIRS, [question(f"q{number}", "c1") for number in range(30)], "000001-a")
    external = [{"question_id": f"h{n}", "question": "Human?", "chunk_id": "c2", "origin": "human"} for n in range(9)]
    options = EvaluationOptions(generated_limit=5)
    asked = retrieval_questions(lake, corpus, external, embedder, options)
    assert [one.origin for one in asked].count("generated") == 5
    assert [one.origin for one in asked].count("human") == 9
    again = retrieval_questions(lake, corpus, external, embedder, options)
    assert [one.question_id for one in again] == [one.question_id for one in asked]


def test_a_question_s_neighbours_are_the_chunks_the_index_returns_best_first(embedder) -> None:
    names = list(TEXTS)
    index = SearchIndex.build(names, [TEXTS[name] for name in names], embedder.embed([TEXTS[name] for name in names]))
    questions = [
        {"question_id": "w", "question": "What does a wire transfer cost?", "chunk_id": "c2"},
        {"question_id": "i", "question": "When is interest paid?", "chunk_id": None},
    ]
    ranked = rank_chunks(index, questions, embedder, {"c2": "v"}, depth=2)
    assert {name: found[0] for name, found in ranked.items()} == {"w": "c2", "i": "c3"}
    assert all(len(found) == 2 for found in ranked.values())
    assert rank_chunks(index, [], embedder, {}) == {}


def test_the_ledger_knows_the_document_behind_every_embedded_question_that_has_one(lake, corpus, embedder) -> None:
    lake.write(QA_PAIRS, [question("a", "c1")], "000001-a")
    external = [{"question_id": "h", "question": "Human?", "chunk_id": "c2", "origin": "human"}]
    retrieval_questions(lake, corpus, external, embedder, EvaluationOptions())
    index = SearchIndex.build(["c1"], [TEXTS["c1"]], embedder.embed([TEXTS["c1"]]))
    bank = [
        {"question_id": "b", "question": "Brought?", "chunk_id": "c1"},
        {"question_id": "n", "question": "Nowhere?", "chunk_id": None},
    ]
    rank_chunks(index, bank, embedder, {"c1": "v2"})
    with sqlite3.connect(embedder.gateway.ledger.url.removeprefix("sqlite:///")) as ledger:
        found = ledger.execute("select request, document_version from answers left join call_sources using (key)")
        sources = {json.loads(request)["messages"][0][1]: version for request, version in found}
    assert sources == {
        "Question a?": "v", "Human?": "v", "Brought?": "v2", "Nowhere?": None, TEXTS["c1"]: None,
    }  # fmt: skip
