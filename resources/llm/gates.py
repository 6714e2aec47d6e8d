"""Quality gates: the tests that a teacher's question and answer must pass, whoever the teacher is.

`question_defects` and `answer_defects` name every gate that refuses, in the order in which gates are reported; the
first one decides. Gates look at question, answer and chunk only. `docs/gates.md` says how well each one measures up.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from resources.llm.quotes import is_verbatim
from resources.llm.raft_text import is_refusal, language_of, parse_answer
from resources.llm.self_contained import stands_alone
from resources.llm.support import gives_away, is_supported, normalised

MAX_FINAL = 200
MAX_QUESTION = 320


@dataclass(frozen=True)
class Gate:
    """A reason to refuse a draft: its name in tables and one line for the person who reads the report."""

    name: str
    description: str


@dataclass(frozen=True)
class Defect:
    """A gate that refuses a draft, and what it found."""

    gate: str
    detail: str = ""


GATES = (
    Gate("call_failed", "The call brought no answer: too long, filtered, or not allowed out."),
    Gate("truncated", "The completion did not end on its own (finish reason other than stop)."),
    Gate("malformed", "The completion is not the agreed JSON, or the question is empty, too long, or not in words."),
    Gate("not_self_contained", "Someone who sees only the question cannot know what it is about."),
    Gate("duplicate", "The chunk already has this question."),
    Gate("refusal", "The teacher declined: the chunk does not answer the question."),
    Gate("answer_tag_count", "The answer does not carry exactly one answer tag."),
    Gate("final_answer_missing", "There is no final answer after the answer tag."),
    Gate("final_answer_too_long", f"The final answer is longer than {MAX_FINAL} characters, or than a line."),
    Gate("quotes_missing", "The answer marks no quote with the quote tags."),
    Gate("quote_not_verbatim", "A quote is not a word-for-word part of the chunk."),
    Gate("answer_leaked", "The question already holds its answer."),
    Gate("answer_not_supported", "The final answer holds a number or words that the quotes do not."),
)
GATE_NAMES = tuple(gate.name for gate in GATES)

REPAIRABLE = frozenset({
    "truncated", "malformed", "answer_tag_count", "final_answer_missing", "final_answer_too_long", "quotes_missing",
    "quote_not_verbatim",
})  # fmt: skip
"""Defects that a second try with the problem named can mend; for the others there is nothing to mend."""

_DECLINING = re.compile(
    r"^(?:i(?:'m| am)? (?:sorry|unable|cannot|can't)|as an ai|(?:there is|i have) (?:not enough|"
    r"no) (?:information|context)"
    r"|抱歉|对不起|我无法|作为(?:一个)?(?:ai|人工智能))",
    re.IGNORECASE,
)


def judge(
    *,
    question: str,
    answer: str,
    chunk: str,
    title: str = "",
    heading_path: Sequence[str] = (),
    earlier: Iterable[str] = (),
) -> str | None:
    """The name of the first gate that refuses the draft, or None. `earlier` are the chunk's questions before it."""
    asked = question_defects(question, title, heading_path, earlier)
    defect = next(asked, None) or next(answer_defects(question, answer, chunk), None)
    return defect.gate if defect else None


def question_defects(
    question: str, title: str = "", heading_path: Sequence[str] = (), earlier: Iterable[str] = ()
) -> Iterator[Defect]:
    """What is wrong with a question, before anyone pays for its answer."""
    if not _is_question(question) or _DECLINING.search(question.strip()):
        yield Defect("malformed", question[:MAX_FINAL])
    if not stands_alone(question, "\n".join((title, *heading_path))):
        yield Defect("not_self_contained")
    if normalised(question) in {normalised(other) for other in earlier}:
        yield Defect("duplicate")


def answer_defects(question: str, answer: str, chunk: str) -> Iterator[Defect]:
    """What is wrong with an answer whose quotes stand as in the chunk (`quotes.restore`)."""
    parsed = parse_answer(answer)
    final, quoted = parsed.final, " ".join(parsed.quotes)
    said = final if parsed.tags else answer.strip()
    if _declines(said) and normalised(said) not in normalised(quoted):
        yield Defect("refusal", said[:MAX_FINAL])
        return
    if parsed.tags != 1:
        yield Defect("answer_tag_count", str(parsed.tags))
    if parsed.tags and not final:
        yield Defect("final_answer_missing")
    if len(final) > MAX_FINAL or "\n" in final:
        yield Defect("final_answer_too_long", f"{len(final)} characters on {final.count(chr(10)) + 1} line(s)")
    if not parsed.quotes or not all(parsed.quotes):
        yield Defect("quotes_missing")
    invented = next((quote for quote in parsed.quotes if quote and not is_verbatim(quote, chunk)), None)
    if invented is not None:
        yield Defect("quote_not_verbatim", invented[:MAX_FINAL])
    if gives_away(question, final):
        yield Defect("answer_leaked", final[:MAX_FINAL])
    if final and not is_supported(final, quoted, question):
        yield Defect("answer_not_supported", final[:MAX_FINAL])


def _declines(text: str) -> bool:
    return is_refusal(text) or bool(_DECLINING.search(text))


def _is_question(question: str) -> bool:
    text = question.strip()
    enough = len(text) >= 4 if language_of(text) == "zh" else len(text.split()) >= 3
    return enough and len(text) <= MAX_QUESTION and "\n" not in text and "##" not in text and "|" not in text
