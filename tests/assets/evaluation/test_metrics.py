import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.evaluation.arms import ARMS, BASE_RAG, TUNED_CLOSED_BOOK, applicable, arms_for, items_for
from assets.evaluation.conditions import CONDITIONS
from assets.evaluation.metrics import OUTCOMES, UTILITY, measure, outcome, score_answers
from resources.lake.lake import Lake
from resources.lake.tables import ANSWER_SCORES
from resources.llm.raft_text import REFUSAL


def test_a_right_answer_with_its_quote_scores_full_marks(make_item, make_answer) -> None:
    measured = measure(make_item(), make_answer(), {})

    assert measured["correct"] == measured["utility"] == measured["numbers_exact"] == measured["token_f1"] == 1
    assert measured["quote_verbatim"] == measured["cited_oracle"] == measured["cited_page"] == 1
    assert measured["wrong"] == measured["wrong_number"] == measured["abstained"] == 0


def test_a_wrong_number_is_worse_than_declining(make_item, make_answer) -> None:
    wrong = measure(make_item(), make_answer(final_answer="$3.00"), {})
    declined = measure(make_item(), make_answer(final_answer=REFUSAL["en"], abstained=True, quotes=[]), {})

    assert wrong["wrong_number"] == 1 and declined["wrong_number"] == 0
    assert wrong["utility"] < declined["utility"] < 1


def test_declining_is_right_where_the_oracle_is_withheld(make_item, make_answer) -> None:
    item = make_item(condition="oracle_absent", oracle_index=-1, expected_answer=REFUSAL["en"])

    assert outcome(item, make_answer(abstained=True)) == "right"
    assert outcome(item, make_answer()) == "wrong"


def test_declining_is_not_wrong_where_retrieval_missed_the_oracle(make_item, make_answer) -> None:
    item = make_item(condition="retrieved", oracle_index=-1)

    assert outcome(item, make_answer(abstained=True)) == "abstained"
    assert outcome(item, make_answer()) == "right"


def test_what_cannot_be_measured_has_no_row(make_item, make_answer) -> None:
    yes_or_no = measure(make_item(expected_answer="Yes"), make_answer(final_answer="Yes", quotes=[]), {})
    withheld = measure(make_item(condition="oracle_absent", oracle_index=-1), make_answer(abstained=True), {})
    closed_book = measure(make_item(), make_answer(arm="tuned_closed_book", quotes=[]), {})

    assert not {"numbers_exact", "wrong_number", "quote_verbatim"} & yes_or_no.keys()
    assert not {"token_f1", "semantic_similarity", "cited_oracle", "quote_verbatim"} & withheld.keys()
    assert not {"cited_oracle", "cited_page", "quote_verbatim"} & closed_book.keys()


def test_a_quote_that_nobody_wrote_is_not_verbatim(make_item, make_answer) -> None:
    measured = measure(make_item(), make_answer(quotes=["The monthly fee is $3.00."]), {})

    assert measured["quote_verbatim"] == measured["cited_oracle"] == measured["cited_page"] == 0


def test_an_answer_without_a_quote_cites_nothing(make_item, make_answer) -> None:
    assert measure(make_item(), make_answer(quotes=[]), {})["cited_oracle"] == 0


def test_another_chunk_of_the_right_page_is_the_right_page_but_not_the_oracle(make_item, make_answer) -> None:
    answer = make_answer(quotes=["Cards arrive within 10 days."])
    measured = measure(make_item(), answer, {"oracle": ("document", 3), "other": ("document", 3)})

    assert (measured["cited_oracle"], measured["cited_page"]) == (0, 1)


def test_a_broken_completion_counts_as_wrong_and_a_failed_call_not_at_all(make_item, make_answer) -> None:
    invalid = score_answers([make_item()], [make_answer(status="invalid", final_answer="")])
    failed = score_answers([make_item()], [make_answer(status="failed", final_answer="")])

    assert {row["value"] for row in invalid if row["metric"] == "wrong"} == {1}
    assert failed == []


def test_the_scores_fit_their_table(world, tmp_path) -> None:
    rows = score_answers(world.items, world.answers(world.base, 0.7, 0.5), world.pages)

    Lake(tmp_path).write(ANSWER_SCORES, rows)

    assert {row["split"] for row in rows} == {"test"}


@given(
    st.sampled_from(CONDITIONS),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["ok", "invalid"]),
    st.sampled_from(["$5.00", "$7.00", "", "Yes"]),
    st.sampled_from(["$5.00", "Yes", "a lease"]),
)
def test_every_answer_has_exactly_one_outcome(condition, answerable, abstained, status, final, expected) -> None:
    item = {
        "condition": condition,
        "answerable": answerable,
        "question": "?",
        "expected_answer": expected,
        "documents": [],
        "oracle_index": -1,
        "page": None,
        "document_id": None,
    }
    answer = {"abstained": abstained, "status": status, "final_answer": final, "quotes": [], "arm": "base_rag"}
    measured = measure(item, answer, {})

    assert outcome(item, answer) in OUTCOMES
    assert measured["utility"] == UTILITY[outcome(item, answer)]
    assert measured["correct"] + measured["wrong"] == (0 if outcome(item, answer) == "abstained" else 1)


def test_an_extractive_reader_runs_only_the_arms_that_show_documents() -> None:
    assert [arm.name for arm in arms_for({"rag"})] == ["base_rag", "tuned_rag"]
    assert all(applicable(arm, {"rag", "closed_book", "few_shot"}) for arm in ARMS.values())


def test_a_closed_book_is_asked_each_question_once(world) -> None:
    asked = [item["question_id"] for item in items_for(TUNED_CLOSED_BOOK, world.items)]

    assert len(asked) == len(set(asked)) == len(world.bank)
    assert len(items_for(BASE_RAG, world.items)) == len(world.items)


@pytest.mark.parametrize("final", ["=1+1", "<script>", "\x1b[31m", "\ud800"])
def test_hostile_answers_are_scored_like_any_other(make_item, make_answer, final) -> None:
    assert measure(make_item(), make_answer(final_answer=final), {})["wrong"] == 1
