"""A teacher's completions read as drafts: questions of a chunk, then the worked answer to one of them.

Whatever a model sends becomes either a value or a `Defect` with what is wrong; nothing here raises.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from resources.hashing import well_formed
from resources.llm.gates import MAX_FINAL, Defect, answer_defects
from resources.llm.prompts import KINDS
from resources.llm.quotes import Span, restore
from resources.llm.raft_text import parse_answer
from resources.llm.request import Completion

EMPTY = "empty"
OTHER_KIND = "other"
MAX_REASON = 300

_FENCED = re.compile(r"\s*```(?:json)?\s*(.*?)\s*```\s*", re.DOTALL | re.IGNORECASE)
_NUMBERING = re.compile(
    r"^\s*(?:[-*•]\s+|(?:question|q|问题)\s*\d{1,3}\s*[.):：、-]\s*|\(?\d{1,3}(?:[.)]\s+|[、．）]\s*|:\s+))",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Question:
    """A question that the teacher proposes, and its kind."""

    text: str
    kind: str


@dataclass(frozen=True)
class Answer:
    """A worked answer with its quotes as the chunk has them; refused if it has a defect."""

    text: str
    final: str
    quotes: tuple[Span, ...]
    defect: Defect | None


def read_questions(completion: Completion, count: int) -> tuple[Question, ...] | Defect:
    """At most `count` questions, without the numbers that models put before them. None at all is a fair answer."""
    broken = _broken(completion)
    if broken:
        return broken
    proposed = _proposed(completion.text)
    if isinstance(proposed, Defect):
        return proposed
    return tuple(_question(entry) for entry in proposed[:count])


def read_answer(completion: Completion, question: str, chunk: str) -> Answer:
    """The answer with what is wrong with it, quotes looked up in the chunk."""
    text = well_formed(completion.text).strip()
    broken = _broken(completion)
    if broken:
        return Answer(text, parse_answer(text).final[:MAX_FINAL], (), broken)
    restored, spans = restore(text, chunk)
    return Answer(restored, parse_answer(restored).final, spans, next(answer_defects(question, restored, chunk), None))


def problem_of(defect: Defect) -> str:
    """The code under which `teacher_repairs` names a defect to the teacher."""
    return EMPTY if defect.gate == "malformed" and defect.detail == EMPTY else defect.gate


def _broken(completion: Completion) -> Defect | None:
    """What makes a completion unusable as a whole."""
    if completion.failure:
        return Defect("call_failed", completion.failure[:MAX_REASON])
    if completion.finish_reason == "length":
        return Defect("truncated", completion.finish_reason)
    if completion.finish_reason != "stop":
        return Defect("call_failed", f"finish reason {completion.finish_reason}"[:MAX_REASON])
    return None if completion.text.strip() else Defect("malformed", EMPTY)


def _proposed(text: str) -> list[Mapping[str, Any]] | Defect:
    """The entries of `{"questions": [...]}`, alone or in a code fence."""
    fenced = _FENCED.fullmatch(text)
    try:
        entries = json.loads(fenced[1] if fenced else text)["questions"]
    except (ValueError, RecursionError) as error:
        return Defect("malformed", f"{type(error).__name__}: {error}"[:MAX_REASON])
    except (KeyError, TypeError):
        return Defect("malformed", "no object with the key questions")
    if not isinstance(entries, list) or not all(_fits(entry) for entry in entries):
        return Defect("malformed", "questions is not a list of objects with the texts question and kind")
    return entries


def _fits(entry: Any) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("question"), str) and isinstance(entry.get("kind"), str)


def _question(entry: Mapping[str, Any]) -> Question:
    text = _NUMBERING.sub("", well_formed(entry["question"]), count=1).strip()
    kind = entry["kind"]
    return Question(text, kind if kind in KINDS else OTHER_KIND)
