"""Questions about the durations and dates in English sentences: within how many days, how long, by when."""

import re
from collections.abc import Iterator

from resources.llm.embedded.teacher_clauses import (
    COMPOUND,
    main_clause,
    spoken,
)
from resources.llm.embedded.teacher_fact import Asked
from resources.llm.embedded.teacher_values import same_kind
from resources.llm.embedded.values import DATE, DURATION, values

_PREPOSITIONS = r"(?:within|after|for up to|for at least|for|by|on|until|before|from|at|in|every|over|during)"


def times(body: str, chunk: str) -> Iterator[Asked]:
    """Durations and dates behind a preposition: within how many days, by when."""
    for value in values(body):
        if value.kind not in (DATE, DURATION):
            continue
        before, after = body[: value.start].rstrip(), body[value.end :]
        lead = re.search(rf"\s(?P<word>{_PREPOSITIONS})$", before, re.I)
        in_advance = re.match(r"\s+(?P<what>(?:in advance|before|after|prior to|from)\b.*)$", after)
        clause_text = before[: lead.start()] if lead else before
        clause = main_clause(clause_text, chunk, longest=14)
        if clause is None or clause.negated or re.search(r"[,;:.—]", clause.rest) or len(clause.rest.split()) > 16:
            continue
        if (
            re.match(r"(?:an?|the|when|if)\b", clause.rest)
            or COMPOUND.search(clause.rest)
            or same_kind(value, clause.rest)
        ):
            continue
        tail = spoken(re.split(r"[;:—]|,\s|\sand\s", after)[0])
        if same_kind(value, tail):
            continue
        tail = "" if tail.startswith(" of ") else tail
        if re.match(r"\s+[a-z]+s?\b", tail) and not re.match(
            r"\s+(?:of|for|to|after|before|in|on|from|at|by|with|if|when|each|per|or|prior|following|"
            r"since|without|and)\b",
            tail,
        ):
            continue
        main = f"{clause.auxiliary} {clause.subject} {spoken(clause.rest)}"
        if lead and value.kind == DURATION:
            word, unit = lead.group("word").lower(), _unit(value.text)
            fronted = _FRONTED.get(word.split()[0])
            if not unit or not fronted:
                continue
            extra = f"How long {main}{tail}?" if word.startswith("for") else ""
            if word == "within" and clause.subject == "I" and clause.auxiliary in ("can", "may"):
                extra = f"How long do I have to {spoken(clause.rest)}{tail}?"
            elif word == "within" and " after" not in tail and clause.auxiliary not in ("can", "may"):
                extra = f"How soon {main}{tail}?"
            yield Asked(
                "duration",
                (f"{fronted} {unit} {main}{tail}?", extra),
                value.text if not word.startswith("for ") else f"{word[4:]} {value.text}",
            )
        elif lead and value.kind == DATE:
            word = lead.group("word").lower()
            if word in ("by", "until", "from", "before", "on", "after", "at", "in"):
                fronted = {
                    "by": "By when",
                    "until": "Until when",
                    "from": "From when",
                    "before": "Before what date",
                    "after": "After what date",
                }.get(word, "When")
                yield Asked(
                    "date",
                    (f"{fronted} {main}{tail}?", f"When {main}{tail}?" if word in ("by", "on") else ""),
                    f"{word} {value.text}" if word in ("by", "until", "from", "before", "after") else value.text,
                )
        elif in_advance and value.kind == DURATION and (unit := _unit(value.text)):
            yield Asked(
                "duration",
                (
                    f"How many {unit} {spoken(in_advance.group('what'))} {main}?",
                    f"How long {spoken(in_advance.group('what'))} {main}?",
                ),
                value.text,
            )


_FRONTED = {
    "within": "Within how many",
    "after": "After how many",
    "every": "Every how many",
    "before": "Before how many",
    "for": "For how many",
    "in": "In how many",
}


def _unit(text: str) -> str:
    match = re.search(
        r"((?:business |banking |calendar |working )?(?:second|minute|hour|day|week|month|quarter|year))s?$", text
    )
    return f"{match.group(1)}s" if match else ""
