"""From a teacher's completion to rows: what it says becomes questions, what it breaks becomes a reason."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.raft.generation import question_rows, sample_chunks
from resources.lake.lake import Lake
from resources.lake.tables import QA_PAIRS
from resources.llm.raft_text import quoted, render_answer
from resources.llm.request import Completion

TEXT = "The fee for a cash withdrawal from a Harbour account is $5.00 per item."
CHUNK = {
    "chunk_id": "c1", "document_id": "d1", "version": "v1", "page_start": 4, "text": TEXT, "heading_path": ["Fees"],
}  # fmt: skip
DRAFT = {
    "question": "What is the fee for a cash withdrawal from a Harbour account?",
    "answer": render_answer(f"The guide says {quoted(TEXT)}", "$5.00"), "quotes": [TEXT], "final_answer": "$5.00",
    "kind": "amount",
}  # fmt: skip


def rows_of(*drafts: Any, finish_reason: str = "stop") -> list[dict[str, Any]]:
    text = json.dumps({"questions": list(drafts)})
    return question_rows(CHUNK, "Guide", Completion(text, finish_reason, 1, 1))


def test_a_good_draft_is_an_accepted_question_with_the_place_of_its_quote() -> None:
    [row] = rows_of(DRAFT)
    assert (row["accepted"], row["gate"], row["page"], row["origin"]) == (True, None, 4, "generated")
    assert row["quotes"] == [{"text": TEXT, "start": 0, "end": len(TEXT)}]


def test_a_refused_draft_is_kept_with_its_gate() -> None:
    [row] = rows_of(DRAFT | {"quotes": ["The fee is $7.00."]})
    assert not row["accepted"]
    assert row["gate"]
    assert row["quotes"] == []


def test_a_completion_that_was_cut_off_is_refused_whole() -> None:
    [row] = rows_of(DRAFT, finish_reason="length")
    assert row["gate"] == "truncated"


def test_the_same_draft_twice_is_one_question() -> None:
    assert len(rows_of(DRAFT, DRAFT)) == 1


def test_the_same_question_with_another_answer_is_refused_as_a_duplicate() -> None:
    first, second = rows_of(DRAFT, DRAFT | {"final_answer": "$5.00 per item"})
    assert first["accepted"]
    assert not second["accepted"]


@pytest.mark.parametrize("text", ["", "no json", "[]", "{}", '{"questions": 5}', '{"questions": ["x"]}', "[" * 100_000])
def test_a_completion_that_is_not_the_agreed_json_is_one_refused_row(text) -> None:
    [row] = question_rows(CHUNK, "Guide", Completion(text, "stop", 1, 1))
    assert (row["accepted"], row["gate"]) == (False, "malformed")
    assert row["final_answer"] == text[:200]


def test_no_questions_are_no_rows() -> None:
    assert rows_of() == []


VALUES = st.none() | st.integers() | st.text(max_size=8) | st.lists(st.integers() | st.text(max_size=4), max_size=3)


@given(st.lists(st.dictionaries(st.sampled_from(sorted(DRAFT)), VALUES), max_size=3))
def test_whatever_a_teacher_sends_becomes_rows_that_the_lake_takes(tmp_path_factory, drafts) -> None:
    rows = rows_of(*drafts, DRAFT)
    Lake(tmp_path_factory.getbasetemp() / "taught").write(QA_PAIRS, rows)
    assert [row for row in rows if row["accepted"]]


def test_a_lone_surrogate_in_a_completion_is_spelled_out() -> None:
    [row] = rows_of(DRAFT | {"question": "What is \ud800?"})
    row["question"].encode()


@given(st.lists(st.text(max_size=5), unique=True, max_size=30), st.floats(0, 1), st.floats(0, 1))
def test_a_chunk_is_sampled_by_its_own_id_and_a_higher_rate_only_adds(names, low, high) -> None:
    low, high = sorted((low, high))
    chunks = [{"chunk_id": name} for name in names]
    few, many = sample_chunks(chunks, low), sample_chunks(chunks, high)
    assert [chunk for chunk in many if chunk in few] == few
    assert sample_chunks(chunks[::2], low) == [chunk for chunk in chunks[::2] if chunk in few]
    assert sample_chunks(chunks, 1.0) == chunks
    assert sample_chunks(chunks, 0.0) == []
