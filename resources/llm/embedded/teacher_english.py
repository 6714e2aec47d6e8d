"""Facts from English sentences, by conservative patterns: a sentence that fits none of them asks nothing."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from resources.llm.embedded.teacher_words import base_form, from_the_reader, running, sentence_case, with_the
from resources.llm.embedded.values import AMOUNT, CONTACT, COUNT, DATE, DURATION, PERCENTAGE, Value, values


@dataclass(frozen=True)
class Asked:
    """Questions that one sentence answers, the answer, and the kind of fact it is."""

    kind: str
    questions: tuple[str, ...]
    final: str


@dataclass(frozen=True)
class _Clause:
    """A main clause taken apart: subject, auxiliary, whether it is negated, everything after it."""

    subject: str
    auxiliary: str
    negated: bool
    rest: str


_LEADING = re.compile(
    r"^(?:(?:However|In addition|Additionally|Also|Furthermore|Moreover|Please note(?: that)?|Note(?: that)?|Note:|Generally"
    r"|In general|Please|Normally|Of course|Important|IMPORTANT)[,:]?\s+)+"
)
_DANGLING_START = re.compile(
    r"^(?:this|that|these|those|it|its|they|them|their|he|she|such|here|there|so|then|thus|therefore|otherwise|instead|as"
    r"|alternatively|similarly|likewise|both|either|neither|another|other|others|same|once set|now|what|and|but|or|because"
    r"|for example|for details|see|refer|if not|if so|which|who|while|although|though|\d+[.)])\b",
    re.I,
)
_AUX = r"(?:is|are|was|were|can|may|must|will|should|shall|could|has to|have to|cannot|can't|has been|have been|does not|do not|don't|doesn't)"
_SPLIT = re.compile(rf"^(?P<subject>.+?)\s+(?P<aux>{_AUX})\s+(?P<rest>.+)$", re.S)
_BAD_SUBJECT = re.compile(
    r"[,;:()?!“”\"—–]|\b(?:everything|anything|we all)\b|\w[’'](?:re|ve|ll)\b|\b(?:who|which|that|if|when|where|while|because|unless|until|although|since|this|these|those|it|its|they|them"
    r"|their|he|she|and then|there|what|how|not|whether|above|below|following|former|latter|also)\b",
    re.I,
)
_VERBS = (
    "costs|pays|earns|receives|requires|lasts|takes|covers|includes|offers|provides|has|allows|gives|contains|supports|holds|needs"
    "|applies|begins|starts|ends|opens|closes|expires|charges|accepts|comes"
)
_BASE = "cost|pay|earn|receive|require|last|take|cover|include|offer|provide|have|allow|give|contain|support|hold|need|apply|begin|start|end|open|close|expire|charge|accept|come"
_SIMPLE = re.compile(rf"^(?P<subject>.+?)\s+(?P<verb>{_VERBS}|{_BASE})\s+(?P<rest>.+)$")
_LIMIT = r"(?:(?:up to|at least|at most|a maximum of|a minimum of|more than|less than|over|under|only|just|about|as little as|from|no more than|no less than|within)\s+)?"
_PREPOSITIONS = r"(?:within|after|for up to|for at least|for|by|on|until|before|from|at|in|every|over|during)"
_COMMON = re.compile(r"^(?:all|any|each|every|a|an|the|your|our|my|no|some|most|many|eligible|personal|mobile|online|additional|direct|annual|monthly|new|existing|regular|standard|customers?|members?|employees?|you|we)\b", re.I)
_TAIL = re.compile(
    r"\s*(?:[;—–]|\s-\s|,\s(?:which|including|excluding|such as|so|because|except|subject|but|unless|provided|however|whether"
    r"|who|where|as|since|although|though|plus|e\.g)\b).*$"
)
_SECOND_CLAUSE = re.compile(r",? and (?:[\w’'-]+ ){1,6}?(?:is|are|was|were|will|can|may|must|do|does|has|have|should)\b.*$")
_TO_DO = re.compile(r"^(?:to|in order to)\s+(?P<goal>[a-z][^,]{6,90}?),\s+(?P<how>.+)$", re.I)
_FOR_MORE = re.compile(r"^for (?:more |further |complete |full )?(?:details|information)(?P<about> (?:about|on|regarding) [^,]{4,80})?(?: or to (?P<goal>[^,]{6,80}))?,\s+(?P<how>(?:please )?(?:visit|call|contact|speak|ask|go|see|email|sign in|log)\b.+)$", re.I)
_IF = re.compile(r"^(?P<word>if|when|once|whenever)\s+(?P<condition>[^,]{8,150}?),\s+(?:then\s+)?(?P<result>.{8,})$", re.I)
_IMPERATIVE = re.compile(r"^(?:please )?(?P<verb>call|contact|visit|talk to|speak|notify|report|tell|ask|go to|bring|send|write|email|keep|submit|return|provide|be sure|use|sign|complete|wait|show|present|involve|consider|inform|let us know|file)\b", re.I)
_MEANS = re.compile(r"^(?P<term>(?:An?\s|The\s)?[^,;:()]{2,50}?)\s+(?P<verb>is|are|means|refers to)\s+(?P<meaning>(?:an?|the|any|all)\s+[^?]{12,})$")
_COUNT_NOUN = re.compile(
    r"^(?P<noun>[a-z][\w-]*(?:\s+[a-z][\w-]*){0,2}?)(?P<rest>(?:\s+(?:across|in|of|for|per|on|at|with|to|from|within|each|every"
    r"|under|over|without|by|during|worldwide|a|an|before|after)\b|$|,).*)$"
)


def english_facts(sentence: str, text: str) -> Iterator[Asked]:
    """What one cleaned sentence answers. `text` is the chunk, to tell names from words that open a sentence."""
    body = _LEADING.sub("", sentence.strip())
    if not 20 <= len(body) <= 420 or not re.match(r"[A-Za-z“\"$]", body) or not body.endswith((".", "!")):
        return
    body = sentence_case(body.rstrip("!. "))
    if body.count("(") != body.count(")") or re.search(r"[a-z] ?- [a-z]", body) or re.search(r"[|#\[\]<>]|\.\.\.|…|\bsee page\b", body):
        return
    for rule in _RULES:
        for asked in rule(body, text):
            questions = tuple(dict.fromkeys(_tidy(question) for question in asked.questions if question))
            good = tuple(question for question in questions if _acceptable(question))
            if good and 1 <= len(asked.final.strip()) <= 200:
                yield Asked(asked.kind, good, asked.final.strip(" ,;:"))


def is_open(sentence: str) -> bool:
    """Whether a sentence leans on the one before it."""
    return bool(_DANGLING_START.match(_LEADING.sub("", sentence.strip())))


def _tidy(question: str) -> str:
    text = re.sub(r"\s+", " ", question).strip()
    text = re.sub(r"\s+([?,.])", r"\1", re.sub(r"[\s,;:.]+\?$", "?", text))
    return sentence_case(text)


def _acceptable(question: str) -> bool:
    words = question.split()
    return 4 <= len(words) <= 38 and question.count("(") == question.count(")") and not re.search(r"\b(\w+) \1\b", question, re.I)


def _subject(text: str, chunk: str) -> str:
    """A subject in the middle of a sentence, from the reader's point of view."""
    first = text.split(" ", 1)[0]
    if re.match(r"[A-Z]\w+ (?:of|and|for|the|&) [A-Z]|The [A-Z]", text) and not text.startswith(("All", "Any", "Each")):
        return from_the_reader(re.sub(r"^The ", "the ", text))
    if _COMMON.match(text) or first.lower() in chunk or (first.endswith("s") and first[1:].islower() and " " not in text):
        lowered = text[0].lower() + text[1:] if not re.match(r"\w[A-Z]|\w+[A-Z]", first) else text
        return from_the_reader(lowered)
    return from_the_reader(running(text))


def _clause(body: str, chunk: str, longest: int = 12) -> _Clause | None:
    found = _SPLIT.match(body)
    if not found:
        return None
    subject, auxiliary, rest = found.group("subject"), found.group("aux"), found.group("rest")
    if re.search(r"\b(?:you|we)\b", subject, re.I) and subject.lower() not in ("you", "we"):
        return None
    if _BAD_SUBJECT.search(subject) or len(subject.split()) > longest or _SIMPLE.match(subject + " x") and not _COMMON.match(subject):
        return None
    if re.match(r"(?:to|for|in|at|on|by|with|from|through|using|during|under|please|where|as|of|within|after|before)\b", subject, re.I):
        return None
    negated = auxiliary in ("cannot", "can't", "does not", "do not", "don't", "doesn't")
    auxiliary = {"cannot": "can", "can't": "can", "does not": "does", "do not": "do", "don't": "do", "doesn't": "does"}.get(auxiliary, auxiliary)
    if auxiliary in ("has to", "have to"):
        auxiliary, rest = ("does" if auxiliary == "has to" else "do"), f"have to {rest}"
    if auxiliary in ("has been", "have been"):
        auxiliary, rest = auxiliary.split()[0], f"been {rest}"
    match = re.match(r"(?:not|NOT|never|no longer)\s+", rest)
    if match and match.group(0).strip() != "no longer":
        negated, rest = True, rest[match.end() :]
    subject = _subject(subject, chunk)
    if subject == "I":
        auxiliary = {"are": "am", "were": "was"}.get(auxiliary, auxiliary)
    return _Clause(subject, auxiliary, negated, rest)


def _rest(text: str) -> str:
    """What follows a verb, from the reader's point of view: a `you` that opens it is an object."""
    return from_the_reader(f"to {text}")[3:]


def _simple_clause(body: str, chunk: str) -> tuple[str, str, str, str] | None:
    """Subject, `do` or `does`, infinitive and rest of a clause in the simple present."""
    found = _SIMPLE.match(body)
    if not found or _SPLIT.match(found.group("subject") + " x") or re.search(rf"\b{_AUX}\b", found.group("subject")):
        return None
    subject, verb = found.group("subject"), found.group("verb")
    if _BAD_SUBJECT.search(subject) or len(subject.split()) > 10 or re.match(r"(?:to|for|in|at|on|by|with|from|please|as|should|once)\b", subject, re.I):
        return None
    if re.search(r"\b(?:you|we)\b", subject, re.I) and subject.lower() not in ("you", "we"):
        return None
    plural = bool(re.search(r"s\b", subject)) or subject.lower() in ("you", "we") or bool(_COMMON.match(subject))
    if found.group("verb") in _BASE.split("|") and not plural:
        return None
    if re.search(r"\b(?:to|of|for|the|an?|and|or|with|per|no)$", subject, re.I):
        return None
    auxiliary = "does" if verb in _VERBS.split("|") else "do"
    return _subject(subject, chunk), auxiliary, base_form(verb) if auxiliary == "does" else verb, found.group("rest")


def _amounts(body: str, chunk: str) -> Iterator[Asked]:
    found = values(body)
    for value in found:
        if value.kind in (AMOUNT, PERCENTAGE):
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
    found = re.match(r"^(?P<subject>.+?)\s+(?:is|are|was|were|amounts? to|equals?|will be)\s+(?:currently |charged at )?$", before)
    if not found or _BAD_SUBJECT.search(found.group("subject")) or not re.match(r"^(?:\s+(?:per|a|each|for|on|in|of|at|with|if|when|plus)\b.*)?$", after.split(",")[0].split(" and ")[0]):
        return
    subject = _subject(found.group("subject"), chunk)
    tail = _rest(after.split(",")[0])
    questions = (f"What is {with_the(subject)}{tail}?", f"How much is {with_the(subject)}{tail}?", f"Can you tell me how much {with_the(subject)} is{tail}?")
    if " and " not in tail:
        yield Asked("amount", questions, literal)


def _fee_applies(body: str, value: Value) -> Iterator[Asked]:
    rest = re.escape(value.text)
    found = re.match(
        rf"^(?:An?|The|There is an?)\s+(?:(?:{rest})\s+(?P<one>[\w /-]{{3,60}}?)|(?P<two>[\w /-]{{3,60}}?)\s+of\s+(?:up to )?(?:{rest})(?:\s+\([^)]*\))?)"
        r"\s+(?P<verb>applies|apply|is charged|will be charged|may be charged|will apply|may apply|may be applied|is payable|is due|is deducted|will be deducted|will be added)\s*(?P<rest>.*)$",
        body,
    )
    if not found:
        return
    fee, tail = (found.group("one") or found.group("two")).strip(), _rest(found.group("rest"))
    if re.search(r"where applicable|,", tail):
        tail = re.sub(r"\s*(?:where applicable|,).*$", "", tail)
    verb = found.group("verb")
    does = {"applies": "applies", "apply": "applies"}.get(verb, verb)
    link = tail if re.match(r"(?:for|to|on|when|if|per|in)\b", tail) else ""
    if not link and len(fee.split()) < 2:
        return
    yield Asked(
        "amount",
        (f"What {fee} {does} {tail}?", f"How much is the {fee} {link if not link.startswith('to ') else 'that ' + does + ' ' + link}?", f"How high is the {fee} that {does} {tail}?"),
        value.text,
    )


def _amount_after_verb(body: str, chunk: str, value: Value) -> Iterator[Asked]:
    before, literal, after = _literal(body, value)
    if re.match(r"\s*(?:to|and|or|-|–)\s", after) or re.match(r"\s+[a-z]+(?:\s+(?:fee|charge|discount))", after):
        return
    tail = _rest(re.split(r"[,;:]|\s+and\s+(?=\w+ (?:is|are|will|can)\b)|\s+—", after)[0])
    if re.match(r"^\s+(?!(?:per|a|an|each|every|for|on|in|of|at|with|if|when|plus|to|from|by|or more|before|after|under|over|until|within|as|towards|toward|invested|without)\b)\w", tail):
        return
    clause = _clause(before.rstrip() + " x", chunk)
    if clause and not clause.negated:
        words = re.sub(r"\s*x$", "", clause.rest).strip()
        if words and len(words.split()) <= 3 and re.search(r"(?:\w+(?:ed|d|t)|withdraw|pay|earn|spend|transfer|deposit|send|receive|save|borrow|claim|save and invest|save or invest|get|cost|keep|maintain|hold)$", words) and not words.endswith(("interest", "at")):
            yield Asked("amount", (f"How much {clause.auxiliary} {clause.subject} {_rest(words)}{tail}?", f"What amount {clause.auxiliary} {clause.subject} {_rest(words)}{tail}?"), literal)
    simple = _simple_clause(before.rstrip() + " x", chunk)
    if simple:
        subject, auxiliary, verb, rest = simple
        if rest.strip() == "x" and verb in ("cost", "pay", "earn", "receive", "charge", "require", "cover", "need", "offer"):
            yield Asked("amount", (f"How much {auxiliary} {subject} {verb}{tail}?", f"{sentence_case(subject)}: how much {auxiliary} it {verb}{tail}?" if auxiliary == "does" else ""), literal)


def _times(body: str, chunk: str) -> Iterator[Asked]:
    """Durations and dates behind a preposition: within how many days, by when."""
    for value in values(body):
        if value.kind not in (DATE, DURATION):
            continue
        before, after = body[: value.start].rstrip(), body[value.end :]
        lead = re.search(rf"\s(?P<word>{_PREPOSITIONS})$", before, re.I)
        in_advance = re.match(r"\s+(?P<what>(?:in advance|before|after|prior to|from)\b.*)$", after)
        clause_text = before[: lead.start()] if lead else before
        clause = _clause(clause_text, chunk, longest=14)
        if clause is None or clause.negated or re.search(r"[,;:]\s*$", clause_text) or len(clause.rest.split()) > 22:
            continue
        tail = _rest(re.split(r"[;:—]|,\s", after)[0])
        if re.match(r"\s+[a-z]+s?\b", tail) and not re.match(r"\s+(?:of|for|to|after|before|in|on|from|at|by|with|if|when|each|per|or|prior|following|since|without|and)\b", tail):
            continue
        main = f"{clause.auxiliary} {clause.subject} {_rest(clause.rest)}"
        if lead and value.kind == DURATION:
            word, unit = lead.group("word").lower(), _unit(value.text)
            if not unit or word in ("by", "on", "at", "from"):
                continue
            fronted = {"within": "Within how many", "after": "After how many", "every": "Every how many", "before": "Before how many"}.get(word, "For how many" if word.startswith("for") else "In how many")
            extra = f"How soon {main}{tail}?" if word == "within" and " after" not in tail else f"How long {main}{tail}?" if word.startswith("for") else ""
            yield Asked("duration", (f"{fronted} {unit} {main}{tail}?", extra), value.text if not word.startswith("for ") else f"{word[4:]} {value.text}")
        elif lead and value.kind == DATE:
            word = lead.group("word").lower()
            if word in ("by", "until", "from", "before", "on", "after", "at", "in") and not (word == "for"):
                fronted = {"by": "By when", "until": "Until when", "from": "From when", "before": "Before what date", "after": "After what date"}.get(word, "When")
                yield Asked("date", (f"{fronted} {main}{tail}?", f"When {main}{tail}?" if word in ("by", "on") else ""), f"{word} {value.text}" if word in ("by", "until", "from", "before", "after") else value.text)
        elif in_advance and value.kind == DURATION and (unit := _unit(value.text)):
            yield Asked("duration", (f"How many {unit} {_rest(in_advance.group('what'))} {main}?", f"How long {_rest(in_advance.group('what'))} {main}?"), value.text)


def _unit(text: str) -> str:
    match = re.search(r"((?:business |banking |calendar |working )?(?:second|minute|hour|day|week|month|quarter|year))s?$", text)
    return f"{match.group(1)}s" if match else ""


def _counts(body: str, chunk: str) -> Iterator[Asked]:
    for value in values(body):
        noun = _COUNT_NOUN.match(body[value.end :].lstrip())
        if value.kind != COUNT or not noun or not noun.group("noun").endswith("s") or re.search(r"\b(?:page|section|step|note|form)s?\s*$", body[: value.start], re.I):
            continue
        before, literal, _ = _literal(body, value)
        name, tail = noun.group("noun"), _rest(re.split(r"[,;:—]", noun.group("rest"))[0])
        simple, clause = _simple_clause(before.rstrip() + " x", chunk), _clause(before.rstrip() + " x", chunk)
        if simple and simple[3].strip() == "x":
            subject, auxiliary, verb, _ = simple
            yield Asked("number", (f"How many {name} {auxiliary} {subject} {verb}{tail}?", f"What number of {name} {auxiliary} {subject} {verb}{tail}?"), literal)
        elif clause and not clause.negated and clause.auxiliary not in ("is", "are", "was", "were"):
            words = re.sub(r"\s*x$", "", clause.rest).strip()
            if words and len(words.split()) <= 3 and not re.search(r"\b(?:to|for|of|in|at|on|with|the|by|from|about|than)$", words):
                yield Asked("number", (f"How many {name} {clause.auxiliary} {clause.subject} {_rest(words)}{tail}?",), literal)


def _yes_no(body: str, chunk: str) -> Iterator[Asked]:
    clause = _clause(body, chunk)
    nothing = re.match(r"^No (?P<what>[a-z][^,]{2,40}?) (?P<aux>is|are|will be|can be|may be) (?P<rest>.+)$", body)
    if nothing:
        auxiliary, _, more = nothing.group("aux").partition(" ")
        yield Asked("yes_no", (f"{auxiliary} {_any(nothing.group('what'), auxiliary)} {more} {_rest(_TAIL.sub('', nothing.group('rest')))}?",), "No")
        return
    there = re.match(r"^There (?P<aux>is|are) (?P<no>no )?(?P<what>[a-z][^,(]{4,110})", body)
    if there and not re.match(r"(?:an?|the|some|many|several|\w+ (?:ways|steps))\s", there.group("what")):
        if there.group("no"):
            yield Asked("yes_no", (f"{there.group('aux')} there {_any(there.group('what').strip(), there.group('aux'))}?",), "No")
        return
    if clause and 3 <= len(clause.rest.split()) <= 24:
        rest = _TAIL.sub("", clause.rest)
        if len(rest) > 110 and "," in rest:
            return
        rest = _SECOND_CLAUSE.sub("", rest)
        if re.search(r"^per\b|\b(?:but|unless|except|however|provided|or may not|may or may)\b|:", rest) or len(rest.split()) < 2 or clause.auxiliary in ("shall",):
            return
        if rest.startswith("no longer "):
            yield Asked("yes_no", (f"{clause.auxiliary} {clause.subject} still {_rest(rest[10:])}?", f"{clause.auxiliary} {clause.subject} {_rest(rest[10:])}?"), "No")
            return
        if rest.startswith(("no ", "only ", "also ", "not ", "because", "a ", "an ", "the ", "when", "where", "what", "how", "by ")) and clause.auxiliary in ("is", "are"):
            if not rest.startswith(("only ", "also ")):
                return
        rest = re.sub(r"^(?:also|automatically|therefore|then|always|typically|usually|only|easily) ", "", rest)
        auxiliary = {"may": "can", "must": "must"}.get(clause.auxiliary, clause.auxiliary)
        forms = (f"{auxiliary} {clause.subject} {_rest(rest)}?",)
        if auxiliary == "can" and clause.subject == "I":
            forms += (f"Is it possible to {_rest(rest)}?", f"Am I able to {_rest(rest)}?", f"Am I allowed to {_rest(rest)}?")
        if auxiliary in ("must", "should") and clause.subject == "I":
            forms += (f"Do I have to {_rest(rest)}?", f"Do I need to {_rest(rest)}?")
        yield Asked("yes_no", forms, "No" if clause.negated else "Yes")
    elif not clause and (simple := _simple_clause(body, chunk)):
        subject, auxiliary, verb, rest = simple
        rest = _TAIL.sub("", rest)
        if 2 <= len(rest.split()) <= 18 and not re.search(r"\b(?:but|unless|except|which|that|no|not)\b|:", rest):
            yield Asked("yes_no", (f"{auxiliary} {subject} {verb} {_rest(rest)}?",), "Yes")


def _any(what: str, auxiliary: str) -> str:
    noun = _rest(what)
    if auxiliary == "are" or noun.endswith("s") or re.match(r"(?:interest|additional|extra|cost|charge)\b", noun):
        return noun if auxiliary == "are" else f"any {noun}"
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def _conditions(body: str, chunk: str) -> Iterator[Asked]:
    del chunk
    found = _IF.match(body)
    if not found or re.search(r"\b(?:this|that|it|they|these|those|not already|so|applicable|above|below)\b", found.group("condition"), re.I):
        return
    condition, result = _rest(found.group("condition")), found.group("result")
    word = found.group("word").lower()
    word = "if" if word == "if" else "when" if word == "whenever" else word
    if re.match(r"(?:if|when|either|for example|which|and|or|such|the following)\b", result, re.I) or len(condition.split()) < 3:
        return
    told = _IMPERATIVE.match(result) or re.match(r"you (?:can|may|must|should|need to|have to|will need to)\b", result, re.I)
    if told:
        questions = (f"What should I do {word} {condition}?", f"What can I do {word} {condition}?", f"{condition}. What now?", f"What do I need to do {word} {condition}?")
    else:
        questions = (f"What happens {word} {condition}?", f"What {word} {condition}?" if word == "if" else "", f"What can I expect {word} {condition}?")
    yield Asked("condition", questions, result)


def _purposes(body: str, chunk: str) -> Iterator[Asked]:
    more = _FOR_MORE.match(body)
    if more:
        how = re.sub(r"^please ", "", more.group("how"), flags=re.I)
        if more.group("goal"):
            goal = _rest(more.group("goal"))
            yield Asked("procedure", (f"How can I {goal}?", f"How do I {goal}?", f"What do I have to do to {goal}?"), how)
        elif more.group("about"):
            about = _rest(more.group("about").strip())
            yield Asked("procedure", (f"Where can I get more information {about}?", f"How do I find out more {about}?", f"Who can tell me more {about}?"), how)
        return
    found = _TO_DO.match(body)
    if found and (_IMPERATIVE.match(found.group("how")) or re.match(r"you (?:must|need|should|have to|can|will need)\b", found.group("how"), re.I)):
        goal = _rest(found.group("goal"))
        yield Asked("procedure", (f"How can I {goal}?", f"What do I need to do to {goal}?", f"How do I {goal}?", f"I want to {goal}. What must I do?"), found.group("how"))
    tail = re.match(r"^You (?P<must>must|need to|have to|should|can) (?P<how>[a-z].{8,140}?) (?P<link>before|in order to|to) (?P<goal>[a-z][^,;]{6,80})$", body)
    if tail and not re.search(r"\b(?:able|want|like|need|order|up|due|subject|access|transfer|transfers|relating|closest|going|according)$", tail.group("how")) and tail.group("link") != "to":
        goal = _rest(tail.group("goal"))
        yield Asked("procedure", (f"What must I do {tail.group('link')} {goal}?",), f"{tail.group('must')} {tail.group('how')}" if tail.group("must") == "can" else tail.group("how"))
    by = re.match(r"^You can (?P<goal>[a-z][^,;]{8,90}?) (?P<how>(?:by|through|at|via|using) [^,;]{4,140})$", body)
    if by:
        yield Asked("procedure", (f"How can I {_rest(by.group('goal'))}?", f"How do I {_rest(by.group('goal'))}?"), by.group("how"))


def _people(body: str, chunk: str) -> Iterator[Asked]:
    found = re.match(r"^(?P<what>[^,;:]{3,80}?) (?P<be>is|are) (?:only )?(?P<state>available|open|offered) (?:only )?(?:at no cost )?to (?P<who>[^,;:]{4,120})$", body)
    if found and not _BAD_SUBJECT.search(found.group("what")) and not re.match(r"(?:some|most|many)\b", found.group("what"), re.I):
        what = _subject(found.group("what"), chunk)
        yield Asked("who", (f"Who {found.group('be')} {what} {found.group('state')} to?", f"Who can get {what}?", f"Which people can use {what}?"), found.group("who"))
    only = re.match(r"^Only (?P<who>[a-z][^,;:]{3,60}?) (?P<aux>can|may|must|are|will) (?P<rest>[^,;:]{6,120})$", body)
    if only:
        yield Asked("who", (f"Who {only.group('aux')} {_rest(only.group('rest'))}?",), only.group("who"))
    duty = re.match(r"^(?P<who>[^,;:]{3,60}?) (?:is|are) responsible for (?P<what>[^;:]{6,120})$", body)
    if duty and not _BAD_SUBJECT.search(duty.group("who")):
        yield Asked("who", (f"Who is responsible for {_rest(duty.group('what'))}?", f"Who has to take care of {_rest(duty.group('what'))}?"), duty.group("who"))
    why = re.match(r"^(?P<main>[^,]{10,140}?),? (?P<because>because|due to) (?P<reason>[^,;]{8,150})$", body)
    clause = _clause(why.group("main"), chunk) if why else None
    if why and clause:
        negation = " not" if clause.negated else ""
        yield Asked("reason", (f"Why {clause.auxiliary} {clause.subject}{negation} {_rest(clause.rest)}?", f"For what reason {clause.auxiliary} {clause.subject}{negation} {_rest(clause.rest)}?"), f"{why.group('because')} {why.group('reason')}")


def _definitions(body: str, chunk: str) -> Iterator[Asked]:
    found = _MEANS.match(body)
    if not found or _BAD_SUBJECT.search(found.group("term")) or _DANGLING_START.match(found.group("term")) or re.match(r"(?:your|our|you|we|my)\b", found.group("term"), re.I):
        return
    if re.search(r"trade-?mark|licensed user|marketing name", found.group("meaning"), re.I):
        return
    if re.search(rf"\b(?:{_AUX})\b", found.group("term")) or len(found.group("term").split()) > 6:
        return
    term = _subject(found.group("term"), chunk)
    verb = "are" if found.group("verb") == "are" else "is"
    yield Asked("definition", (f"What {verb} {term}?", f"What exactly {verb} {term}?", f"Can you explain what {term} {verb}?", f"How would you describe {term}?"), found.group("meaning"))


def _contacts(body: str, chunk: str) -> Iterator[Asked]:
    del chunk
    for value in values(body):
        if value.kind != CONTACT or not re.search(r"\d{3}", value.text):
            continue
        found = re.match(r"^(?:To (?P<goal>[a-z][^,]{6,80}),|For (?P<topic>[^,]{4,80}),)", body)
        if found and not re.match(r"(?:this|these|more|further|details|complete)\b", found.group("topic") or ""):
            purpose = f"to {_rest(found.group('goal'))}" if found.group("goal") else f"for {_rest(found.group('topic'))}"
            yield Asked("contact", (f"What number do I call {purpose}?", f"Which phone number is there {purpose}?"), value.text)


_RULES: tuple[Callable[[str, str], Iterator[Asked]], ...] = (
    _definitions, _amounts, _times, _counts, _conditions, _purposes, _people, _contacts, _yes_no,
)  # fmt: skip
