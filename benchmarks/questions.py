"""Both sets of questions about the guide as one bank split by page, and what of it can teach an extractive reader."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assets.evaluation.matching import has_numbers, polarity
from assets.raft.bank import KEPT
from assets.raft.brought import as_bank_row
from benchmarks.extractive import lesson
from benchmarks.guide import Guide, generated_questions
from benchmarks.oracles import Locator
from benchmarks.page_split import TEST, TRAIN, VALIDATION, placed, split_pages
from benchmarks.two_by_two import GENERATED, ORIGINS, SEED, THIRD_PARTY
from benchmarks.workshop import WorkshopRow, read_workshop
from resources.hashing import short_id
from resources.llm.models import Models

Row = dict[str, Any]


@dataclass(frozen=True)
class Questions:
    """The bank, the part of each page, the rows of each origin that may teach, and what was counted on the way."""

    bank: list[Row]
    parts: dict[int, str]
    lessons: dict[str, list[Row]]
    told: Row


@dataclass(frozen=True)
class Recovered:
    """Published questions as bank rows, the quotes of each, and why the others are left out."""

    rows: list[Row]
    quotes: dict[str, str]
    left_out: Counter[str]


def gather(data: Path, guide: Guide, models: Models) -> Questions:
    """Ours from the teacher and its gates, theirs from the published rows, in parts by page."""
    drafts = generated_questions(guide.corpus, models)
    ours = [_generated(row) for row in drafts if row["accepted"]]
    theirs = recover(read_workshop(data), guide.corpus)
    parts = split_pages(Counter(row["page"] for row in (*ours, *theirs.rows)), SEED)
    bank = placed([*ours, *theirs.rows], parts, guide.corpus)
    kept = [row for row in bank if row["status"] == KEPT]
    learnable = [row for row in kept if row["split"] != TEST]
    chunks = {row["chunk_id"]: row for row in guide.corpus}
    lessons = {
        GENERATED: [row for row in learnable if row["origin"] == GENERATED],
        THIRD_PARTY: [
            learnt
            for row in learnable
            if row["origin"] == THIRD_PARTY
            and (learnt := lesson(row, chunks[row["chunk_id"]], theirs.quotes[row["question_id"]]))
        ],
    }
    told = {
        "chunks": len(chunks),
        "pages": {
            part: sorted(page + 1 for page, owner in parts.items() if owner == part)
            for part in (TRAIN, VALIDATION, TEST)
        },
        "questions": {
            name: _by_split(row for row in kept if row["origin"] == origin) for origin, name in ORIGINS.items()
        },
        "generated": {"asked": len(drafts), "accepted": len(ours)},
        "published_rows": len(theirs.rows) + theirs.left_out.total(),
        "oracle_recovered": len(theirs.rows),
        "left_out": dict(sorted(theirs.left_out.items())),
        "withheld": dict(sorted(Counter(row["reason"] for row in bank if row["reason"]).items())),
        "can_teach": {name: _by_split(lessons[origin]) for origin, name in ORIGINS.items()},
    }
    return Questions(bank, parts, lessons, told)


def recover(published: Sequence[WorkshopRow], corpus: Sequence[Row]) -> Recovered:
    """The published questions whose oracle is one of the chunks, each question of a chunk once."""
    locator = Locator(corpus)
    chunks = {row["chunk_id"]: row for row in corpus}
    left_out: Counter[str] = Counter()
    rows: dict[str, Row] = {}
    quotes: dict[str, str] = {}
    for row in published:
        oracle = locator.locate(row)
        if isinstance(oracle, str):
            left_out[oracle] += 1
            continue
        name = short_id("workshop", row.question, oracle.chunk["chunk_id"])
        brought = {
            "question_id": name, "question": row.question, "answer": row.answer, "quote": oracle.quote,
            "kind": _kind(row.answer), "origin": THIRD_PARTY, "language": "en", "answerable": True,
            "status": "mapped", "chunk_id": oracle.chunk["chunk_id"], "page": oracle.chunk["page_start"],
        }  # fmt: skip
        outcome = "it is asked twice" if name in rows else as_bank_row(brought, chunks)
        if isinstance(outcome, str):
            left_out[outcome] += 1
        else:
            rows[name], quotes[name] = outcome, "\n".join(row.quotes)
    return Recovered(list(rows.values()), quotes, left_out)


def _generated(row: Row) -> Row:
    kept = ("question_id", "question", "answer", "quotes", "final_answer", "kind", "language", "chunk_id")
    return {name: row[name] for name in (*kept, "document_id", "page")} | {"origin": GENERATED, "answerable": True}


def _kind(answer: str) -> str:
    return "yes_no" if polarity(answer) else "number" if has_numbers(answer) else "open"


def _by_split(rows: Iterable[Row]) -> dict[str, int]:
    return dict(sorted(Counter(row["split"] for row in rows).items()))
