"""Arms beside base and tuned: shown where they were asked, and never what is promoted."""

from dataclasses import replace

import pytest

from assets.evaluation.arms import BASE_CLOSED_BOOK, FEW_SHOT_RAG, TUNED_CLOSED_BOOK
from assets.evaluation.comparison import Contender
from assets.evaluation.gate import FINE_TUNE
from assets.evaluation.metrics import score_answers
from assets.evaluation.publishing import further_contenders
from assets.evaluation.report import build_report

BASE_SIDE = Contender("base", "base_rag", "gpt-small (base) + documents")
CANDIDATE = Contender("0a1b2c3d4e5f", "tuned_rag", "hosted (0a1b2c3d) + documents")


def answered(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"model_id": model_id, "arm": arm} for model_id, arm in pairs]


def test_only_arms_that_were_asked_become_contenders() -> None:
    asked = answered(("base", "base_rag"), ("base", "few_shot"), ("0a1b2c3d4e5f", "tuned_closed_book"), ("x", "y"))
    assert [one.label for one in further_contenders(asked, BASE_SIDE, CANDIDATE)] == [
        "gpt-small (base), few-shot + documents",
        "hosted (0a1b2c3d), closed book",
    ]
    assert further_contenders(answered(("base", "base_rag")), BASE_SIDE, CANDIDATE) == []


def test_a_stamp_is_carried_to_every_arm_of_the_candidate() -> None:
    asked = answered(("0a1b2c3d4e5f", "tuned_closed_book"))
    [closed] = further_contenders(asked, BASE_SIDE, replace(CANDIDATE, stamp="an emulator's"))
    assert closed.stamp == "an emulator's"


@pytest.fixture
def further(world):
    """The inputs of a report with all five arms, the tuned closed book of the given skill."""

    def inputs(closed: tuple[float, float] = (0.1, 0.9), tuned: tuple[float, float] = (0.9, 0.9)):
        plain = world.report_inputs((0.4, 0.5), tuned)
        more = {
            Contender("base-model", FEW_SHOT_RAG.name, "Base, few-shot + documents"): (0.5, 0.6),
            Contender("base-model", BASE_CLOSED_BOOK.name, "Base, closed book"): (0.0, 0.5),
            Contender("tuned-model", TUNED_CLOSED_BOOK.name, "Tuned, closed book"): closed,
        }
        retrieved = [item for item in world.items if item["condition"] == "retrieved"]
        answers = [
            answer
            for contender, skill in more.items()
            for answer in world.answers(contender, *skill)
            if contender.arm == FEW_SHOT_RAG.name or answer["item_id"] in {item["item_id"] for item in retrieved}
        ]
        return plain, replace(
            plain,
            answers=[*plain.answers, *answers],
            scores=[*plain.scores, *score_answers(world.items, answers, world.pages)],
            contenders=[*plain.contenders, *more],
            closed_book=list(more)[-1],
        )

    return inputs


def test_further_arms_are_shown_and_change_no_decision(further) -> None:
    plain, full = further()
    before, after = build_report(plain), build_report(full)

    assert "Base, closed book" in after.html
    assert "Base, few-shot + documents" in after.html
    assert "not applicable" in before.html
    assert "not applicable: this model cannot run it" not in after.html
    assert after.decision == before.decision
    assert after.verdict == before.verdict
    assert set(after.plots) == set(before.plots)


def test_a_closed_book_that_beats_the_champion_where_documents_add_nothing_is_recommended(further) -> None:
    _, full = further(closed=(1.0, 1.0), tuned=(0.55, 0.5))
    decision = build_report(full).decision

    assert not decision.promote
    assert decision.recommended == FINE_TUNE
