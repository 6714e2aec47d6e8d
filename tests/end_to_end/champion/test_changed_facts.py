"""Facts that changed since the champion was trained: put to it, judged, checked, shown, and a reason to train again."""

from typing import Any

import pytest

from assets.training.drift import retraining_reason
from resources.lake.tables import CORPUS, LEARNED_DOCUMENTS, LEARNED_FACTS, QUESTION_BANK, RAFT_DATASET
from tests.end_to_end.conftest import succeeded
from tests.end_to_end.homes import latest_check, ledger_keys, metadata, rows

pytestmark = pytest.mark.slow
BICYCLE = "What does a bicycle cost for each crossing?"


def learned(rivals, model_id: str, answer: str) -> None:
    """Rewrites what a model was taught of the ferry's price for a bicycle, and lets it be trained before the ferry came."""
    facts = rivals.lake.rows(LEARNED_FACTS, model_id)
    told = {"question": BICYCLE, "final_answer": answer, "policy": "oracle"}
    rivals.lake.write(LEARNED_FACTS, [facts[0] | told, *facts[1:]], model_id)
    [recipe] = [recipe for recipe, student in rivals.students.items() if student == model_id]
    first, *others = sorted(
        rivals.lake.rows(RAFT_DATASET, recipe), key=lambda row: row["question_id"] != facts[0]["question_id"]
    )
    rivals.lake.write(RAFT_DATASET, [first | told, *others], recipe)
    ferry = {row["version"] for row in rivals.lake.rows(CORPUS) if row["uri"] == "ferry.pdf"}
    documents = [row for row in rivals.lake.rows(LEARNED_DOCUMENTS, model_id) if row["version"] not in ferry]
    rivals.lake.write(LEARNED_DOCUMENTS, documents, model_id)


def accepted(rivals, answer: str) -> None:
    """Lets the bank hold this answer to the question about the bicycle."""
    first, *others = rivals.lake.rows(QUESTION_BANK)
    others = [row for row in others if row["question"] != BICYCLE]
    [chunk] = [row for row in rivals.lake.rows(CORPUS) if "bicycle" in row["text"]]
    told = {"question": BICYCLE, "final_answer": answer, "status": "kept", "answerable": True, "split": "train"}
    place = {"chunk_id": chunk["chunk_id"], "document_id": chunk["document_id"], "page": 0}
    rivals.lake.write(QUESTION_BANK, [first | told | place, *others])


def test_the_champion_is_asked_what_changed_and_ask_warns_of_the_newer_document(rivals, crowned) -> None:
    bold = crowned("bold")
    assert rows(rivals.home, "changed_facts") == []
    paid = ledger_keys(rivals.home)
    assert rivals.asked()["warning"] == ""
    learned(rivals, bold, "$1.90")
    accepted(rivals, "$2.10")

    rivals.materialize()

    [fact] = rows(rivals.home, "changed_facts")
    expected: dict[str, Any] = {
        "question": BICYCLE, "old_answer": "$1.90", "new_answer": "$2.10", "answer": "$2.10", "verdict": "new",
        "amount_or_date": True, "document": "ferry.pdf", "page": 0, "model_id": bold, "recipe": "bold",
        "learned_by": bold,
    }  # fmt: skip
    assert {name: fact[name] for name in expected} == expected
    assert latest_check(rivals.home, "changed_facts", "old_answers_are_rare").passed
    assert metadata(rivals.home, "changed_facts")["old answers"] == 0.0
    assert rivals.due("changed_facts") == []

    before = ledger_keys(rivals.home)
    assert set(paid) <= set(before)
    told = rivals.asked()
    assert (told["answer"], told["newer_than_the_model"]) == ("$2.10", ["ferry.pdf"])
    assert ledger_keys(rivals.home) == before, "it was asked just as `ask` asks"
    said = succeeded(rivals.say("ask", BICYCLE)).out
    assert "ferry.pdf is newer than the model" in said

    succeeded(rivals.champion("rollback"))
    assert rows(rivals.home, "changed_facts") == [], "the base has learned nothing that could change"
    assert rivals.asked()["newer_than_the_model"] == []


def test_an_old_amount_fails_the_check_with_samples_and_makes_its_recipe_due(rivals, crowned) -> None:
    bold = crowned("bold")
    learned(rivals, bold, "$2.10")
    accepted(rivals, "$3.00")
    rivals.materialize()
    [fact] = rows(rivals.home, "changed_facts")
    assert (fact["verdict"], fact["answer"], fact["new_answer"]) == ("old", "$2.10", "$3.00")
    check = latest_check(rivals.home, "changed_facts", "old_answers_are_rare")
    assert (check.passed, check.severity.value) == (False, "WARN")
    [sample] = check.metadata["sample"].records
    assert (sample.data["document"], sample.data["page"]) == ("ferry.pdf", "1")
    assert retraining_reason(rivals.lake, "bold", 1.0) == f"1 learned amounts or dates have changed: {BICYCLE}"
