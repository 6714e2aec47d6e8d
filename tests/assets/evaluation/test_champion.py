"""The champion: a list of decisions that starts at the base and grows only when a report promotes somebody else."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from assets.evaluation.champion import decide_champion
from resources.lake.tables import CHAMPION_MODEL


def report(model: str, promote: bool = True) -> dict[str, Any]:
    return {"model_id": model, "promote": promote, "verdict": f"{model} wins", "html": "r.html", "snapshot": "s"}


def models(decisions: list[dict[str, Any]]) -> list[str | None]:
    return [decision["model_id"] for decision in decisions]


def test_every_home_starts_with_the_base(lake) -> None:
    [start] = decide_champion([], [])
    assert (start["decision"], start["model_id"], start["action"], start["arm"]) == (0, None, "start", "base_rag")
    lake.write(CHAMPION_MODEL, [start])


def test_a_report_that_does_not_promote_changes_nothing() -> None:
    assert models(decide_champion([], [report("a", promote=False)])) == [None]


def test_a_promotion_carries_its_verdict_and_its_report(lake) -> None:
    decisions = decide_champion([], [report("a")])
    last = decisions[-1]
    assert (last["model_id"], last["action"], last["reason"], last["report"]) == ("a", "promote", "a wins", "r.html")
    lake.write(CHAMPION_MODEL, decisions)


def test_the_same_report_again_adds_nothing() -> None:
    once = decide_champion([], [report("a")])
    assert decide_champion(once, [report("a")]) == once


def test_a_former_champion_can_come_back() -> None:
    decisions = decide_champion(decide_champion(decide_champion([], [report("a")]), [report("b")]), [report("a")])
    assert models(decisions) == [None, "a", "b", "a"]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=8), st.integers(0, 8))
def test_folding_reports_one_by_one_or_together_decides_the_same_and_rewrites_nothing(reports, cut) -> None:
    given_reports = [report(*pair) for pair in reports]
    together = decide_champion([], given_reports)
    assert decide_champion(decide_champion([], given_reports[:cut]), given_reports[cut:]) == together
    assert [decision["decision"] for decision in together] == list(range(len(together)))
    assert all(one != next_ for one, next_ in zip(models(together), models(together)[1:], strict=False))
