"""Facts that changed since the champion was trained, and what it answers to them now.

A fact has changed where the answer that was learned would be wrong today, by the rule that scores every evaluation.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assets.evaluation.asking import found_by, request_of
from assets.evaluation.incumbent import Incumbent
from assets.evaluation.matching import has_numbers, matches
from assets.raft.similarity import normalised
from assets.training.drift import OLD
from assets.training.learned import facts_of, line_of
from resources.hashing import seeded_unit
from resources.lake.lake import Lake
from resources.llm.models import ChatModel, Models
from resources.llm.raft_text import parse_answer
from resources.llm.request import Completion
from resources.search.index import SearchIndex

NEW, OTHER, DECLINED = "new", "other", "declined"
FAILED = "failed"
"""No whole answer came: cut off, filtered, or the documents may not leave."""
NOT_ASKED = "not_asked"
"""The champion is hosted and no endpoint serves it: nothing is deployed for this."""

_APART = " | "
Row = Mapping[str, Any]


@dataclass(frozen=True)
class ChangedFact:
    """A question of the bank whose answer was another when a model learned it: the champion, or one it went on from."""

    question: Row
    old: tuple[str, ...]
    learned_by: str

    @property
    def is_amount_or_date(self) -> bool:
        return any(map(has_numbers, (*self.old, self.question["final_answer"])))


def changes_since(lake: Lake, champion: str, bank: Iterable[Row]) -> list[ChangedFact]:
    """The facts that changed since the champion and its parents were trained: amounts and dates first, then by chance.

    Where several of them learned a question, the youngest whose answer is old counts.
    """
    now = defaultdict(list)
    for row in bank:
        if row["status"] == "kept" and row["answerable"]:
            now[normalised(row["question"])].append(row)
    found: dict[str, ChangedFact] = {}
    for member in line_of(lake, champion):
        for fact in _changed(_answers(facts_of(lake, member) or ()), now, member):
            found.setdefault(fact.question["question_id"], fact)
    return sorted(found.values(), key=_importance)


def _answers(learned: Iterable[Row]) -> dict[str, list[str]]:
    """The answers that a model was taught, by question."""
    found: dict[str, list[str]] = defaultdict(list)
    for fact in learned:
        if fact["policy"] != "refuse":
            found[normalised(fact["question"])].append(fact["final_answer"])
    return found


def _changed(learned: Mapping[str, Sequence[str]], now: Mapping[str, Sequence[Row]], by: str) -> Iterable[ChangedFact]:
    for question, before in learned.items():
        rows = now.get(question, ())
        old = [answer for answer in before if not any(_still_right(row, answer) for row in rows)]
        for row in rows if old else ():
            if not any(_still_right(row, answer) for answer in before):
                yield ChangedFact(row, tuple(sorted(set(old))), by)


def _still_right(row: Row, answer: str) -> bool:
    return matches(row["final_answer"], answer, row["question"])


def _importance(fact: ChangedFact) -> tuple[bool, float, str]:
    name = fact.question["question_id"]
    return not fact.is_amount_or_date, seeded_unit("changed facts", name), name


def put_to(
    facts: Sequence[ChangedFact],
    student: ChatModel,
    models: Models,
    chunks: Mapping[str, Row],
    index: SearchIndex,
    documents: int,
) -> list[tuple[str, str]]:
    """Answer and verdict for each fact, asked over the current index just as `raftline ask` does."""
    questions = [fact.question["question"].strip() for fact in facts]
    sources = [_source(fact, chunks) for fact in facts]
    vectors = models.embedder().embed(questions, sources)
    found = [
        found_by(question, vector, chunks, index, documents)
        for question, vector in zip(questions, vectors, strict=True)
    ]
    requests = [
        request_of(question, shown, student, source)
        for question, shown, source in zip(questions, found, sources, strict=True)
    ]
    return [judged(fact, completion) for fact, completion in zip(facts, student.complete(requests), strict=True)]


def judged(fact: ChangedFact, completion: Completion) -> tuple[str, str]:
    """The final answer, and whether it is the new one, the old one, another, or none."""
    if not completion.usable:
        return completion.failure or completion.finish_reason, FAILED
    parsed = parse_answer(completion.text)
    if parsed.abstained or not parsed.final:
        return parsed.final, DECLINED
    if _still_right(fact.question, parsed.final):
        return parsed.final, NEW
    old = any(matches(answer, parsed.final, fact.question["question"]) for answer in fact.old)
    return parsed.final, OLD if old else OTHER


def fact_rows(
    facts: Sequence[ChangedFact], answers: Sequence[tuple[str, str]], incumbent: Incumbent, chunks: Mapping[str, Row]
) -> list[dict[str, Any]]:
    """Rows of `changed_facts`."""
    return [
        {
            "question_id": fact.question["question_id"],
            "question": fact.question["question"],
            "old_answer": _APART.join(fact.old),
            "new_answer": fact.question["final_answer"],
            "answer": answer,
            "verdict": verdict,
            "amount_or_date": fact.is_amount_or_date,
            "document": chunks[chunk]["uri"] if (chunk := fact.question["chunk_id"]) in chunks else None,
            "page": fact.question["page"],
            "model_id": incumbent.participant.student.model_id,
            "recipe": incumbent.recipe,
            "learned_by": fact.learned_by,
        }
        for fact, (answer, verdict) in zip(facts, answers, strict=True)
    ]


def _source(fact: ChangedFact, chunks: Mapping[str, Row]) -> tuple[str, ...]:
    """The version of the document that the question is about, so that erasing it finds the call."""
    chunk = chunks.get(fact.question["chunk_id"] or "")
    return (chunk["version"],) if chunk else ()
