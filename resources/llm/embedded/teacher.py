"""The extractive teacher: questions that a chunk answers, written by rules, each with reasoning that quotes it.

It writes what a person might ask who sees only the question: definitions, amounts, dates and durations, conditions,
lists, and table cells, in English and Chinese. Phrasings are chosen by content hash, never by chance.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from resources.hashing import seeded_unit
from resources.llm.embedded.candidates import CELL, DEFINITION, SENTENCE, Candidate, candidates
from resources.llm.embedded.contextualizer import clean_heading
from resources.llm.embedded.question_templates import ANCHOR, ANCHOR_TITLE, SYNONYMS
from resources.llm.embedded.teacher_fact import Fact, Place, choose
from resources.llm.embedded.teacher_tables import table_facts
from resources.llm.embedded.teacher_text import glossary_fact, text_facts
from resources.llm.embedded.teacher_words import running, sentence_case, titled
from resources.llm.raft_text import language_of, render_answer
from resources.llm.self_contained import is_self_contained
from resources.llm.support import is_leaked, is_supported, normalised
from resources.search.tokenizer import STOP_WORDS, tokens

_SYNONYM_RATE = 0.45
_CLIPPED_RATE = 0.12
_PATTERNS = tuple((re.compile(pattern), options) for pattern, options in SYNONYMS)
_WEIGHT = {
    "table_cell": 3.0,
    "tick": 2.0,
    "which": 0.6,
    "amount": 2.0,
    "duration": 2.0,
    "date": 2.0,
    "number": 1.5,
    "yes_no": 0.4,
}
"""How many questions of a kind are asked for one of another kind, where a chunk has both."""

_UNTELLING = re.compile(
    r"^(?:welcome|introduction|contents|table of contents|glossary|benefits|overview|summary|"
    r"notes?|general|other|miscellaneous"
    r"|how to|about|faq|important|appendix|section|part|chapter|step|background|terms|definitions|"
    r"more|further|additional"
    r"|if|when|who|what|which|where|why|can|do|does|is|are|a word|before|after|more about|at a glance"
    r"|引言|前言|目录|概述|概览|总则|说明|附录|附则|注意|简介|术语)\b|[!?]$|^(?:目录|概述|说明|附录|术语表?|引言|前言|简介)$|^\W*\d|\d{3}-\d{3}|@",
    re.IGNORECASE,
)
"""Headings that say nothing about their subject."""

_GLOSSARY = re.compile(
    r"\b(?:glossary|definitions|terms explained|words? (?:explained|you|we)|vocabulary)\b|词语|术语|名词|定义|词汇",
    re.I,
)
_PROPER = re.compile(r"(?<!^)(?<![.?!:] )\b[A-Z][A-Za-z]*[a-z]")


@dataclass(frozen=True)
class DraftQuestion:
    """A question with its worked answer. `quotes` are (text, start, end), verbatim spans of the chunk."""

    question: str
    answer: str
    quotes: tuple[tuple[str, int, int], ...]
    final_answer: str
    kind: str


def write_questions(title: str, heading_path: Sequence[str], text: str, count: int) -> list[DraftQuestion]:
    """At most `count` drafts, spread over kinds, rows and columns. The same chunk always gives the same drafts."""
    drafts: list[DraftQuestion] = []
    seen: set[str] = set()
    for fact, phrasing in _selected(_facts(title, heading_path, text), count):
        draft = _draft(fact, phrasing)
        if normalised(draft.question) not in seen:
            seen.add(normalised(draft.question))
            drafts.append(draft)
        if len(drafts) >= count:
            break
    return drafts


def _facts(title: str, heading_path: Sequence[str], text: str) -> list[Fact]:
    """Every usable fact of the chunk, each with phrasings that stand alone."""
    found: list[Fact] = []
    defined: set[str] = set()
    for is_table, group in groupby(candidates(text), key=lambda candidate: candidate.kind == CELL):
        members = list(group)
        if is_table:
            found += table_facts(members, _place(title, heading_path, members[0], text), text)
            continue
        for member in members:
            place = _place(title, heading_path, member, text)
            if place.is_glossary and place.section not in defined and member.kind in (SENTENCE, DEFINITION):
                defined.add(place.section)
                found += glossary_fact(member, place)
            found += text_facts(member, place, text)
    names = "\n".join((title, *heading_path))
    usable = (_usable(fact, names) for fact in found)
    return list({(fact.kind, fact.phrasings[0]): fact for fact in usable if fact}.values())


def _place(title: str, heading_path: Sequence[str], candidate: Candidate, text: str) -> Place:
    inside = [part for part in candidate.heading.split(" > ") if part]
    path = [name for name in map(clean_heading, (*heading_path, *inside)) if name]
    named = [name for name in path if not _UNTELLING.search(name)]
    language = candidate.language if candidate.kind != CELL else language_of(text)
    section = named[-1] if named and len(named[-1]) <= 80 else ""
    is_glossary = len(path) > 1 and path[-1] == section and any(map(_GLOSSARY.search, path[:-1]))
    return Place(clean_heading(title), section, language, is_glossary and not _GLOSSARY.search(section))


def _usable(fact: Fact, names: str) -> Fact | None:
    """The fact with the phrasings that stand alone and do not tell the answer; None if there are none."""
    if not fact.final or len(fact.final) > 200 or not is_supported(fact.final, " ".join(q.text for q in fact.quotes)):
        return None
    kept = tuple(
        anchored
        for phrasing in fact.phrasings
        if (anchored := _anchored(phrasing, fact))
        and is_self_contained(anchored, names)
        and not is_leaked(anchored, fact.final)
    )
    return replace(fact, phrasings=kept) if kept else None


def _anchored(question: str, fact: Fact) -> str:
    """The question, led by its section or title where nothing in it says what it is about."""
    place = fact.place
    known = set(tokens(f"{place.section} {place.title}", STOP_WORDS))
    said = set(tokens(question, STOP_WORDS))
    named = bool(_PROPER.search(question)) or len(known & said) > 1 or (bool(known & said) and len(said) > 4)
    if named or fact.column or fact.kind == "definition" or not (place.section or place.title):
        return question
    lower = question[0].lower() + question[1:] if not question.startswith(("I ", "I'")) else question
    words = {"question": question, "lower": lower, "open": question.rstrip("?？")}
    short = re.split(r"[:：]\s", place.section)[0]
    if not short or short == re.split(r"[:：]\s", place.title)[0]:
        name = re.split(r"[:：]\s", place.title or place.section)[0]
        title = name if place.language == "zh" else titled(name)
        return sentence_case(choose(ANCHOR_TITLE[place.language], "anchor", question).format(title=title, **words))
    template = choose(ANCHOR[place.language], "anchor", question)
    section = short if place.language == "zh" or template.startswith("{section}") else running(short)
    return template.format(section=section, **words)


def _selected(facts: Sequence[Fact], count: int) -> Iterator[tuple[Fact, str]]:
    """Facts in the order in which they are asked, and how: rarely used kinds, rows and columns first, then the hash."""
    used: Counter[str] = Counter()
    left = dict.fromkeys(range(len(facts)), 0)
    asked = 0
    while left and asked < 2 * count:
        index = min(left, key=lambda i: _rank(facts[i], left[i], used))
        fact, turn = facts[index], left.pop(index)
        yield fact, fact.phrasings[turn]
        asked += 1
        used.update((f"kind {fact.kind}", f"row {fact.row}", f"column {fact.column}"))
        if turn + 1 < min(len(fact.phrasings), 3):
            left[index] = turn + 1


def _rank(fact: Fact, turn: int, used: Counter[str]) -> tuple[int, float, float]:
    weight = _WEIGHT.get(fact.kind, 1.0)
    crowding = used[f"kind {fact.kind}"] / weight + used[f"row {fact.row}"] + 0.5 * used[f"column {fact.column}"]
    return turn, crowding, seeded_unit("order", fact.phrasings[0], fact.final)


def _draft(fact: Fact, phrasing: str) -> DraftQuestion:
    question = _reworded(phrasing, fact)
    quotes = tuple((quote.text, quote.start, quote.end) for quote in fact.quotes)
    return DraftQuestion(question, render_answer(fact.reasoning, fact.final), quotes, fact.final, fact.kind)


def _reworded(question: str, fact: Fact) -> str:
    """The question with a word or two swapped for what people say instead, and now and then typed in haste."""
    text = question
    for position, (pattern, options) in enumerate(_PATTERNS):
        if pattern.search(text) and seeded_unit("swap", question, position) < _SYNONYM_RATE:
            swapped = pattern.sub(choose(options, "swap", question, position, "which"), text)
            text = swapped if not is_leaked(swapped, fact.final) else text
    if fact.place.language == "en":
        text = text[:1].upper() + text[1:]
        if seeded_unit("haste", question) < _CLIPPED_RATE:
            text = text[0].lower() + text[1:].rstrip("?.")
    return text
