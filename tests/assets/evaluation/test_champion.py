"""The champion: a list that starts at the base; reports propose, people or the gate promote, nothing is rewritten."""

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.evaluation.champion import current, decide_champion, line_of_champions, open_proposal, retire
from assets.evaluation.decisions import APPROVE, REJECT, ROLL_BACK, ChampionDecision
from resources.lake.tables import CHAMPION_MODEL

AT = "2026-11-21T07:00:00+00:00"
Row = dict[str, Any]


def report(model: str, sha256: str = "", promote: bool = True) -> Row:
    """A report that puts a model forward; `sha256` tells one from another."""
    return {
        "model_id": model,
        "promote": promote,
        "verdict": f"{model} wins",
        "sha256": sha256 or f"report on {model}",
        "dataset_version": "data",
        "snapshot": "s",
    }


def decision(action: str, history: list[Row], model: str | None = None, **changes: Any) -> ChampionDecision:
    """A person's answer to the history so far: to its open proposal, unless a model is named."""
    proposal = open_proposal(history) or {"model_id": model, "report": ""}
    wanted = proposal["model_id"] if action != ROLL_BACK else model
    fields = {"report": proposal["report"], "reason": "seen"} | changes
    return ChampionDecision(action, wanted, len(history), "ada", AT, **fields)


def fold(history: list[Row], *steps: Any, promotion: str = "manual", unfit: dict[str, str] | None = None) -> list[Row]:
    """Folds reports (rows) and decisions (values), one at a time."""
    for step in steps:
        given_decision = isinstance(step, ChampionDecision)
        decisions, reports = ([step], []) if given_decision else ([], [step])
        history = decide_champion(history, decisions, reports, promotion, unfit or {})
    return history or decide_champion([], [], [], promotion, unfit or {})


def actions(history: list[Row]) -> list[tuple[str, str | None]]:
    return [(row["action"], row["champion"]) for row in history]


def test_every_home_starts_with_the_base(lake) -> None:
    [start] = fold([])
    assert (start["decision"], start["model_id"], start["champion"], start["action"]) == (0, None, None, "start")
    lake.write(CHAMPION_MODEL, [start])


def test_a_report_that_does_not_promote_changes_nothing() -> None:
    assert actions(fold([], report("a", promote=False))) == [("start", None)]


def test_where_people_promote_a_report_only_proposes(lake) -> None:
    history = fold([], report("a"))
    assert actions(history) == [("start", None), ("propose", None)]
    proposal = open_proposal(history)
    assert proposal
    assert {name: proposal[name] for name in ("model_id", "by", "at", "reason", "report", "dataset_version")} == {
        "model_id": "a", "by": "the gate", "at": "", "reason": "a wins", "report": "report on a",
        "dataset_version": "data",
    }  # fmt: skip
    lake.write(CHAMPION_MODEL, history)


def test_an_approval_promotes_and_carries_who_when_and_what_it_rests_on(lake) -> None:
    history = fold([], report("a"))
    history = fold(history, decision(APPROVE, history))
    last = history[-1]
    assert actions(history)[-1] == ("promote", "a")
    assert (last["by"], last["at"], last["reason"], last["report"]) == ("ada", AT, "seen", "report on a")
    assert open_proposal(history) is None
    lake.write(CHAMPION_MODEL, history)


def test_the_gate_promotes_by_itself_where_promotion_is_automatic() -> None:
    assert actions(fold([], report("a"), promotion="auto")) == [("start", None), ("promote", "a")]


def test_the_same_report_again_adds_nothing_whatever_was_decided() -> None:
    proposed = fold([], report("a"))
    for action in (APPROVE, REJECT):
        decided = fold(proposed, decision(action, proposed))
        assert fold(decided, report("a")) == decided


def test_a_rejected_model_is_proposed_again_by_another_report_and_not_promoted_by_the_gate_alone() -> None:
    proposed = fold([], report("a"))
    rejected = fold(proposed, decision(REJECT, proposed))
    assert actions(rejected)[-1] == ("reject", None)
    assert actions(fold(rejected, report("a", "another"), promotion="auto"))[-1] == ("propose", None)


def test_after_a_rollback_the_gate_does_not_undo_it() -> None:
    history = fold([], report("a"), promotion="auto")
    history = fold(history, decision(ROLL_BACK, history, None))
    assert actions(history)[-1] == ("rollback", None)
    assert fold(history, report("a"), promotion="auto") == history
    assert actions(fold(history, report("a", "new"), promotion="auto"))[-1] == ("propose", None)


def test_a_newer_report_takes_the_place_of_a_proposal() -> None:
    history = fold([], report("a"), report("b"))
    proposal = open_proposal(history)
    assert proposal
    assert proposal["model_id"] == "b"


def test_a_newer_report_that_proposes_nobody_withdraws_the_proposal_and_the_same_one_may_renew_it() -> None:
    proposed = fold([], report("a", "r1"))
    withdrawn = fold(proposed, report("a", "r2", promote=False))
    assert actions(withdrawn)[-1] == ("withdraw", None)
    assert open_proposal(withdrawn) is None
    assert fold(withdrawn, report("a", "r2", promote=False)) == withdrawn
    renewed = fold(withdrawn, report("a", "r1"))
    assert open_proposal(renewed) == renewed[-1]
    assert fold(renewed, report("a", "r1")) == renewed


def test_what_another_proposal_displaced_may_come_back_and_what_another_champion_outdated_may_not() -> None:
    history = fold([], report("a", "r1"), report("b", "r2"))
    assert open_proposal(fold(history, report("a", "r1")))
    history = fold(history, decision(APPROVE, history))
    assert fold(history, report("a", "r1")) == history


def test_a_decision_on_what_changed_meanwhile_is_void_and_says_so() -> None:
    history = fold([], report("a"))
    late = decision(APPROVE, history)
    history = fold(history, report("b"), late)
    assert actions(history)[-1] == ("void", None)
    assert "changed before it took effect" in history[-1]["reason"]
    proposal = open_proposal(history)
    assert proposal
    assert proposal["model_id"] == "b", "a void decision leaves the proposal open"


@pytest.mark.parametrize("action", [APPROVE, ROLL_BACK])
def test_a_model_that_may_not_be_champion_does_not_become_one(action) -> None:
    history = fold([], report("a"))
    asked = decision(action, history, "a")
    after = fold(history, asked, unfit={"a": "a is not a real model"})
    assert actions(after)[-1] == ("void", None)
    assert after[-1]["reason"] == f"{action} is void: a is not a real model"


def test_an_unfit_candidate_is_not_even_proposed() -> None:
    assert actions(fold([], report("a"), unfit={"a": "torn"})) == [("start", None)]
    assert actions(fold([], report("a"), promotion="auto", unfit={"a": "torn"})) == [("start", None)]


def test_an_approval_of_what_was_never_proposed_is_void() -> None:
    history = fold([], report("a"))
    forged = decision(APPROVE, history, report="a report that nobody made")
    assert fold(history, forged)[-1]["reason"] == "approve is void: there is no such proposal"


def test_rollbacks_go_back_one_champion_at_a_time_to_the_base() -> None:
    history = fold([], report("a"), report("b"), report("c"), promotion="auto")
    assert line_of_champions(history) == [None, "a", "b", "c"]
    seen = []
    while len(line_of_champions(history)) > 1:
        history = fold(history, decision(ROLL_BACK, history, line_of_champions(history)[-2]))
        seen.append(current(history))
    assert seen == ["b", "a", None]


def test_a_champion_that_came_back_has_the_one_before_it_behind_it() -> None:
    history = fold([], report("a"), report("b"), report("a", "later"), promotion="auto")
    assert line_of_champions(history) == [None, "b", "a"]


def test_a_retired_champion_leaves_the_base_and_a_retired_candidate_no_proposal() -> None:
    crowned = fold([], report("a"), promotion="auto")
    assert actions(retire(crowned, ["a"], "erased"))[-1] == ("retire", None)
    assert line_of_champions(retire(crowned, ["a"], "erased")) == [None]
    proposed = fold(crowned, report("b"))
    retired = retire(proposed, ["b"], "erased")
    assert actions(retired)[-1] == ("retire", "a")
    assert open_proposal(retired) is None
    assert line_of_champions(retired) == [None, "a"]
    assert retire(proposed, ["z"], "erased") == proposed


def test_a_table_that_was_lost_is_made_again_from_the_decisions() -> None:
    history = fold([], report("a"))
    first = decision(APPROVE, history)
    history = fold(history, first, report("b"))
    second = decision(APPROVE, history)
    history = fold(history, second)
    third = decision(ROLL_BACK, history, "a")
    again = decide_champion([], [first, second, third], [], "manual", {})
    assert actions(again) == [("start", None), ("promote", "a"), ("promote", "b"), ("rollback", "a")]
    assert line_of_champions(again) == [None, "a"]


STEPS = st.one_of(
    st.builds(report, st.sampled_from("abc"), st.sampled_from(["", "r1", "r2"]), st.booleans()),
    st.tuples(st.sampled_from([APPROVE, REJECT, ROLL_BACK]), st.sampled_from(["a", "b", None]), st.integers(0, 2)),
)


@given(st.lists(STEPS, max_size=10), st.sampled_from(["manual", "auto"]), st.sampled_from([{}, {"b": "stamped"}]))
def test_folding_again_adds_nothing_and_what_was_decided_stays(steps, promotion, unfit) -> None:
    history = fold([], promotion=promotion, unfit=unfit)
    decisions, last = [], []
    for number, step in enumerate(steps):
        if isinstance(step, dict):
            last = [step]
        else:
            action, model, behind = step
            seen = history[: max(1, len(history) - behind)]
            if action != ROLL_BACK and not open_proposal(seen):
                continue
            decisions.append(decision(action, seen, model, reason=f"number {number}"))
        before = history
        history = decide_champion(history, decisions, last, promotion, unfit)
        assert history[: len(before)] == before
        assert decide_champion(history, decisions, last, promotion, unfit) == history
    assert [row["decision"] for row in history] == list(range(len(history)))
    assert all(row["champion"] not in unfit for row in history)
    changes = [row for before, row in itertools.pairwise(history) if before["champion"] != row["champion"]]
    assert {row["action"] for row in changes} <= {"promote", "rollback"}
    assert line_of_champions(history)[-1] == current(history)
    assert len({row["source"] for row in history if row["source"]}) == len(decisions)
