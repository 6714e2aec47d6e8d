"""Questions about what English sentences condition, order, define or ascribe: what if, how, what is, who, why."""

import re
from collections.abc import Iterator

from resources.llm.embedded.teacher_clauses import (
    AUX,
    BAD_SUBJECT,
    main_clause,
    spoken,
    spoken_subject,
)
from resources.llm.embedded.teacher_fact import Asked
from resources.llm.embedded.values import CONTACT, values

DANGLING_START = re.compile(
    r"^(?:this|that|these|those|it|its|they|them|their|he|she|such|here|there|so|then|thus|"
    r"therefore|otherwise|instead|as"
    r"|alternatively|similarly|likewise|both|either|neither|another|other|others|same|once set|"
    r"now|what|and|but|or|because"
    r"|for example|for details|see|refer|if not|if so|which|who|while|although|though|\d+[.)])\b",
    re.I,
)


_TO_DO = re.compile(r"^(?:to|in order to)\s+(?P<goal>[a-z][^,]{6,90}?),\s+(?P<how>.+)$", re.I)


_FOR_MORE = re.compile(
    r"^for (?:more |further |complete |full )?(?:details|information)(?P<about> (?:about|on|"
    r"regarding) [^,]{4,80})?(?: or to (?P<goal>[^,]{6,80}))?,\s+(?P<how>(?:please )?(?:visit|"
    r"call|contact|speak|ask|go|see|email|sign in|log)\b.+)$",
    re.I,
)


_IF = re.compile(
    r"^(?P<word>if|when|once|whenever)\s+(?P<condition>[^,]{8,150}?),\s+(?:then\s+)?(?P<result>.{8,})$", re.I
)


_IMPERATIVE = re.compile(
    r"^(?:please )?(?P<verb>call|contact|visit|talk to|speak|notify|report|tell|ask|go to|bring|"
    r"send|write|email|keep|submit|return|provide|be sure|use|sign|complete|wait|show|present|"
    r"involve|consider|inform|let us know|file)\b",
    re.I,
)


_MEANS = re.compile(
    r"^(?P<term>(?:An?\s|The\s)?[^,;:()]{2,50}?)\s+(?P<verb>is|are|means|"
    r"refers to)\s+(?P<meaning>(?:an?|the|any|all)\s+[^?]{12,})$"
)


def conditions(body: str, chunk: str) -> Iterator[Asked]:
    del chunk
    found = _IF.match(body)
    if not found or re.search(
        r"\b(?:this|that|it|they|these|those|not already|so|applicable|above|below|then|(?:raise|"
        r"lower|open|close|choose|lose) one)\b",
        found.group("condition"),
        re.I,
    ):
        return
    condition, result = spoken(found.group("condition")), found.group("result")
    word = found.group("word").lower()
    word = "if" if word == "if" else "when" if word == "whenever" else word
    if (
        re.match(r"(?:if|when|either|for example|which|and|or|such|the following)\b", result, re.I)
        or len(condition.split()) < 3
    ):
        return
    told = _IMPERATIVE.match(result) or re.match(
        r"you (?:can|may|must|should|need to|have to|will need to)\b", result, re.I
    )
    if told:
        questions = (
            f"What should I do {word} {condition}?",
            f"What can I do {word} {condition}?",
            f"{condition}. What now?",
            f"What do I need to do {word} {condition}?",
        )
    else:
        questions = (
            f"What happens {word} {condition}?",
            f"What {word} {condition}?" if word == "if" else "",
            f"What can I expect {word} {condition}?",
        )
    yield Asked("condition", questions, result)


def purposes(body: str, chunk: str) -> Iterator[Asked]:
    more = _FOR_MORE.match(body)
    if more:
        how = re.sub(r"^please ", "", more.group("how"), flags=re.I)
        if more.group("goal"):
            goal = spoken(more.group("goal"))
            yield Asked(
                "procedure", (f"How can I {goal}?", f"How do I {goal}?", f"What do I have to do to {goal}?"), how
            )
        elif more.group("about"):
            about = spoken(more.group("about").strip())
            yield Asked(
                "procedure",
                (
                    f"Where can I get more information {about}?",
                    f"How do I find out more {about}?",
                    f"Who can tell me more {about}?",
                ),
                how,
            )
        return
    found = _TO_DO.match(body)
    if found and (
        _IMPERATIVE.match(found.group("how"))
        or re.match(r"you (?:must|need|should|have to|can|will need)\b", found.group("how"), re.I)
    ):
        goal = spoken(found.group("goal"))
        yield Asked(
            "procedure",
            (
                f"How can I {goal}?",
                f"What do I need to do to {goal}?",
                f"How do I {goal}?",
                f"I want to {goal}. What must I do?",
            ),
            found.group("how"),
        )
    tail = re.match(
        r"^You (?P<must>must|need to|have to|should|can) (?P<how>[a-z].{8,140}?) (?P<link>before|"
        r"in order to|to) (?P<goal>[a-z][^,;]{6,80})$",
        body,
    )
    if (
        tail
        and not re.search(
            r"\b(?:able|want|like|need|order|up|due|subject|access|transfer|transfers|relating|closest|"
            r"going|according)$",
            tail.group("how"),
        )
        and tail.group("link") != "to"
    ):
        goal = spoken(tail.group("goal"))
        yield Asked(
            "procedure",
            (f"What must I do {tail.group('link')} {goal}?",),
            f"{tail.group('must')} {tail.group('how')}" if tail.group("must") == "can" else tail.group("how"),
        )
    by = re.match(
        r"^You can (?P<goal>[a-z][^,;]{8,90}?) (?P<how>(?:by|through|at (?:an?|any|the|your|"
        r"one) (?!time)|via|using) ?[^,;]{4,140})$",
        body,
    )
    if by:
        yield Asked(
            "procedure",
            (f"How can I {spoken(by.group('goal'))}?", f"How do I {spoken(by.group('goal'))}?"),
            by.group("how"),
        )


def people(body: str, chunk: str) -> Iterator[Asked]:
    found = re.match(
        r"^(?P<what>[^,;:]{3,80}?) (?P<be>is|are) (?:only )?(?P<state>available|open|"
        r"offered) (?:only )?(?:at no cost )?to (?P<who>[^,;:]{4,120})$",
        body,
    )
    if (
        found
        and not BAD_SUBJECT.search(found.group("what"))
        and not re.match(r"(?:some|most|many)\b", found.group("what"), re.I)
    ):
        what = spoken_subject(found.group("what"), chunk)
        yield Asked(
            "who",
            (
                f"Who {found.group('be')} {what} {found.group('state')} to?",
                f"Who can get {what}?",
                f"Which people can use {what}?",
            ),
            found.group("who"),
        )
    only = re.match(r"^Only (?P<who>[a-z][^,;:]{3,60}?) (?P<aux>can|may|must|are|will) (?P<rest>[^,;:]{6,120})$", body)
    if only:
        yield Asked("who", (f"Who {only.group('aux')} {spoken(only.group('rest'))}?",), only.group("who"))
    duty = re.match(r"^(?P<who>[^,;:]{3,60}?) (?:is|are) responsible for (?P<what>[^;:]{6,120})$", body)
    if duty and not BAD_SUBJECT.search(duty.group("who")):
        yield Asked(
            "who",
            (
                f"Who is responsible for {spoken(duty.group('what'))}?",
                f"Who has to take care of {spoken(duty.group('what'))}?",
            ),
            duty.group("who"),
        )
    why = re.match(r"^(?P<main>[^,]{10,140}?),? (?P<because>because|due to) (?P<reason>[^,;]{8,150})$", body)
    clause = main_clause(why.group("main"), chunk) if why else None
    if why and clause:
        negation = " not" if clause.negated else ""
        yield Asked(
            "reason",
            (
                f"Why {clause.auxiliary} {clause.subject}{negation} {spoken(clause.rest)}?",
                f"For what reason {clause.auxiliary} {clause.subject}{negation} {spoken(clause.rest)}?",
            ),
            f"{why.group('because')} {why.group('reason')}",
        )


def definitions(body: str, chunk: str) -> Iterator[Asked]:
    found = _MEANS.match(body)
    if (
        not found
        or BAD_SUBJECT.search(found.group("term"))
        or DANGLING_START.match(found.group("term"))
        or re.match(r"(?:your|our|you|we|my)\b", found.group("term"), re.I)
    ):
        return
    if re.search(r"trade-?mark|licensed user|marketing name", found.group("meaning"), re.I):
        return
    if re.search(rf"\b(?:{AUX})\b", found.group("term")) or len(found.group("term").split()) > 6:
        return
    term = spoken_subject(found.group("term"), chunk)
    verb = "are" if found.group("verb") == "are" else "is"
    yield Asked(
        "definition",
        (
            f"What {verb} {term}?",
            f"What exactly {verb} {term}?",
            f"Can you explain what {term} {verb}?",
            f"How would you describe {term}?",
        ),
        found.group("meaning"),
    )


def contacts(body: str, chunk: str) -> Iterator[Asked]:
    del chunk
    for value in values(body):
        if value.kind != CONTACT or not re.search(r"\d{3}", value.text):
            continue
        found = re.match(r"^(?:To (?P<goal>[a-z][^,]{6,80}),|For (?P<topic>[^,]{4,80}),)", body)
        if found and not re.match(r"(?:this|these|more|further|details|complete)\b", found.group("topic") or ""):
            purpose = (
                f"to {spoken(found.group('goal'))}" if found.group("goal") else f"for {spoken(found.group('topic'))}"
            )
            yield Asked(
                "contact", (f"What number do I call {purpose}?", f"Which phone number is there {purpose}?"), value.text
            )
