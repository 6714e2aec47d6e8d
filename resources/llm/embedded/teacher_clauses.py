"""English clauses taken apart by conservative patterns: subject, auxiliary, what follows; verbs turned to infinitives."""

import re
from dataclasses import dataclass

from resources.llm.embedded.teacher_words import base_form, from_the_reader, running


@dataclass(frozen=True)
class _Clause:
    """A main clause taken apart: subject, auxiliary, whether it is negated, everything after it."""

    subject: str
    auxiliary: str
    negated: bool
    rest: str


AUX = (
    r"(?:is|are|was|were|can|may|must|will|should|shall|could|has to|have to|cannot|can't"
    r"|has been|have been|does not|do not|don't|doesn't)"
)


_SPLIT = re.compile(rf"^(?P<subject>.+?)\s+(?P<aux>{AUX})\s+(?P<rest>.+)$", re.S)


BAD_SUBJECT = re.compile(
    r"[,;:()?!“”\"—–]|\b(?:everything|anything|we all)\b|\w[’'](?:re|ve|ll)\b|\b(?:who|which|that|"
    r"if|when|where|while|because|unless|until|although|since|this|these|those|it|its|they|them"
    r"|their|he|she|and then|there|what|how|not|whether|above|below|following|former|latter|also)\b",
    re.I,
)


_VERBS = (
    "costs|pays|earns|receives|requires|lasts|takes|covers|includes|offers|provides|has|allows|gives|contains|supports"
    "|holds|needs|applies|begins|starts|ends|opens|closes|expires|charges|accepts|comes"
)


_BASE = (
    "cost|pay|earn|receive|require|last|take|cover|include|offer|provide|have|allow|give|contain|support|hold|need|apply"
    "|begin|start|end|open|close|expire|charge|accept|come"
)


_SIMPLE = re.compile(rf"^(?P<subject>.+?)\s+(?P<verb>{_VERBS}|{_BASE})\s+(?P<rest>.+)$")


_COMMON = re.compile(
    r"^(?:all|any|each|every|a|an|the|your|our|my|no|some|most|many|eligible|personal|mobile|"
    r"online|additional|direct|annual|monthly|new|existing|regular|standard|customers?|members?|"
    r"employees?|you|we)\b",
    re.I,
)


TAIL = re.compile(
    r"\s*(?:[;—–]|\s-\s|,\s(?:which|including|excluding|such as|so|because|except|subject|but|"
    r"unless|provided|however|whether"
    r"|who|where|as|since|although|though|plus|e\.g)\b).*$"
)


_SECOND_CLAUSE = re.compile(
    r",? and (?:[\w’'-]+ ){0,6}?(?:is|are|was|were|will|can|may|must|do|does|has|have|should)\b.*$"
)


NO_SUBJECT = re.compile(
    r"(?:to|for|in|at|on|by|with|from|through|using|during|under|over|please|where|as|of|within|after|before|until)\b",
    re.I,
)


COMPOUND = re.compile(
    rf"\b(?:and|or|but|then)\s+(?:can|may|must|will|is|are|has|have|never|not|it|you|we|they|I|"
    rf"arrives|runs|keeps|goes|stays"
    rf"|turns|sends|{_VERBS})\b"
)


def spoken_subject(text: str, chunk: str) -> str:
    """A subject in the middle of a sentence, from the reader's point of view."""
    first = text.split(" ", 1)[0]
    if re.match(r"[A-Z]\w+ (?:of|and|for|the|&) [A-Z]|The [A-Z]", text) and not text.startswith(("All", "Any", "Each")):
        return from_the_reader(re.sub(r"^The ", "the ", text))
    if (
        _COMMON.match(text)
        or first.lower() in chunk
        or (first.endswith("s") and first[1:].islower() and " " not in text)
    ):
        lowered = text[0].lower() + text[1:] if not re.match(r"\w[A-Z]|\w+[A-Z]", first) else text
        return from_the_reader(lowered)
    return from_the_reader(running(text))


def main_clause(body: str, chunk: str, longest: int = 12) -> _Clause | None:
    found = _SPLIT.match(body)
    if not found:
        return None
    subject, auxiliary, rest = found.group("subject"), found.group("aux"), found.group("rest")
    if re.search(r"\b(?:you|we)\b", subject, re.I) and subject.lower() not in ("you", "we"):
        return None
    if BAD_SUBJECT.search(subject) or len(subject.split()) > longest or re.search(rf"\s(?:{_VERBS})\b", subject):
        return None
    if re.match(
        r"(?:to|for|in|at|on|by|with|from|through|using|during|under|please|where|as|of|within|after|before)\b",
        subject,
        re.I,
    ):
        return None
    negated = auxiliary in ("cannot", "can't", "does not", "do not", "don't", "doesn't")
    auxiliary = {
        "cannot": "can",
        "can't": "can",
        "does not": "does",
        "do not": "do",
        "don't": "do",
        "doesn't": "does",
    }.get(auxiliary, auxiliary)
    if auxiliary in ("has to", "have to"):
        auxiliary, rest = ("does" if auxiliary == "has to" else "do"), f"have to {rest}"
    if auxiliary in ("has been", "have been"):
        auxiliary, rest = auxiliary.split()[0], f"been {rest}"
    match = re.match(r"(?:not|NOT|never|no longer)\s+", rest)
    if match and match.group(0).strip() != "no longer":
        negated, rest = True, rest[match.end() :]
    subject = spoken_subject(subject, chunk)
    if subject == "I":
        auxiliary = {"are": "am", "were": "was"}.get(auxiliary, auxiliary)
    return _Clause(subject, auxiliary, negated, rest)


def spoken(text: str) -> str:
    """What follows a verb, from the reader's point of view: a `you` that opens it is an object."""
    return from_the_reader(f"to {text}")[3:]


def simple_clause(body: str, chunk: str) -> tuple[str, str, str, str] | None:
    """Subject, `do` or `does`, infinitive and rest of a clause in the simple present."""
    found = _SIMPLE.match(body)
    if not found or _SPLIT.match(found.group("subject") + " x") or re.search(rf"\b{AUX}\b", found.group("subject")):
        return None
    subject, verb = found.group("subject"), found.group("verb")
    if (
        BAD_SUBJECT.search(subject)
        or len(subject.split()) > 10
        or re.match(r"(?:to|for|in|at|on|by|with|from|please|as|should|once)\b", subject, re.I)
    ):
        return None
    if re.search(r"\b(?:you|we)\b", subject, re.I) and subject.lower() not in ("you", "we"):
        return None
    plural = bool(re.search(r"s$", subject)) or subject.lower() in ("you", "we")
    if found.group("verb") in _BASE.split("|") and not plural:
        return None
    if re.search(r"\b(?:to|of|for|the|an?|and|or|with|per|no)$", subject, re.I):
        return None
    auxiliary = "does" if verb in _VERBS.split("|") else "do"
    return (
        spoken_subject(subject, chunk),
        auxiliary,
        base_form(verb) if auxiliary == "does" else verb,
        found.group("rest"),
    )


def first_clause(rest: str) -> str:
    """A predicate without the second statement that `and` may add; enumerations are left whole."""
    if "," not in rest.split(", and ")[0]:
        rest = re.sub(r", and (?!\w+$).*$", "", rest)
    return _SECOND_CLAUSE.sub("", rest)
