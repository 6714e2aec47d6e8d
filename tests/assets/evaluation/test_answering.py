"""Putting questions to a model: one row per item, with what is wrong with the answer if anything is."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from assets.evaluation.answering import answer_items
from assets.evaluation.arms import BASE_CLOSED_BOOK, BASE_RAG, TUNED_CLOSED_BOOK
from assets.evaluation.conditions import RETRIEVED
from assets.evaluation.metrics import score_answers
from resources.lake.lake import Lake
from resources.lake.tables import MODEL_ANSWERS
from resources.llm.gateway import Gateway, Lane
from resources.llm.ledger import Ledger
from resources.llm.models import ChatModel
from resources.llm.provider import Refused
from resources.llm.raft_text import INSTRUCTION, REFUSAL, quoted, render_answer
from resources.llm.request import Completion, ModelIdentity, Request

FEE, WIRE = "The fee is $5.00.", "A wire transfer costs $30.00."


@dataclass
class Student:
    """Answers everything with one text and keeps what it was asked."""

    text: str
    finish_reason: str = "stop"
    identity: ModelIdentity = field(default_factory=lambda: ModelIdentity("test", "local", "student"))
    asked: list[Request] = field(default_factory=list)

    async def complete(self, request: Request) -> Completion:
        self.asked.append(request)
        return Completion(self.text, self.finish_reason, 1, 1)

    async def close(self) -> None:
        """Holds nothing."""


class Silent(Student):
    """Refuses every call."""

    async def complete(self, request: Request) -> Completion:
        raise Refused("the prompt is too long")


def item(number: int = 1) -> dict[str, Any]:
    documents = [{"chunk_id": f"c{n}", "title": "Guide", "text": text} for n, text in enumerate((FEE, WIRE))]
    return {
        "item_id": f"i{number}",
        "snapshot": "s",
        "condition": RETRIEVED,
        "question": f"What costs a wire, {number}?",
        "documents": documents,
    }


@pytest.fixture
def ask(tmp_path: Path) -> Callable[..., list[dict[str, Any]]]:
    def run(
        student: Student, *items: dict[str, Any], arm: Any = BASE_RAG, versions: Any = None
    ) -> list[dict[str, Any]]:
        ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
        model = ChatModel(Lane("student", student), Gateway(ledger))
        rows = answer_items(model, "m", arm, items or (item(),), versions or {})
        Lake(tmp_path / "lake").write(MODEL_ANSWERS, rows)
        ledger.close()
        return rows

    return run


def test_a_good_answer_is_taken_apart_and_its_document_is_found(ask) -> None:
    [row] = ask(Student(render_answer(f"It says {quoted(WIRE)}", "$30.00")))
    assert (row["status"], row["reason"], row["final_answer"]) == ("ok", None, "$30.00")
    assert (row["quotes"], row["chosen_index"], row["abstained"]) == ([WIRE], 1, False)


def test_declining_is_a_complete_answer(ask) -> None:
    [row] = ask(Student(render_answer("Nothing names it.", REFUSAL["en"])))
    assert (row["status"], row["abstained"], row["chosen_index"]) == ("ok", True, -1)


@pytest.mark.parametrize(
    ("text", "finish_reason", "reason"),
    [
        ("", "stop", "no final answer"),
        ("The fee is $30.00.", "stop", "no final answer"),
        ("<ANSWER>:", "stop", "no final answer"),
        ("<ANSWER>: $5.00 <ANSWER>: $30.00", "stop", "2 answer tags"),
        ("<ANSWER>: $30.00", "length", "finish_reason length"),
        ("<ANSWER>: $30.00", "content_filter", "finish_reason content_filter"),
    ],
)
def test_a_defective_answer_is_a_row_with_its_reason(ask, text, finish_reason, reason) -> None:
    [row] = ask(Student(text, finish_reason))
    assert (row["status"], row["reason"], row["answer"]) == ("invalid", reason, text)


def test_a_call_that_brought_no_answer_is_not_a_wrong_answer(ask) -> None:
    [row] = ask(Silent(""))
    assert (row["status"], row["reason"], row["answer"]) == ("failed", "the prompt is too long", "")
    assert score_answers([item() | {"split": "test"}], [row]) == []


@pytest.mark.parametrize("quote", ["", "words that stand nowhere"])
def test_a_quote_that_is_empty_or_invented_chooses_no_document(ask, quote) -> None:
    [row] = ask(Student(render_answer(quoted(quote), "$30.00")))
    assert row["chosen_index"] == -1


def test_items_keep_their_order_and_equal_prompts_are_asked_once(ask) -> None:
    student = Student("<ANSWER>: $30.00")
    rows = ask(student, item(2), item(1), item(2) | {"item_id": "i3"})
    assert [row["item_id"] for row in rows] == ["i2", "i1", "i3"]
    assert len({row["answer_id"] for row in rows}) == 3
    assert len(student.asked) == 2


def test_base_and_tuned_get_the_same_instruction_and_only_an_open_book_its_documents(ask) -> None:
    open_book, closed_book = Student("<ANSWER>: x"), Student("<ANSWER>: x")
    ask(open_book)
    ask(closed_book, arm=TUNED_CLOSED_BOOK)
    assert [request.messages[0].content for request in (*open_book.asked, *closed_book.asked)] == [INSTRUCTION] * 2
    assert FEE in open_book.asked[0].user_text
    assert closed_book.asked[0].user_text == "What costs a wire, 1?"


def test_a_call_remembers_the_document_versions_it_showed(ask) -> None:
    student = Student("<ANSWER>: x")
    ask(student, versions={"c0": "version-b", "c1": "version-a", "elsewhere": "version-z"})
    assert student.asked[0].sources == ("version-a", "version-b")


def test_a_question_alone_comes_from_the_document_that_it_was_asked_about(ask) -> None:
    student = Student("<ANSWER>: x")
    ask(student, item() | {"chunk_id": "c1"}, arm=BASE_CLOSED_BOOK, versions={"c0": "version-b", "c1": "version-a"})
    assert student.asked[0].sources == ("version-a",)
