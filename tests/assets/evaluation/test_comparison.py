import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.evaluation.comparison import (
    INDEPENDENT,
    Contender,
    board_of,
    cells,
    differences,
    in_condition,
    in_origin,
    oracle_position,
)
from assets.evaluation.gate import LEARNED_TO_ABSTAIN, LEARNED_TO_READ, GateRules, decide
from assets.evaluation.metrics import METRICS, score_answers
from assets.evaluation.verdict import write_verdict

GOOD_READER = (1.0, 0.9)
POOR_READER = (0.4, 0.4)


@pytest.fixture
def board(world):
    """Builds a board of a base and a tuned model of the given skills, over all items or those kept."""

    def build(base, tuned, items=None, contender=world.tuned):
        items = world.items if items is None else items
        answers = [*world.answers(world.base, *base), *world.answers(contender, *tuned)]
        return board_of(items, score_answers(items, answers, world.pages), "test", seed=1, draws=400)

    return build


@given(
    st.lists(st.tuples(st.sampled_from([-1.0, 0.0, 1.0]), st.integers(0, 5)), min_size=1, max_size=40),
    st.integers(0, 2**31),
)
@settings(max_examples=30, deadline=None)
def test_an_interval_contains_its_mean(values, seed) -> None:
    items = [
        {
            "item_id": f"{index:03d}",
            "question_id": "q",
            "group": str(group),
            "split": "test",
            "origin": "human",
            "documents": [],
            "document_id": None,
        }
        for index, (_, group) in enumerate(values)
    ]
    scores = [
        {"model_id": "m", "arm": "a", "item_id": f"{index:03d}", "metric": "utility", "value": value}
        for index, (value, _) in enumerate(values)
    ]
    interval = board_of(items, scores, "test", seed, draws=300).interval("m/a", "utility", lambda item: True)

    assert interval.n == len(values)
    assert interval.mean is not None
    if interval.low is not None and interval.high is not None:
        assert interval.low - 1e-9 <= interval.mean <= interval.high + 1e-9


def test_nulls_other_splits_and_foreign_items_are_not_measured(world) -> None:
    item = {**world.items[0], "split": "validation"}
    row = {"model_id": "m", "arm": "a", "metric": "utility"}
    scores = [
        {**row, "item_id": world.items[1]["item_id"], "value": None},
        {**row, "item_id": item["item_id"], "value": 1.0},
        {**row, "item_id": "foreign", "value": 1.0},
    ]
    board = board_of([item, *world.items[1:]], scores, "test", seed=1)

    assert board.interval("m/a", "utility", lambda item: True).n == 0


def test_origins_are_kept_apart(world, board) -> None:
    found = cells(board(POOR_READER, GOOD_READER), (world.base, world.tuned), tuple(METRICS))
    sizes = {
        cell.origin: cell.interval.n
        for cell in found
        if (cell.contender, cell.condition, cell.metric) == (world.base.key, "oracle_present", "correct")
    }
    assert sizes == {"independent": 30, "human": 20, "third_party": 10, "generated": 10}


def test_a_model_differs_from_itself_by_nothing(world, board) -> None:
    both = board(POOR_READER, GOOD_READER)

    assert {d.interval.mean for d in differences(both, world.base.key, world.base.key, "utility")} == {0.0}


def test_slices_never_mix_generated_questions_with_the_others(world, board) -> None:
    found = differences(board(POOR_READER, GOOD_READER), world.tuned.key, world.base.key, "utility")
    total = sum(d.items for d in found if d.slice == "condition")

    assert total == sum(map(in_origin(INDEPENDENT), world.items)) < len(world.items)
    assert {d.slice for d in found} >= {"origin", "condition", "oracle shown", "kind", "document", "oracle position"}


def test_the_position_of_an_oracle_is_named(make_item) -> None:
    positions = [oracle_position(make_item(oracle_index=index, documents=[{}, {}, {}])) for index in (-1, 0, 1, 2)]

    assert positions == ["", "first", "middle", "last"]


def test_a_clear_gain_on_human_questions_is_promoted(world, board) -> None:
    both = board(POOR_READER, GOOD_READER)
    decision = decide(both, world.tuned, world.base)
    verdict = write_verdict(both, world.tuned, world.base, decision)

    assert (decision.promote, decision.recommended, decision.gain) == (True, "RAFT", LEARNED_TO_READ)
    assert all(criterion.met and criterion.measured for criterion in decision.criteria)
    assert verdict.startswith("Tuned + documents beats Base + documents and may be promoted.")


def test_a_gain_without_the_answer_only_is_called_learned_to_abstain(world, board) -> None:
    both = board((0.7, 0.1), (0.7, 0.95))
    decision = decide(both, world.tuned, world.base)

    assert decision.gain == LEARNED_TO_ABSTAIN
    assert "learned to abstain, not to read better" in write_verdict(both, world.tuned, world.base, decision)


def test_a_loss_in_one_condition_is_said_beside_a_gain_elsewhere(world, board) -> None:
    both = board((0.9, 0.0), (0.5, 1.0))
    verdict = write_verdict(both, world.tuned, world.base, decide(both, world.tuned, world.base))

    assert re.search(r"It is worse where the answer is shown: −0\.\d\d \[−0\.\d\d to −0\.\d\d\]\.", verdict)
    assert "withheld: −" not in verdict
    equal = board(GOOD_READER, GOOD_READER)
    assert "It is worse" not in write_verdict(equal, world.tuned, world.base, decide(equal, world.tuned, world.base))


def test_a_loss_is_said_plainly(world, board) -> None:
    both = board(GOOD_READER, POOR_READER)
    decision = decide(both, world.tuned, world.base)

    assert (decision.promote, decision.recommended) == (False, "RAG")
    assert "is worse than Base + documents and is not promoted" in write_verdict(
        both, world.tuned, world.base, decision
    )


def test_a_few_questions_decide_nothing(world, board) -> None:
    few = [item for item in world.items if item["group"] in {"group-1", "group-2", "group-3"}]
    both = board((0.0, 0.0), (1.0, 1.0), few)
    decision = decide(both, world.tuned, world.base)

    assert (decision.promote, decision.recommended) == (False, "refused")
    assert "too few questions" in write_verdict(both, world.tuned, world.base, decision)


def test_one_question_decides_nothing_and_has_no_interval(world, board) -> None:
    both = board((0.0, 0.0), (1.0, 1.0), world.items[:1])
    decision = decide(both, world.tuned, world.base, rules=GateRules(min_questions=1, min_groups=1))

    assert not decision.promote
    assert "no interval" in " ".join(decision.reasons)


def test_generated_questions_alone_carry_no_verdict(world, board) -> None:
    generated = [item for item in world.items if item["origin"] == "generated"]
    both = board(POOR_READER, GOOD_READER, generated)
    decision = decide(both, world.tuned, world.base)

    assert (decision.promote, decision.recommended) == (False, "refused")
    assert "no human or third-party questions" in write_verdict(both, world.tuned, world.base, decision)


def test_what_is_not_a_real_model_is_never_promoted_or_recommended(world, board) -> None:
    fake = replace(world.tuned, stamp="served by an emulator")
    both = board(POOR_READER, GOOD_READER)
    decision = decide(both, fake, world.base)

    assert (decision.promote, decision.recommended) == (False, "refused")
    assert "not a real model" in write_verdict(both, fake, world.base, decision)


def test_a_model_that_is_wrong_more_often_is_not_promoted_however_useful(world, board) -> None:
    both = board((0.2, 0.9), (1.0, 0.0))
    decision = decide(both, world.tuned, world.base, rules=GateRules(wrong_margin=-1.0))

    assert not decision.promote
    assert any(criterion.name == "Not wrong more often" and not criterion.met for criterion in decision.criteria)


def test_the_smallest_detectable_difference_is_stated(world, board) -> None:
    both = board((0.6, 0.5), (0.62, 0.5))
    decision = decide(both, world.tuned, world.base)

    assert decision.detectable is not None and decision.detectable > 0
    assert "would probably have gone unnoticed" in write_verdict(both, world.tuned, world.base, decision)


def test_a_closed_book_that_beats_reading_recommends_fine_tuning(world) -> None:
    closed = Contender("tuned-model", "tuned_closed_book", "Tuned, closed book")
    retrieved = [item for item in world.items if item["condition"] == "retrieved"]
    skills = ((world.base, 0.2, 0.2), (world.tuned, 0.3, 0.2), (closed, 1.0, 1.0))
    answers = [answer for contender, *skill in skills for answer in world.answers(contender, *skill)]
    board = board_of(world.items, score_answers(retrieved, answers), "test", seed=1, draws=400)

    assert decide(board, world.tuned, world.base, closed).recommended == "fine-tune"


def test_without_a_candidate_nothing_is_promoted(world, board) -> None:
    both = board(POOR_READER, GOOD_READER)
    decision = decide(both, None, world.base)

    assert not decision.promote
    assert write_verdict(both, None, world.base, decision).startswith("No verdict")


def test_conditions_select_their_items(world) -> None:
    assert all(map(in_condition("all"), world.items))
    assert sum(map(in_condition("oracle_absent"), world.items)) == 40
