"""What is kept of a model's training: its facts, the documents of its time, its line, and what the test shares with it."""

from collections.abc import Callable
from typing import Any

import pytest

from assets.training.learned import (
    contamination,
    facts_of,
    forget,
    held_out,
    line_of,
    shared_with,
    versions_known,
)
from resources.lake.lake import Lake
from resources.lake.tables import CORPUS, LEARNED_DOCUMENTS, LEARNED_FACTS, MODEL_REGISTRY


def fact(question: str, chunk: str | None = None, split: str = "train") -> dict[str, Any]:
    return {"question_id": question, "split": split, "question": question, "final_answer": "$5", "policy": "oracle",
            "chunk_id": chunk}  # fmt: skip


def asked(question: str, chunk: str | None = None, split: str = "test") -> dict[str, Any]:
    return {"split": split, "question": question, "chunk_id": chunk}


@pytest.fixture
def model(lake: Lake) -> Callable[..., None]:
    """Registers a model with what it learned: `model("m", fact(...), parent="old")`."""

    def write(model_id: str, *facts: dict[str, Any], parent: str = "") -> None:
        columns: dict[str, Any] = dict.fromkeys(MODEL_REGISTRY.schema.names, "")
        columns |= {name: [] for name in ("artifact_files", "artifact_hashes", "training_rows")}
        row = columns | {"model_id": model_id, "spec": f'{{"parent": "{parent}"}}', "stamp": None}
        lake.write(MODEL_REGISTRY, [*lake.rows_or_empty(MODEL_REGISTRY), row])
        lake.write(LEARNED_FACTS, facts, model_id)

    return write


def corpus_row(document: str, version: str) -> dict[str, Any]:
    return {"chunk_id": document, "document_id": document, "version": version, "page_start": 0, "page_end": 0,
            "char_start": 0, "char_end": 1, "heading_path": [], "text": "", "tokens": 1, "context": "",
            "contextual_text": "", "title": "", "uri": document, "sequence": 1}  # fmt: skip


def test_a_run_keeps_what_its_model_learned_and_the_documents_of_its_time(training_home, lake) -> None:
    home = training_home()
    home.write_document("guide.pdf", "v1", [f"c{n}" for n in range(20)])
    lake.write(CORPUS, [corpus_row("guide", "v1"), corpus_row("unasked", "v7")])
    home.run()
    model_id = home.model()["model_id"]
    facts = facts_of(lake, model_id)
    assert len(facts) == 20
    assert {row["split"] for row in facts} == {"train", "validation"}
    assert facts[0] == {"question_id": "q0", "split": "train", "question": "What is the fee of account 0?",
                        "final_answer": "$0.50", "policy": "oracle", "chunk_id": "c0"}  # fmt: skip
    assert versions_known(lake, model_id) == {"v1", "v7"}


def test_what_an_older_model_learned_outlives_the_dataset_it_learned_from(training_home, lake, row) -> None:
    home = training_home()
    home.run()
    first = home.model()["model_id"]
    home.write_rows([row(number, text=f"Account {number} costs $9 now.") for number in range(20)])
    home.run()
    assert home.model()["model_id"] != first
    assert len(facts_of(lake, first)) == 20


def test_nothing_is_known_of_a_model_that_nobody_kept_notes_of(lake) -> None:
    assert facts_of(lake, "gone") is versions_known(lake, "gone") is shared_with(lake, "gone", held_out([])) is None


def test_a_line_ends_at_the_base_even_if_somebody_tied_it_into_a_ring(model, lake) -> None:
    model("a")
    model("b", parent="a")
    model("c", parent="b")
    assert line_of(lake, "c") == ["c", "b", "a"]
    model("x", parent="y")
    model("y", parent="x")
    assert line_of(lake, "x") == ["x", "y"]


@pytest.mark.parametrize(
    ("test", "shared"),
    [
        pytest.param([asked("other?", "c1")], 1, id="its chunk answers a test question"),
        pytest.param([asked("What is the fee?")], 1, id="the test asks the same"),
        pytest.param([asked("the fee, what is it?")], 1, id="in other words of no weight"),
        pytest.param([asked("What is the fee?", "c1", "validation")], 0, id="that is validation"),
        pytest.param([asked("held?", "c2")], 0, id="what it only validated on"),
        pytest.param([asked("What is the rent?", "c9")], 0, id="something else"),
    ],
)  # fmt: skip
def test_rows_that_the_test_asks_about_are_counted(model, lake, test, shared) -> None:
    model("m", fact("What is the fee?", "c1"), fact("held?", "c2", "validation"))
    assert shared_with(lake, "m", held_out(test)) == shared
    assert bool(contamination(lake, "m", held_out(test))) == bool(shared)


def test_a_model_shares_what_its_parents_learned(model, lake) -> None:
    model("old", fact("What is the fee?", "c1"))
    model("young", fact("What is the rent?", "c2"), parent="old")
    assert contamination(lake, "young", held_out([asked("?", "c1")])) == (
        "the test asks about 1 of the rows that it or its parents trained on"
    )


def test_forgetting_spares_the_kept_models_but_not_their_note_of_an_erased_version(lake) -> None:
    for model_id in ("clean", "other"):
        lake.write(LEARNED_FACTS, [fact("fee?")], model_id)
        documents = [{"document_id": "d", "version": "v1"}, {"document_id": "e", "version": "gone"}]
        lake.write(LEARNED_DOCUMENTS, documents, model_id)
    forget(lake, {"clean"}, {"gone"})
    assert lake.partitions(LEARNED_FACTS) == ["clean"]
    assert versions_known(lake, "clean") == {"v1"}
    assert versions_known(lake, "other") is None
