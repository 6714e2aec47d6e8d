"""Questions about the amounts and counts in English sentences: how much, how many."""

import re
from collections.abc import Iterator

from resources.llm.embedded.teacher_clauses import (
    BAD_SUBJECT,
    NO_SUBJECT,
    main_clause,
    simple_clause,
    spoken,
    spoken_subject,
)
from resources.llm.embedded.teacher_fact import Asked
from resources.llm.embedded.teacher_words import sentence_case, with_the
from resources.llm.embedded.values import AMOUNT, COUNT, PERCENTAGE, Value, values

_LIMIT = (
    r"(?:(?:up to|at least|at most|a maximum of|a minimum of|more than|less than|over|under|only|"
    r"just|about|as little as|from|no more than|no less than|within)\s+)?"
)


_COUNT_NOUN = re.compile(
    r"^(?P<noun>[a-z][\w-]*(?:\s+[a-z][\w-]*){0,2}?)(?P<rest>(?:\s+(?:across|in|of|for|per|on|at|"
    r"with|to|from|within|each|every"
    r"|under|over|without|by|during|worldwide|a|an|before|after)\b|$|,).*)$"
)


def same_kind(value: Value, text: str) -> bool:
    return any(other.kind == value.kind for other in values(text))


def amounts(body: str, chunk: str) -> Iterator[Asked]:
    found = values(body)
    for value in found:
        if value.kind in (AMOUNT, PERCENTAGE) and re.search(r"\d", value.text):
            yield from _amount_is(body, chunk, value)
            yield from _fee_applies(body, value)
            yield from _amount_after_verb(body, chunk, value)


def _literal(body: str, value: Value) -> tuple[str, str, str]:
    """The text before a value with its limiting words, the value with them, and the text after it."""
    before, after = body[: value.start], body[value.end :]
    limit = re.search(rf"(?<!\w){_LIMIT}$", before, re.I)
    start = limit.start() if limit and limit.group(0) else value.start
    return body[:start], body[start : value.end].strip(), after


def _amount_is(body: str, chunk: str, value: Value) -> Iterator[Asked]:
    before, literal, after = _literal(body, value)
    found = re.match(
        r"^(?P<subject>.+?)\s+(?P<be>is|are|was|were|amounts? to|equals?|will be)\s+(?:currently |charged at )?$",
        before,
    )
    if (
        not found
        or NO_SUBJECT.match(found.group("subject"))
        or BAD_SUBJECT.search(found.group("subject"))
        or not re.match(
            r"^(?:\s+(?:per|a|each|for|on|in|of|at|with|if|when|plus)\b.*)?$", re.split(r",\s| and ", after)[0]
        )
    ):
        return
    subject = spoken_subject(found.group("subject"), chunk)
    tail = spoken(re.split(r"[,;:](?=\s)", after)[0])
    be = "are" if found.group("be") in ("are", "were") else "is"
    named = subject if be == "are" else with_the(subject)
    questions = (
        f"What {be} {named}{tail}?",
        f"How much {be} {named}{tail}?",
        f"Can you tell me how much {named} {be}{tail}?",
    )
    if " and " not in tail and not same_kind(value, tail) and not (value.kind == PERCENTAGE and tail.startswith(" of")):
        yield Asked("amount", questions, literal)


def _fee_applies(body: str, value: Value) -> Iterator[Asked]:
    rest = re.escape(value.text)
    found = re.match(
        rf"^(?:An?|The|There is an?)\s+(?:(?:{rest})\s+(?P<one>[\w /-]{{3,60}}?)|"
        rf"(?P<two>[\w /-]{{3,60}}?)\s+of\s+(?:up to )?(?:{rest})(?:\s+\([^)]*\))?)"
        r"\s+(?P<verb>applies|apply|is charged|will be charged|may be charged|will apply|may apply|"
        r"may be applied|is payable|is due|is deducted|will be deducted|will be added)\s*(?P<rest>.*)$",
        body,
    )
    if not found:
        return
    fee, tail = (found.group("one") or found.group("two")).strip(), spoken(found.group("rest"))
    if re.search(r"where applicable|,", tail):
        tail = re.sub(r"\s*(?:where applicable|,).*$", "", tail)
    verb = found.group("verb")
    does = {"applies": "applies", "apply": "applies"}.get(verb, verb)
    link = tail if re.match(r"(?:for|to|on|when|if|per|in)\b", tail) else ""
    if not link and len(fee.split()) < 2:
        return
    yield Asked(
        "amount",
        (
            f"What {fee} {does} {tail}?",
            f"How much is the {fee} {link if not link.startswith('to ') else 'that ' + does + ' ' + link}?",
            f"How high is the {fee} that {does} {tail}?",
        ),
        value.text,
    )


def _amount_after_verb(body: str, chunk: str, value: Value) -> Iterator[Asked]:
    before, literal, after = _literal(body, value)
    if re.match(r"\s*(?:to|and|or|-|–)\s", after) or re.match(r"\s+[a-z]+(?:\s+(?:fee|charge|discount))", after):
        return
    tail = spoken(re.split(r"[,;:](?=\s)|\s+and\s+(?=\w+ (?:is|are|will|can)\b|[\d$€£])|\s+—", after)[0])
    if same_kind(value, tail) or (value.kind == PERCENTAGE and tail.startswith(" of")):
        return
    if re.match(
        r"^\s+(?!(?:per|a|an|each|every|for|on|in|of|at|with|if|when|plus|to|from|by|or more|before|"
        r"after|under|over|until|within|as|towards|toward|invested|without)\b)\w",
        tail,
    ):
        return
    clause = main_clause(before.rstrip() + " x", chunk)
    if clause and not clause.negated:
        words = re.sub(r"\s*x$", "", clause.rest).strip()
        if (
            words
            and len(words.split()) <= 3
            and re.search(
                r"(?:\w+(?:ed|d|t)|withdraw|pay|earn|spend|transfer|deposit|send|receive|save|borrow|claim|"
                r"save and invest|save or invest|get|cost|keep|maintain|hold)$",
                words,
            )
            and not words.endswith(("interest", "at"))
        ):
            yield Asked(
                "amount",
                (
                    f"How much {clause.auxiliary} {clause.subject} {spoken(words)}{tail}?",
                    f"What amount {clause.auxiliary} {clause.subject} {spoken(words)}{tail}?",
                ),
                literal,
            )
    simple = simple_clause(before.rstrip() + " x", chunk)
    if simple:
        subject, auxiliary, verb, rest = simple
        if rest.strip() == "x" and verb in (
            "cost",
            "pay",
            "earn",
            "receive",
            "charge",
            "require",
            "cover",
            "need",
            "offer",
        ):
            yield Asked(
                "amount",
                (
                    f"How much {auxiliary} {subject} {verb}{tail}?",
                    f"{sentence_case(subject)}: how much {auxiliary} it {verb}{tail}?" if auxiliary == "does" else "",
                ),
                literal,
            )


def counts(body: str, chunk: str) -> Iterator[Asked]:
    for value in values(body):
        noun = _COUNT_NOUN.match(body[value.end :].lstrip())
        if (
            value.kind != COUNT
            or not noun
            or not noun.group("noun").endswith("s")
            or re.search(r"\b(?:page|section|step|note|form)s?\s*$", body[: value.start], re.I)
        ):
            continue
        before, literal, _ = _literal(body, value)
        name, tail = noun.group("noun"), spoken(re.split(r"[,;:—]", noun.group("rest"))[0])
        simple, clause = simple_clause(before.rstrip() + " x", chunk), main_clause(before.rstrip() + " x", chunk)
        if simple and simple[3].strip() == "x":
            subject, auxiliary, verb, _ = simple
            yield Asked(
                "number",
                (
                    f"How many {name} {auxiliary} {subject} {verb}{tail}?",
                    f"What number of {name} {auxiliary} {subject} {verb}{tail}?",
                ),
                literal,
            )
        elif clause and not clause.negated and clause.auxiliary not in ("is", "are", "was", "were"):
            words = re.sub(r"\s*x$", "", clause.rest).strip()
            if (
                words
                and len(words.split()) <= 3
                and not re.search(r"\b(?:to|for|of|in|at|on|with|the|by|from|about|than)$", words)
            ):
                yield Asked(
                    "number", (f"How many {name} {clause.auxiliary} {clause.subject} {spoken(words)}{tail}?",), literal
                )
