"""From chunks to questions: what the teacher is asked, and how its completions become rows that passed every gate."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from resources.hashing import seeded_unit, short_id, well_formed
from resources.llm.gates import judge
from resources.llm.prompts import TEACHER_PROMPT_VERSION, TEACHER_SCHEMA, teacher_messages
from resources.llm.raft_text import language_of
from resources.llm.request import Completion
from resources.llm.resource import ChatModel

Row = dict[str, Any]
MALFORMED = "malformed"


def sample_chunks(chunks: Sequence[Mapping[str, Any]], rate: float) -> list[Mapping[str, Any]]:
    """The chunks the teacher sees: each is in or out by its own id, so that new chunks move no old one."""
    return [chunk for chunk in chunks if seeded_unit("teacher", chunk["chunk_id"]) < rate]


def ask_teacher(
    teacher: ChatModel, chunks: Sequence[Mapping[str, Any]], titles: Mapping[str, str], per_chunk: int
) -> list[Row]:
    """The rows of `qa_pairs` for these chunks. `titles` are those of their documents."""
    requests = [
        teacher.request(
            teacher_messages(titles[chunk["document_id"]], chunk["heading_path"], chunk["text"], per_chunk),
            TEACHER_PROMPT_VERSION,
            schema=json.dumps(TEACHER_SCHEMA, sort_keys=True),
            sources=[chunk["version"]],
        )
        for chunk in chunks
    ]
    rows = (
        row
        for chunk, completion in zip(chunks, teacher.complete(requests), strict=True)
        for row in question_rows(chunk, titles[chunk["document_id"]], completion)
    )
    return list({row["question_id"]: row for row in rows}.values())


def question_rows(chunk: Mapping[str, Any], title: str, completion: Completion) -> list[Row]:
    """The rows of one completion. A completion that is not the agreed JSON is one rejected row."""
    drafts = _drafts(completion)
    if drafts is None:
        return [_row(chunk, {"final_answer": completion.text[:200]}, [], MALFORMED)]
    rows: dict[str, Row] = {}
    accepted: list[str] = []
    for draft in drafts:
        given = draft.get("quotes")
        quotes = [well_formed(str(quote)) for quote in given] if isinstance(given, list) else []
        gate = judge(
            question=_text(draft, "question"),
            answer=_text(draft, "answer"),
            quotes=quotes,
            final_answer=_text(draft, "final_answer"),
            chunk=chunk["text"],
            title=title,
            heading_path=chunk["heading_path"],
            finish_reason=completion.finish_reason,
            earlier=accepted,
        )
        row = _row(chunk, draft, quotes, gate)
        if row["question_id"] not in rows:
            rows[row["question_id"]] = row
            if gate is None:
                accepted.append(row["question"])
    return list(rows.values())


def _drafts(completion: Completion) -> list[Mapping[str, Any]] | None:
    try:
        drafts = json.loads(completion.text)["questions"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return drafts if isinstance(drafts, list) and all(isinstance(draft, dict) for draft in drafts) else None


def _text(draft: Mapping[str, Any], field: str) -> str:
    """A field of a draft as text; anything that is not a text is empty, and a gate refuses it."""
    value = draft.get(field)
    return well_formed(value) if isinstance(value, str) else ""


def _row(chunk: Mapping[str, Any], draft: Mapping[str, Any], quotes: Sequence[str], gate: str | None) -> Row:
    question, final_answer = _text(draft, "question"), _text(draft, "final_answer")
    spans = [(quote, chunk["text"].find(quote)) for quote in quotes]
    return {
        "question_id": short_id("generated", chunk["chunk_id"], question, final_answer),
        "chunk_id": chunk["chunk_id"],
        "document_id": chunk["document_id"],
        "version": chunk["version"],
        "page": chunk["page_start"],
        "language": language_of(question),
        "question": question,
        "answer": _text(draft, "answer"),
        "quotes": [{"text": quote, "start": at, "end": at + len(quote)} for quote, at in spans if at >= 0],
        "final_answer": final_answer,
        "kind": _text(draft, "kind") or "open",
        "origin": "generated",
        "accepted": gate is None,
        "gate": gate,
    }
