"""Changed facts: which of what a model learned is wrong today, and what its answer to that is worth."""

from collections.abc import Callable
from typing import Any

import pytest

from assets.serving.facts import ChangedFact, changes_since, judged
from resources.lake.lake import Lake
from resources.lake.tables import LEARNED_FACTS, MODEL_REGISTRY
from resources.llm.raft_text import REFUSAL, render_answer
from resources.llm.request import Completion


def now(question: str, answer: str, **changes: Any) -> dict[str, Any]:
    return {
        "question_id": f"now {question} {answer}", "question": question, "final_answer": answer, "status": "kept",
        "answerable": True, "chunk_id": "c", "page": 0, **changes,
    }  # fmt: skip


@pytest.fixture
def learned(lake: Lake) -> Callable[..., None]:
    """Writes what a model was taught: `learned("m", ("fee?", "$5"))`; `parent` names the model it went on from."""

    def write(model_id: str, *facts: tuple[str, ...], parent: str = "") -> None:
        rows = [
            {"question_id": f"{number}", "split": "train", "question": question, "final_answer": answer,
             "policy": policy[0] if policy else "oracle", "chunk_id": "c"}
            for number, (question, answer, *policy) in enumerate(facts)
        ]  # fmt: skip
        lake.write(LEARNED_FACTS, rows, model_id)
        columns: dict[str, Any] = dict.fromkeys(MODEL_REGISTRY.schema.names, "")
        columns |= {name: [] for name in ("artifact_files", "artifact_hashes", "training_rows")}
        row = columns | {"model_id": model_id, "spec": f'{{"parent": "{parent}"}}', "stamp": None}
        lake.write(MODEL_REGISTRY, [*lake.rows_or_empty(MODEL_REGISTRY), row])

    return write


@pytest.mark.parametrize(
    ("before", "bank", "changed"),
    [
        pytest.param([("fee?", "$5.00")], [now("fee?", "$6.00")], [("$5.00", "$6.00", True)], id="an amount"),
        pytest.param([("Fee?", "$5.00")], [now("fee", "$6.00")], [("$5.00", "$6.00", True)], id="another case"),
        pytest.param([("by when?", "3 May 2026")], [now("by when?", "3 June 2026")],
                     [("3 May 2026", "3 June 2026", True)], id="a month"),
        pytest.param([("fee?", "free")], [now("fee?", "$5.00")], [("free", "$5.00", True)], id="no longer free"),
        pytest.param([("who?", "Ada Byron")], [now("who?", "Grace Hopper")], [("Ada Byron", "Grace Hopper", False)],
                     id="a name"),
        pytest.param([("may I?", "Yes")], [now("may I?", "No")], [("Yes", "No", False)], id="yes and no"),
        pytest.param([("fee?", "$5.00")], [now("fee?", "5 dollars")], [], id="only reworded"),
        pytest.param([("fee?", "$5.00")], [], [], id="no longer asked"),
        pytest.param([("fee?", "$5.00")], [now("fee?", "$6.00", status="withheld")], [], id="not accepted"),
        pytest.param([("fee?", "$5.00")], [now("fee?", "", answerable=False)], [], id="no longer answerable"),
        pytest.param([("fee?", REFUSAL["en"], "refuse")], [now("fee?", "$6.00")], [], id="taught to decline"),
        pytest.param([("fee?", "$5.00"), ("fee?", "$7.00")], [now("fee?", "$6.00"), now("fee?", "$7.00")],
                     [("$5.00", "$6.00", True)], id="one of two answers"),
        pytest.param([("fee?", "$5.00")], [now("fee?", "$5.00"), now("fee?", "$7.00")], [], id="an answer more"),
    ],
)  # fmt: skip
def test_a_fact_has_changed_where_what_was_learned_would_be_wrong_today(lake, learned, before, bank, changed) -> None:
    learned("m", *before)
    found = changes_since(lake, "m", bank)
    assert [("".join(f.old), f.question["final_answer"], f.is_amount_or_date) for f in found] == changed


def test_the_base_has_learned_nothing_that_could_change(lake) -> None:
    assert changes_since(lake, "base", [now("fee?", "$6.00")]) == []


def test_what_a_parent_learned_counts_too_unless_the_child_has_an_old_answer_of_its_own(lake, learned) -> None:
    learned("old", ("fee?", "$4.00"), ("rent?", "$40"))
    learned("young", ("fee?", "$5.00"), ("rent?", "$50"), parent="old")
    found = changes_since(lake, "young", [now("fee?", "$6.00"), now("rent?", "$50")])
    assert {(f.question["question"], f.old, f.learned_by) for f in found} == {
        ("fee?", ("$5.00",), "young"), ("rent?", ("$40",), "old"),
    }  # fmt: skip


def test_amounts_and_dates_come_first_and_the_order_is_always_the_same(lake, learned) -> None:
    learned("m", *((f"name {n}?", "Ada Byron") for n in range(5)), *((f"fee {n}?", "$5.00") for n in range(5)))
    bank = [*(now(f"name {n}?", "Grace Hopper") for n in range(5)), *(now(f"fee {n}?", "$6.00") for n in range(5))]
    found = changes_since(lake, "m", bank)
    assert [f.is_amount_or_date for f in found] == [True] * 5 + [False] * 5
    assert changes_since(lake, "m", bank[::-1]) == found


FACT = ChangedFact(now("What is the fee?", "$6.00"), ("$5.00",), "m")


@pytest.mark.parametrize(
    ("final", "verdict"),
    [("$6.00", "new"), ("6 dollars", "new"), ("$5.00", "old"), ("$7.00", "other"), ("$5.00, now $6.00", "other"),
     (REFUSAL["en"], "declined")],
)  # fmt: skip
def test_the_verdict_says_which_answer_was_given(final, verdict) -> None:
    completion = Completion(render_answer("It says so.", final), "stop", 1, 1)
    assert judged(FACT, completion)[1] == verdict


def test_an_answer_that_was_cut_off_is_no_verdict_on_what_the_champion_knows(lake) -> None:
    assert judged(FACT, Completion("<ANSWER>: $5.00", "length", 1, 1)) == ("length", "failed")
