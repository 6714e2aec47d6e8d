"""A small invented world: a corpus of fee pages, questions about it, and two models of chosen skill."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from assets.evaluation.comparison import Contender
from assets.evaluation.conditions import must_abstain
from assets.evaluation.metrics import score_answers
from assets.evaluation.report import Provenance, ReportInputs
from assets.evaluation.snapshot import cut_snapshot, evaluated_questions
from resources.hashing import seeded_unit, short_id
from resources.llm.raft_text import REFUSAL

ACCOUNTS = ("Harbour", "Lighthouse", "Anchor", "Compass", "Tideline", "Mooring", "Beacon", "Keel", "Sextant", "Jetty")
SERVICES = ("cash withdrawal", "wire transfer", "paper statement", "stop payment")

BASE = Contender("base-model", "base_rag", "Base + documents")
TUNED = Contender("tuned-model", "tuned_rag", "Tuned + documents")


def fee(account: str, service: str) -> str:
    return f"${1 + ACCOUNTS.index(account) * 4 + SERVICES.index(service)}.50"


def corpus_rows() -> list[dict[str, Any]]:
    rows = []
    for page, account in enumerate(ACCOUNTS):
        start = 0
        for service in SERVICES:
            text = f"The fee for a {service} from a {account} account is {fee(account, service)} per item."
            rows.append(
                {
                    "chunk_id": short_id("chunk", account, service),
                    "document_id": f"document-{page % 3}",
                    "version": "v1",
                    "title": f"Guide {page % 3}",
                    "page_start": page,
                    "page_end": page,
                    "char_start": start,
                    "char_end": start + len(text),
                    "text": text,
                    "contextual_text": f"Guide {page % 3} > {account} account\n\n{text}",
                }
            )
            start += len(text) + 2
    return rows


def bank_rows() -> list[dict[str, Any]]:
    chunks = {row["chunk_id"]: row for row in corpus_rows()}
    rows = []
    for index, account in enumerate(ACCOUNTS):
        for position, service in enumerate(SERVICES):
            chunk = chunks[short_id("chunk", account, service)]
            origin = ("human", "generated", "third_party", "human")[position]
            rows.append(_question(f"What is the fee for a {service} from a {account} account?", chunk, origin, index))
            rows[-1]["final_answer"] = fee(account, service)
        rows.append(_question(f"What is the fee for a safe in a {account} branch?", None, "human", index))
    return rows


def _question(text: str, chunk: Mapping[str, Any] | None, origin: str, index: int) -> dict[str, Any]:
    return {
        "question_id": short_id("question", text),
        "question": text,
        "answer": "",
        "quotes": [{"text": chunk["text"], "start": 0, "end": len(chunk["text"])}] if chunk else [],
        "final_answer": "",
        "kind": "number",
        "origin": origin,
        "language": "en",
        "answerable": chunk is not None,
        "chunk_id": chunk["chunk_id"] if chunk else None,
        "document_id": chunk["document_id"] if chunk else None,
        "page": chunk["page_start"] if chunk else None,
        "group": f"group-{index}",
        "split": "test",
        "status": "kept",
        "reason": None,
    }


def retrieved() -> dict[str, list[str]]:
    """For each question chunks of the same account, then of the same service: the oracle is missing in a third."""
    found = {}
    for question in bank_rows():
        hidden = question["chunk_id"] if seeded_unit("missed", question["question_id"]) < 1 / 3 else None
        ranked = sorted(
            (row for row in corpus_rows() if row["chunk_id"] != hidden),
            key=lambda row, asked=question["question"]: (-_shared(asked, row["text"]), row["text"]),
        )
        found[question["question_id"]] = [row["chunk_id"] for row in ranked[:9]]
    return found


def _shared(one: str, other: str) -> int:
    return len(set(one.split()) & set(other.split()))


def answer_of(item: Mapping[str, Any], contender: Contender, reads: float, declines: float) -> dict[str, Any]:
    """What a model of given skill answers: it finds a shown answer at rate `reads`, else abstains at `declines`."""
    luck = seeded_unit("luck", contender.key, item["item_id"])
    document = item["documents"][item["oracle_index"]] if item["oracle_index"] >= 0 else None
    if document is not None and not must_abstain(item) and luck < reads:
        final, abstained = item["expected_answer"], False
    elif seeded_unit("decline", contender.key, item["item_id"]) < declines:
        final, abstained = REFUSAL["en"], True
    else:
        final, abstained, document = "$99.00", False, item["documents"][0]
    quotes = [] if abstained or document is None else [document["text"].split("\n\n")[1]]
    return {
        "answer_id": short_id("answer", contender.key, item["item_id"]),
        "model_id": contender.model_id,
        "arm": contender.arm,
        "snapshot": item["snapshot"],
        "item_id": item["item_id"],
        "answer": final,
        "final_answer": final,
        "quotes": quotes,
        "abstained": abstained,
        "chosen_index": -1,
        "status": "ok",
        "reason": None,
    }


@dataclass(frozen=True)
class World:
    """The pieces that tests put together: `answers(reads, declines, contender)` answers every item."""

    bank: Sequence[Mapping[str, Any]]
    corpus: Sequence[Mapping[str, Any]]
    items: Sequence[Mapping[str, Any]]
    found: Mapping[str, Sequence[str]]
    base: Contender = BASE
    tuned: Contender = TUNED

    @property
    def pages(self) -> dict[str, tuple[str, int]]:
        return {row["chunk_id"]: (row["document_id"], row["page_start"]) for row in self.corpus}

    def answers(self, contender: Contender, reads: float, declines: float) -> list[dict[str, Any]]:
        return [answer_of(item, contender, reads, declines) for item in self.items]

    def report_inputs(self, base: tuple[float, float], tuned: tuple[float, float], **changes: Any) -> ReportInputs:
        """Inputs of a report on a base and a tuned model of the given (reads, declines)."""
        items = changes.pop("items", self.items)
        answers = [*self.answers(self.base, *base), *self.answers(changes.get("candidate") or self.tuned, *tuned)]
        provenance = Provenance(
            "0a1b2c", "raft-default", "extractive-reader", "tuned-model", {"dataset": 7}, 120, {"quote missing": 3}
        )
        fields: dict[str, Any] = {
            "items": items,
            "answers": answers,
            "scores": score_answers(items, answers, self.pages),
            "contenders": (self.base, changes.get("candidate") or self.tuned),
            "champion": self.base,
            "candidate": self.tuned,
            "provenance": provenance,
            "pages": self.pages,
            "draws": 400,
        }
        return ReportInputs(**(fields | changes))


@pytest.fixture(scope="session")
def world() -> World:
    found = retrieved()
    questions = evaluated_questions(bank_rows(), corpus_rows(), seed=7)
    return World(bank_rows(), corpus_rows(), cut_snapshot(questions, corpus_rows(), found, k=4, seed=7), found)


@pytest.fixture
def make_item() -> Callable[..., dict[str, Any]]:
    """A row of EVALUATION_SET with one oracle and one distractor; keyword arguments replace columns."""

    def make(**changes: Any) -> dict[str, Any]:
        item = {
            "item_id": "item",
            "snapshot": "snapshot",
            "question_id": "question",
            "condition": "oracle_present",
            "question": "What is the monthly fee?",
            "oracle_index": 0,
            "expected_answer": "$5.00",
            "answerable": True,
            "documents": [
                {"chunk_id": "oracle", "title": "Guide", "text": "Guide > Fees\n\nThe monthly fee is $5.00."},
                {"chunk_id": "other", "title": "Guide", "text": "Guide > Cards\n\nCards arrive within 10 days."},
            ],
            "split": "test",
            "origin": "human",
            "kind": "number",
            "language": "en",
            "group": "group",
            "document_id": "document",
            "page": 3,
            "chunk_id": "oracle",
        }
        return item | changes

    return make


@pytest.fixture
def make_answer() -> Callable[..., dict[str, Any]]:
    """A row of MODEL_ANSWERS that is right and quotes the oracle; keyword arguments replace columns."""

    def make(**changes: Any) -> dict[str, Any]:
        answer = {
            "answer_id": "answer",
            "model_id": "model",
            "arm": "base_rag",
            "snapshot": "snapshot",
            "item_id": "item",
            "answer": "",
            "final_answer": "$5.00",
            "quotes": ["The monthly fee is $5.00."],
            "abstained": False,
            "chosen_index": 0,
            "status": "ok",
            "reason": None,
        }
        return answer | changes

    return make
