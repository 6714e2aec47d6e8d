"""Facts from English sentences, by conservative patterns: a sentence that fits none of them asks nothing."""

import re
from collections.abc import Callable, Iterator

from resources.llm.embedded.teacher_clauses import (
    COMPOUND,
    TAIL,
    first_clause,
    main_clause,
    simple_clause,
    spoken,
)
from resources.llm.embedded.teacher_clues import DANGLING_START, conditions, contacts, definitions, people, purposes
from resources.llm.embedded.teacher_fact import Asked
from resources.llm.embedded.teacher_times import times
from resources.llm.embedded.teacher_values import amounts, counts
from resources.llm.embedded.teacher_words import sentence_case

_LEADING = re.compile(
    r"^(?:(?:However|In addition|Additionally|Also|Furthermore|Moreover|Please note(?: that)?|"
    r"Note(?: that)?|Note:|Generally"
    r"|In general|Please|Normally|Of course|Important|IMPORTANT)[,:]?\s+)+"
)


def english_facts(sentence: str, text: str) -> Iterator[Asked]:
    """What one cleaned sentence answers. `text` is the chunk, to tell names from words that open a sentence."""
    body = _LEADING.sub("", sentence.strip())
    if not 20 <= len(body) <= 420 or not re.match(r"[A-Za-z“\"$]", body) or not body.endswith((".", "!")):
        return
    body = sentence_case(body.rstrip("!. "))
    if (
        body.count("(") != body.count(")")
        or re.search(r"[a-z] ?- [a-z]", body)
        or re.search(r"[|#\[\]<>]|\.\.\.|…|\bsee page\b", body)
    ):
        return
    for rule in _RULES:
        for asked in rule(body, text):
            questions = tuple(dict.fromkeys(_tidy(question) for question in asked.questions if question))
            good = tuple(question for question in questions if _acceptable(question))
            if good and 1 <= len(asked.final.strip()) <= 200:
                yield Asked(asked.kind, good, asked.final.strip(" ,;:"))


def is_open(sentence: str) -> bool:
    """Whether a sentence leans on the one before it."""
    return bool(DANGLING_START.match(_LEADING.sub("", sentence.strip())))


def _tidy(question: str) -> str:
    text = re.sub(r"\s+", " ", question).strip()
    text = re.sub(r"\s+([?,.])", r"\1", re.sub(r"[\s,;:.]+\?$", "?", text))
    return sentence_case(text)


def _acceptable(question: str) -> bool:
    words = question.split()
    if re.search(
        r"\b(?:open|raise|lower|get|buy|order|use|choose|take|lose|close) one\b|\b(?:I|"
        r"me) (?:am )?(?:nor|or)\b|\bnor (?:I|me)\b",
        question,
    ):
        return False
    return (
        4 <= len(words) <= 38
        and question.count("(") == question.count(")")
        and not re.search(r"\b(\w+) \1\b", question, re.I)
    )


def _yes_no(body: str, chunk: str) -> Iterator[Asked]:
    clause = main_clause(body, chunk)
    nothing = (
        None
        if "provided" in body
        else re.match(r"^No (?P<what>[a-z][^,]{2,40}?) (?P<aux>is|are|will be|can be|may be) (?P<rest>.+)$", body)
    )
    if nothing:
        auxiliary, _, more = nothing.group("aux").partition(" ")
        rest = spoken(TAIL.sub("", nothing.group("rest")))
        yield Asked("yes_no", (f"{auxiliary} {_any(nothing.group('what'), auxiliary)} {more} {rest}?",), "No")
        return
    there = re.match(r"^There (?P<aux>is|are) (?P<no>no )?(?P<what>[a-z][^,(]{4,110})", body)
    if there and not re.match(r"(?:an?|the|some|many|several|\w+ (?:ways|steps))\s", there.group("what")):
        what = _any(there.group("what").strip(), there.group("aux"))
        if there.group("no"):
            yield Asked("yes_no", (f"{there.group('aux')} there {what}?",), "No")
        return
    if clause and clause.rest == "free" and clause.subject != "I" and len(clause.subject.split()) > 1:
        yield Asked(
            "yes_no",
            (f"{clause.auxiliary} {clause.subject} free?", f"{clause.auxiliary} {clause.subject} free of charge?"),
            "No" if clause.negated else "Yes",
        )
    elif clause and 3 <= len(clause.rest.split()) <= 24:
        rest = TAIL.sub("", clause.rest)
        if len(rest) > 110 and "," in rest:
            return
        rest = first_clause(rest)
        if clause.subject == "I" and clause.auxiliary in ("am", "was", "will", "have", "has"):
            return  # a condition that a reader may or may not meet
        if COMPOUND.search(rest) or re.search(r"[.;]", rest) or clause.auxiliary in ("was", "were"):
            return
        if (
            re.search(r"^per\b|\b(?:but|unless|except|however|provided|no|nothing|or may not|may or may)\b|:", rest)
            or len(rest.split()) < 2
            or clause.auxiliary in ("shall",)
        ):
            return
        if rest.startswith("no longer "):
            yield Asked(
                "yes_no",
                (
                    f"{clause.auxiliary} {clause.subject} still {spoken(rest[10:])}?",
                    f"{clause.auxiliary} {clause.subject} {spoken(rest[10:])}?",
                ),
                "No",
            )
            return
        if rest.startswith(_NO_PREDICATE) and clause.auxiliary in ("is", "are"):
            return
        rest = re.sub(r"^(?:also|automatically|therefore|then|always|typically|usually|only|easily) ", "", rest)
        auxiliary = {"may": "can", "must": "must"}.get(clause.auxiliary, clause.auxiliary)
        forms = (f"{auxiliary} {clause.subject} {spoken(rest)}?",)
        if auxiliary == "can" and clause.subject == "I":
            forms += (
                f"Is it possible to {spoken(rest)}?",
                f"Am I able to {spoken(rest)}?",
                f"Am I allowed to {spoken(rest)}?",
            )
        if auxiliary in ("must", "should") and clause.subject == "I":
            forms += (f"Do I have to {spoken(rest)}?", f"Do I need to {spoken(rest)}?")
        yield Asked("yes_no", forms, "No" if clause.negated else "Yes")
    elif not clause and (simple := simple_clause(body, chunk)):
        subject, auxiliary, verb, rest = simple
        rest = TAIL.sub("", rest)
        rest = first_clause(rest)
        if (
            2 <= len(rest.split()) <= 18
            and not rest.startswith("and ")
            and not COMPOUND.search(rest)
            and not re.search(r"[.;]", rest)
            and not re.search(r"\b(?:but|unless|except|which|that|no|not)\b|:", rest)
        ):
            yield Asked("yes_no", (f"{auxiliary} {subject} {verb} {spoken(rest)}?",), "Yes")


_NO_PREDICATE = ("no ", "not ", "because", "a ", "an ", "the ", "when", "where", "what", "how", "by ")


def _any(what: str, auxiliary: str) -> str:
    noun = spoken(what)
    if auxiliary == "are" or noun.endswith("s") or re.match(r"(?:interest|additional|extra|cost|charge)\b", noun):
        return noun if auxiliary == "are" else f"any {noun}"
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


_RULES: tuple[Callable[[str, str], Iterator[Asked]], ...] = (
    definitions, amounts, times, counts, conditions, purposes, people, contacts, _yes_no,
)  # fmt: skip
