import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.retrieval.measures import (
    RetrievalQuestion,
    evaluate_configurations,
    measure,
    ndcg,
    recall_at,
    reciprocal_rank,
    rows_as_dicts,
)
from assets.retrieval.plots import plot_retrieval
from resources.llm.embedded.embedder import embed
from resources.search.index import SearchIndex

TEXTS = {"a": "monthly fee of the savings account", "b": "lost card hotline", "c": "信用卡的年利率"}


@pytest.fixture(scope="module")
def index():
    return SearchIndex.build(list(TEXTS), list(TEXTS.values()), [embed(text) for text in TEXTS.values()])


def question(number, text, relevant, origin="human"):
    return RetrievalQuestion(f"q{number}", text, embed(text), frozenset(relevant), origin, f"group {number}")


QUESTIONS = [
    question(1, "savings fee per month", "a"),
    question(2, "I lost my card", "b"),
    question(3, "年利率是多少", "c", origin="generated"),
    question(4, "the moon", "", origin="generated"),
]


def test_recall_is_the_share_of_relevant_chunks_found():
    assert recall_at(2, ["x", "a", "b"], {"a", "b"}) == 0.5


def test_the_reciprocal_rank_stops_at_its_depth():
    assert reciprocal_rank(["x", "a"], {"a"}) == 0.5
    assert reciprocal_rank(["x", "a"], {"a"}, depth=1) == 0.0


def test_ndcg_follows_the_formula():
    assert ndcg(["x", "a", "b"], {"a", "b"}) == pytest.approx(
        (1 / math.log2(3) + 1 / math.log2(4)) / (1 + 1 / math.log2(3))
    )


@given(st.permutations("abcdefghijkl"), st.sets(st.sampled_from("abcdefghijkl"), min_size=1))
def test_every_measure_lies_between_zero_and_one_and_recall_grows_with_depth(ranked, relevant):
    values = measure(ranked, relevant, ks=(1, 5, 12))
    assert all(0.0 <= value <= 1.0 + 1e-12 for value in values.values())
    assert values["recall@1"] <= values["recall@5"] <= values["recall@12"] == 1.0


def test_origins_are_reported_apart_for_every_mode(index):
    rows = evaluate_configurations(index, QUESTIONS)
    assert {(row.configuration, row.origin) for row in rows} == {
        (mode, origin) for mode in ("bm25", "dense", "hybrid") for origin in ("generated", "human")
    }
    assert {row.metric for row in rows} == {"recall@1", "recall@5", "recall@10", "recall@20", "mrr@10", "ndcg@10"}


def test_questions_that_no_chunk_answers_are_left_out(index):
    generated = [row for row in evaluate_configurations(index, QUESTIONS) if row.origin == "generated"]
    assert {row.questions for row in generated} == {1}
    assert {row.low for row in generated} == {None}


def test_rows_and_picture_do_not_depend_on_the_order_of_questions(index):
    rows = evaluate_configurations(index, QUESTIONS)
    again = evaluate_configurations(index, QUESTIONS[::-1])
    assert rows == again
    assert plot_retrieval(rows) == plot_retrieval(again)


def test_the_table_has_one_dictionary_for_each_row(index):
    table = rows_as_dicts(evaluate_configurations(index, QUESTIONS))
    assert table[0]["configuration"] == "bm25"
    assert set(table[0]) >= {"origin", "metric", "mean", "low", "high"}


def test_nothing_to_measure_gives_no_rows_and_a_picture_that_says_so(index):
    rows = evaluate_configurations(index, [])
    assert rows == []
    assert plot_retrieval(rows).startswith(b"\x89PNG")


def test_a_hostile_origin_is_drawn_as_text(index):
    rows = evaluate_configurations(index, [question(1, "savings fee", "a", origin=r"$\frac{$ [/b] <b>")])
    assert plot_retrieval(rows).startswith(b"\x89PNG")
