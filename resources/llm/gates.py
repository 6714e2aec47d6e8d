"""Quality gates: the tests that a teacher's question must pass, whoever the teacher is, and why each one exists.

`judge` names the first gate that refuses a draft; `GATES` describes them, in the order in which they are tried, so
that every report can show the yield of each. Gates look at the draft and its chunk only.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from resources.llm.raft_text import language_of, parse_answer

MAX_FINAL = 200
MAX_QUESTION = 320


@dataclass(frozen=True)
class Gate:
    """A reason to refuse a draft: its name in tables and one line for the person who reads the report."""

    name: str
    description: str


GATES = (
    Gate("truncated", "The completion did not end on its own (finish reason other than stop)."),
    Gate("malformed", "The question or the answer is empty, too long, or not a question in words."),
    Gate("refusal", "The teacher declined to answer instead of asking something the chunk answers."),
    Gate("answer_tag_count", "The answer does not carry exactly one answer tag."),
    Gate("final_answer_missing", "There is no final answer, or it differs from the one after the answer tag."),
    Gate("final_answer_too_long", f"The final answer is longer than {MAX_FINAL} characters."),
    Gate("quotes_missing", "The draft has no quote, or the answer does not mark it with the quote tags."),
    Gate("quote_not_verbatim", "A quote is not a word-for-word part of the chunk."),
    Gate("not_self_contained", "Someone who sees only the question cannot know what it is about."),
    Gate("answer_leaked", "The question already holds its answer."),
    Gate("answer_not_supported", "The final answer holds a number or words that the quotes do not."),
    Gate("duplicate", "The chunk already has this question."),
)
GATE_NAMES = tuple(gate.name for gate in GATES)

_YES_NO = re.compile(r"(?:yes|no|是|否|是的|不是|可以|不可以|不能|能|有|没有|不)[.。!！]?", re.IGNORECASE)
_UNAVAILABLE = re.compile(r"not available|not offered|unavailable|不提供|不适用", re.IGNORECASE)
_WORD = re.compile(r"[a-z]+|[\u3400-\u9fff]", re.IGNORECASE)
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
_NORMALISE = re.compile(r"[\W_]+")
_REFUSING = re.compile(
    r"^(?:i(?:'m| am)? (?:sorry|unable|cannot|can't)|as an ai|(?:there is|i have) (?:not enough|"
    r"no) (?:information|context)"
    r"|抱歉|对不起|我无法|作为(?:一个)?(?:ai|人工智能))",
    re.IGNORECASE,
)
_STOP = frozenset(
    """
    a am an and are as at be been being by can could did do does for from get had has have how i if in is it its many
    may me might much must my not of on or our per should the their there they this to us was we were what when which
    who will with would you your able
    """.split()
)
_DANGLING = {
    "en": re.compile(
        r"\b(?:this|these)\b(?! (?:year|month|week|morning|afternoon|evening|summer|winter|spring|autumn|time)\b)"
        r"|\bthose\b(?! (?:who|that|of|with|in|for|on|under|over|without|from)\b)"
        r"|\b(?:that|such)\s+(?:an?\s+)?(?:\w+\s+){0,2}?(?:account|plan|document|text|passage|context|table"
        r"|chart|row|column|section|page|guide|service|product|card|fee|list|agreement|policy|waiver|"
        r"information|article"
        r"|option|offer|feature|paragraph|excerpt|case|item|step|program(?:me)?|form|method|term|amount|device)s?\b"
        r"|\bthe (?:above|below|following|former|latter|aforementioned|mentioned|given|provided|said|previous|same"
        r"|first|second|third|fourth|fifth|sixth|last|next)\b(?! (?:time|day|year|month|week|quarter|business|night"
        r"|hour|minute|class|aid|party|name|page of|step|named|born))"
        r"|\bthe (?:table|chart|passage|excerpt|paragraph|text|context|column|row|figure|diagram|list|snippet|chunk)\b"
        r"(?! (?:of|for|called|named|on|about)\b)"
        r"|\b(?:according to|in|from|per|by|of) (?:the|this) (?:document|guide|page|section|article|text)\b"
        r"|\b(?:document|passage|text|section|table) (?:above|below)\b|\b(?:mentioned|listed|"
        r"described|shown) (?:above|below|here)\b"
        r"|\b(?:see|refer to) (?:page|section|note|footnote)\b|\bfootnotes?\b|\bstep \d+\b|\bhere\?",
        re.IGNORECASE,
    ),
    "zh": re.compile(
        r"该|(?<![除因如从就彼在])此(?!外|时|前|后)|上述|前述|上文|下文|如下|以下|以上(?=[^岁元名天个年月]|$)|本(?:文|表|节|章|页|段|条|款)|这(?:个|些|种|项|份)|"
        r"那(?:个|些)|上表|下表|表中|文中|其(?!他|它|中|余|实)"
    ),
}
_PRONOUN = re.compile(r"\b(it|its|they|them|their|theirs|he|she|his|her|him)\b", re.IGNORECASE)
_POSSESSIVE = ("its", "their", "his", "her")
_EXPLETIVE = re.compile(
    r"\bit\s+(?:possible|necessary|required|cost to|take|safe|true|ok|okay|allowed|free|mandatory|compulsory)\b"
    r"|\b(?:is|was) it (?:that|true|possible|necessary)\b|\bdoes it (?:cost to|take)\b|\bhow long (?:does|will) it take\b"
    r"|\bwhat(?:'s| is) it called\b",
    re.IGNORECASE,
)


def judge(
    *,
    question: str,
    answer: str,
    quotes: Sequence[str],
    final_answer: str,
    chunk: str,
    title: str = "",
    heading_path: Sequence[str] = (),
    finish_reason: str = "stop",
    earlier: Iterable[str] = (),
) -> str | None:
    """The name of the first gate that refuses the draft, or None. `earlier` are the chunk's accepted questions."""
    parsed = parse_answer(answer)
    final = final_answer.strip()
    quoted = " ".join(quotes)
    names = "\n".join((title, *heading_path))
    checks = {
        "truncated": lambda: finish_reason != "stop",
        "malformed": lambda: not _is_question(question) or not answer.strip(),
        "refusal": lambda: (
            (parsed.abstained and normalised(final) not in normalised(quoted))
            or any(_REFUSING.search(text) for text in (final, question.strip()))
        ),
        "answer_tag_count": lambda: parsed.tags != 1,
        "final_answer_missing": lambda: not final or normalised(parsed.final) != normalised(final),
        "final_answer_too_long": lambda: len(final) > MAX_FINAL,
        "quotes_missing": lambda: not quotes or not parsed.quotes or not all(quote.strip() for quote in quotes),
        "quote_not_verbatim": lambda: any(quote not in chunk for quote in (*quotes, *parsed.quotes)),
        "not_self_contained": lambda: not is_self_contained(question, names),
        "answer_leaked": lambda: is_leaked(question, final),
        "answer_not_supported": lambda: not is_supported(final, quoted),
        "duplicate": lambda: normalised(question) in {normalised(other) for other in earlier},
    }
    return next((name for name in GATE_NAMES if checks[name]()), None)


def is_self_contained(question: str, names: str = "") -> bool:
    """Whether the question stands alone: nothing in it points at a page, a table or a sentence the reader lacks.

    `names` (title and headings, one to a line) may themselves hold words such as "this guide"; those are not held
    against it.
    """
    text = question
    for name in sorted(filter(None, names.split("\n")), key=len, reverse=True):
        text = text.replace(name, "")
    if _DANGLING[language_of(question)].search(text):
        return False
    return not _has_loose_pronoun(text)


def _has_loose_pronoun(text: str) -> bool:
    """A pronoun with nothing before it to stand for: its own question must name the thing first."""
    plain = _EXPLETIVE.sub(" ", text)
    for match in _PRONOUN.finditer(plain):
        before = plain[: match.start()]
        words = [word for word in _WORD.findall(before) if word.casefold() not in _STOP]
        named = re.search(r"\w[:,.?] (?:\w+ ){0,4}$", before) or match.group(0).casefold() in _POSSESSIVE
        if len(words) < (1 if named else 3):
            return True
    return False


def is_supported(final: str, quotes: str) -> bool:
    """Whether the quotes hold the answer: each of its numbers, and half of its other words. Yes and no are exempt."""
    if _YES_NO.fullmatch(final) or _UNAVAILABLE.fullmatch(final):
        return True
    if not set(_numbers(final)) <= set(_numbers(quotes)):
        return False
    words = _content_words(final)
    return not words or 2 * len(words & _content_words(quotes)) >= len(words)


def is_leaked(question: str, final: str) -> bool:
    """Whether the question gives its answer away. Yes and no cannot be given away."""
    if _YES_NO.fullmatch(final):
        return False
    numbers = _numbers(final)
    if numbers and not _content_words(final):
        return set(numbers) <= set(_numbers(question))
    inside, whole = normalised(final), normalised(question)
    return len(inside) >= 2 and f" {inside} " in f" {whole} "


def normalised(text: str) -> str:
    """Lower-case words with single spaces: what two equal questions have in common."""
    return _NORMALISE.sub(" ", text.casefold()).strip()


def _is_question(question: str) -> bool:
    text = question.strip()
    enough = len(text) >= 4 if language_of(text) == "zh" else len(text.split()) >= 3
    return enough and len(text) <= MAX_QUESTION and "\n" not in text and "##" not in text and "|" not in text


def _numbers(text: str) -> list[str]:
    return [_canonical(number) for number in _NUMBER.findall(text)]


def _canonical(number: str) -> str:
    digits = number.replace(",", "")
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def _content_words(text: str) -> set[str]:
    return {word for word in map(str.casefold, _WORD.findall(text)) if word not in _STOP}
