"""A question that somebody brought, as a row of the bank: with quotes, spans and a reasoned answer of our own."""

import re
from collections.abc import Mapping
from typing import Any

from assets.corpus import section_group
from assets.raft.splits import lone_group
from resources.llm.raft_text import REFUSAL, quoted, render_answer

_BETWEEN = r"(?:[\s|*_`#]|<[^<>]{0,20}>)+"
_REASONING = {
    "en": {
        "quote": "The question is answered by this passage: {quote}.",
        "answer": "The answer is stated in one of the documents.",
        "refuse": "I compared the question with each document. None of them states what it asks for.",
    },
    "zh": {
        "quote": "回答问题的原文是：{quote}。",
        "answer": "答案写在其中一篇文档里。",
        "refuse": "我把问题与每篇文档逐一对照，没有一篇说明所问的内容。",
    },
}


def reasoned_answer(language: str, quote: str | None, final: str) -> str:
    """A chain of thought for an answer that came without one."""
    sentences = _REASONING.get(language, _REASONING["en"])
    # Replaced, not formatted: a quote may hold braces.
    reasoning = sentences["quote"].replace("{quote}", quoted(quote)) if quote else sentences["answer"]
    return render_answer(reasoning, final)


def refusal(language: str) -> tuple[str, str]:
    """The target of a row whose documents do not hold the answer, and its final answer."""
    final = REFUSAL.get(language, REFUSAL["en"])
    return render_answer(_REASONING.get(language, _REASONING["en"])["refuse"], final), final


def as_bank_row(question: Mapping[str, Any], chunks: Mapping[str, Mapping[str, Any]]) -> dict[str, Any] | str:
    """The bank's row for a row of `external_questions`, without split and status; or why it cannot be used."""
    row = {name: question[name] for name in ("question_id", "question", "kind", "origin", "language", "answerable")}
    if question["status"] == "invalid":
        return "not a valid question"
    if not question["answerable"]:
        answer, final = refusal(question["language"])
        nowhere = dict.fromkeys(("chunk_id", "document_id", "page"))
        return row | nowhere | _answered(answer, final, []) | {"group": lone_group(question["question_id"])}
    if question["chunk_id"] is None:
        return "no passage holds its answer"
    chunk = chunks.get(question["chunk_id"])
    if chunk is None:
        return "its chunk is no longer in the corpus"
    span = _span(question["quote"], chunk["text"])
    quote = chunk["text"][span[0] : span[1]] if span else None
    final = (question["answer"] or "").strip() or quote
    if not final:
        return "it has neither an answer nor a quote"
    quotes = [{"text": quote, "start": span[0], "end": span[1]}] if span else []
    return (
        row
        | _answered(reasoned_answer(question["language"], quote, final), final, quotes)
        | {
            "chunk_id": chunk["chunk_id"],
            "document_id": chunk["document_id"],
            "page": chunk["page_start"] if question["page"] is None else question["page"],
            "group": section_group(chunk),
        }
    )


def _answered(answer: str, final: str, quotes: list[dict[str, Any]]) -> dict[str, Any]:
    return {"answer": answer, "final_answer": final, "quotes": quotes}


def _span(quote: str | None, text: str) -> tuple[int, int] | None:
    """Where a quote lies in a passage; white space, table bars and markup between its words do not matter."""
    parts = (quote or "").replace("|", " ").split()
    found = re.search(_BETWEEN.join(map(re.escape, parts)), text) if parts else None
    return found.span() if found else None
