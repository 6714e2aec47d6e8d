"""Drift: how far the bank has moved from what a student learned, and when that is enough to train again."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.training.drift import measure_drift, retraining_reason
from resources.lake.lake import Lake
from resources.lake.tables import (
    CHANGED_FACTS,
    EVALUATION_SET,
    FINE_TUNED_MODEL,
    LEARNED_FACTS,
    QUESTION_BANK,
    RAFT_DATASET,
)


def learned(question: str, answer: str, policy: str = "oracle") -> dict[str, Any]:
    return {"question": question, "final_answer": answer, "policy": policy}


def kept(question: str, answer: str, **changes: Any) -> dict[str, Any]:
    return {
        "question": question, "final_answer": answer, "status": "kept", "split": "train", "answerable": True, **changes,
    }  # fmt: skip


def dataset_row(number: int, answer: str) -> dict[str, Any]:
    return learned(f"Question {number}?", answer) | {
        "row_id": f"r{number}", "split": "train", "question_id": f"q{number}", "documents": [], "oracle_index": 0,
        "oracle_present": True, "strategy": "raft", "oracle_text": "", "target": "", "origin": "generated",
        "kind": "open", "group": "g", "tokens": 1,
    }  # fmt: skip


def bank_row(number: int, answer: str, **changes: Any) -> dict[str, Any]:
    return kept(f"Question {number}?", answer) | {
        "question_id": f"q{number}", "answer": "", "quotes": [], "kind": "open", "origin": "generated",
        "language": "en", "chunk_id": "c", "document_id": "d", "page": 0, "group": "g", "reason": None, **changes,
    }  # fmt: skip


MODEL = {
    "model_id": "m", "recipe": "r", "backend": "embedded", "base_model": "b", "spec": "{}", "status": "succeeded",
    "artifact": "a", "artifact_files": [], "artifact_hashes": [], "dataset_version": "v", "training_rows": [],
    "metrics": "{}", "provenance": "{}", "stamp": None,
}  # fmt: skip


@pytest.mark.parametrize(
    ("trained", "bank", "share", "facts"),
    [
        pytest.param([], [], 0.0, (), id="nothing learned, nothing there"),
        pytest.param([learned("a", "1")], [kept("a", "1")], 0.0, (), id="nothing moved"),
        pytest.param([learned("a", "1")], [kept("a", "1"), kept("b", "x")], 1.0, (), id="one added"),
        pytest.param([learned("a", "x"), learned("b", "y")], [kept("a", "x")], 0.5, (), id="one removed"),
        pytest.param([learned("fee?", "$5.00")], [kept("fee?", "$6.00")], 1.0, ("fee?",), id="an amount changed"),
        pytest.param([learned("when?", "1 May 2026")], [kept("when?", "2 May 2026")], 1.0, ("when?",), id="a date"),
        pytest.param([learned("who?", "Ada")], [kept("who?", "Bob")], 1.0, (), id="words changed, no number"),
        pytest.param(
            [learned("fee?", "$5.00")], [kept("fee?", "5.00 dollars")], 1.0, (), id="the same number reworded"
        ),
        pytest.param(
            [learned("fee?", "$5.00"), learned("fee?", "$7.00")], [kept("fee?", "$6.00"), kept("fee?", "$7.00")],
            1.0, ("fee?",), id="one of two answers changed, not the last",
        ),
        pytest.param(
            [learned("fee?", "$5.00"), learned("fee?", "none")], [kept("fee?", "$5.00"), kept("fee?", "no fee")],
            1.0, (), id="the one of two answers that has no number changed",
        ),
        pytest.param([learned("fee?", "$5.00")], [], 1.0, (), id="a removed question is no changed fact"),
        pytest.param([learned("a", "no", "refuse")], [kept("a", "$5")], 0.0, (), id="taught to decline: no drift"),
        pytest.param([learned("a", "1")], [kept("a", "1"), kept("t", "2", split="test")], 0.0, (), id="test rows"),
        pytest.param([learned("a", "1")], [kept("a", "1"), kept("w", "2", status="withheld")], 0.0, (), id="withheld"),
        pytest.param(
            [learned("a", "1")], [kept("a", "1"), kept("u", "", answerable=False)], 0.0, (), id="unanswerable"
        ),
    ],
)  # fmt: skip
def test_drift_is_the_share_that_moved_and_the_facts_that_changed(trained, bank, share, facts) -> None:
    drift = measure_drift(trained, bank)
    assert (drift.share, drift.changed_facts) == (share, facts)


PAIRS = st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(["$1", "$2", "x"]), max_size=6)


@given(PAIRS, PAIRS, st.randoms())
def test_drift_does_not_depend_on_the_order_of_rows(before, now, shuffle) -> None:
    trained, bank = [learned(*pair) for pair in before.items()], [kept(*pair) for pair in now.items()]
    drift = measure_drift(trained, bank)
    shuffle.shuffle(trained)
    shuffle.shuffle(bank)
    assert measure_drift(trained, bank) == drift
    assert (drift.share == 0) == (before == now)
    assert all(before[question] != now[question] for question in drift.changed_facts)


@pytest.fixture
def trained(lake: Lake) -> Lake:
    """A lake in which recipe `r` was trained on 100 questions that the bank still holds."""
    lake.write(RAFT_DATASET, [dataset_row(number, f"${number}") for number in range(100)], "r")
    lake.write(FINE_TUNED_MODEL, [MODEL], "r")
    set_bank(lake, {})
    lake.put_fingerprint("raft_dataset", "r", {"question_bank": lake.version(QUESTION_BANK) or ""})
    return lake


def set_bank(lake: Lake, answers: dict[int, str], *extra: dict[str, Any]) -> None:
    lake.write(QUESTION_BANK, [*(bank_row(n, answers.get(n, f"${n}")) for n in range(100)), *extra])


def test_a_recipe_that_was_never_trained_is_not_due_by_drift(lake) -> None:
    assert retraining_reason(lake, "r", 0.02) == ""


def test_a_bank_that_has_not_moved_is_no_reason(trained) -> None:
    assert retraining_reason(trained, "r", 0.0) == ""


def test_a_changed_amount_is_a_reason_at_any_threshold_and_is_shown(trained) -> None:
    set_bank(trained, {7: "$700"})
    assert retraining_reason(trained, "r", 1.0) == "1 learned amounts or dates have changed: Question 7?"


def test_added_questions_are_a_reason_from_the_threshold_on(trained) -> None:
    set_bank(trained, {}, bank_row(200, "x"), bank_row(201, "y"))
    assert retraining_reason(trained, "r", 0.03) == ""
    assert retraining_reason(trained, "r", 0.02) == "2.0% of the learned questions were added, removed or changed"


def test_questions_that_the_recipe_left_out_do_not_make_it_due_for_ever(trained) -> None:
    set_bank(trained, {}, *(bank_row(number, "too long for the recipe") for number in range(200, 220)))
    assert retraining_reason(trained, "r", 0.02) != ""
    trained.put_fingerprint("raft_dataset", "r", {"question_bank": trained.version(QUESTION_BANK) or ""})
    assert retraining_reason(trained, "r", 0.02) == ""


def champion_said(lake: Lake, number: int, verdict: str = "old", **changes: Any) -> None:
    """Writes what the champion of recipe `r` said to a question, whose answer is June now."""
    row = {
        "question_id": f"q{number}", "question": f"Question {number}?", "old_answer": f"${number}",
        "new_answer": "June", "answer": f"${number}", "verdict": verdict, "amount_or_date": True, "document": "d.pdf",
        "page": 1, "model_id": "m", "recipe": "r", "learned_by": "m",
    }  # fmt: skip
    lake.write(CHANGED_FACTS, [row | changes])


def test_an_old_amount_or_date_of_the_champion_is_a_reason_at_any_threshold(trained) -> None:
    set_bank(trained, {}, bank_row(200, "x"))
    champion_said(trained, 7)
    assert retraining_reason(trained, "r", 1.0) == "the champion still gives 1 old amounts or dates: Question 7?"


@pytest.mark.parametrize(
    "said",
    [{"verdict": "new"}, {"verdict": "other"}, {"verdict": "not_asked"}, {"amount_or_date": False}, {"recipe": "s"},
     {"question": "What a parent alone had learned?"}],
)  # fmt: skip
def test_no_other_verdict_is_a_reason(trained, said) -> None:
    set_bank(trained, {}, bank_row(200, "x"))
    champion_said(trained, 7, **said)
    assert retraining_reason(trained, "r", 1.0) == ""


def test_a_dataset_that_teaches_the_new_answer_is_no_reason_however_often_the_old_champion_says_the_old_one(
    trained,
) -> None:
    champion_said(trained, 7, new_answer="$7", old_answer="$6")
    set_bank(trained, {}, bank_row(200, "x"))
    assert retraining_reason(trained, "r", 1.0) == ""


def test_once_it_is_trained_on_the_present_bank_nothing_of_this_is_a_reason(trained) -> None:
    set_bank(trained, {}, bank_row(200, "x"))
    champion_said(trained, 7)
    assert retraining_reason(trained, "r", 1.0) != ""
    trained.put_fingerprint("raft_dataset", "r", {"question_bank": trained.version(QUESTION_BANK) or ""})
    assert retraining_reason(trained, "r", 0.0) == ""


@pytest.mark.parametrize(
    ("split", "reason"),
    [("train", "the test asks about 1 of the rows that its student trained on"), ("validation", "")],
)
def test_a_student_that_another_recipes_training_barred_from_the_test_is_due_until_it_is_trained_again(
    trained, split, reason
) -> None:
    fact = {"question_id": "q7", "split": split, "question": "Question 7?", "final_answer": "$7", "policy": "oracle"}
    trained.write(LEARNED_FACTS, [fact | {"chunk_id": "c7"}], "m")
    item = dict.fromkeys(EVALUATION_SET.schema.names, "") | {
        "documents": [], "oracle_index": 0, "answerable": True, "page": 0, "question": "What is it?", "chunk_id": "c7",
    }  # fmt: skip
    set_bank(trained, {}, bank_row(200, "x"))
    assert retraining_reason(trained, "r", 1.0) == ""
    trained.write(EVALUATION_SET, [item | {"item_id": "i", "split": "test"}])
    assert retraining_reason(trained, "r", 1.0) == reason
    trained.put_fingerprint("raft_dataset", "r", {"question_bank": trained.version(QUESTION_BANK) or ""})
    assert retraining_reason(trained, "r", 1.0) == ""
