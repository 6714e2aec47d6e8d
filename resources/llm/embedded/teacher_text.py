"""Facts from running text: sentences, defined terms, and lists with the line that introduces them."""

import re
from collections.abc import Iterator

from resources.llm.embedded.candidates import DEFINITION, ITEM_KIND, LIST, SENTENCE, Candidate
from resources.llm.embedded.question_templates import DEFINITION as DEFINITION_PHRASES
from resources.llm.embedded.question_templates import NAMED_BY
from resources.llm.embedded.teacher_chinese import chinese_facts, chinese_list_questions
from resources.llm.embedded.teacher_english import english_facts, is_open
from resources.llm.embedded.teacher_fact import Fact, Place, Span, shuffled
from resources.llm.embedded.teacher_reasoning import text_reasoning
from resources.llm.embedded.teacher_words import from_the_reader, head_noun, running
from resources.llm.embedded.values import TEXT, clean

_FOOTING = re.compile(r"^(?:see|refer|note|page|figure|table|contents|source|图|表|注)\b", re.I)
_NEWS = re.compile(r"\b(?:alert|notice|reminder|message|warning)s?$", re.IGNORECASE)
_ITEM_VERB = re.compile(
    r"^(?:transfer|order|open|apply|set|reorder|change|request|enhance|register|visit|call|pay|"
    r"send|view|withdraw|deposit|check"
    r"|update|receive|get|choose|select|add|book|cancel|download|report|track|manage|maintain|"
    r"link|make|buy|renew|submit|use)\b",
    re.I,
)


def text_facts(candidate: Candidate, place: Place, text: str) -> Iterator[Fact]:
    """The facts of one candidate that is not a table cell."""
    if candidate.value_type != TEXT or candidate.near:
        return
    if candidate.kind == LIST:
        yield from _list_facts(candidate, place)
    elif candidate.kind == DEFINITION and _is_term(candidate):
        yield from _definition_facts(candidate, place)
    elif candidate.kind in (SENTENCE, DEFINITION, ITEM_KIND):
        yield from _sentence_facts(candidate, place, text)


def _fact(kind: str, questions, final: str, candidate: Candidate, place: Place) -> Fact:
    quotes = (Span(candidate.quote, candidate.start, candidate.end),)
    so = f"因此答案是：{final.rstrip('。')}" if place.language == "zh" else f"So the answer is: {final.rstrip('.')}"
    ordered = tuple(shuffled(tuple(questions), kind, candidate.quote, final))
    return Fact(kind, place, ordered, final, quotes, text_reasoning(place, quotes, so), row=candidate.quote)


def glossary_fact(candidate: Candidate, place: Place) -> Iterator[Fact]:
    """The definition of the term that a heading names: the first sentence under it."""
    body = clean(candidate.quote)
    if 8 <= len(body) <= 200 and body[-1:] in ".。" and len(place.section) <= 40:
        term = place.section if place.language == "zh" else running(place.section)
        phrases = [
            template.format(term=_capital_safe(term, template)) for template in DEFINITION_PHRASES[place.language]
        ]
        yield _fact("definition", phrases, body.rstrip(".。"), candidate, place)


def _is_term(candidate: Candidate) -> bool:
    """Whether the definition is set off as a glossary sets it (`**Term:** meaning`), not found inside a sentence."""
    return bool(re.match(r"\s*(?:\*\*|_)", candidate.quote)) and clean(candidate.quote).startswith(candidate.row)


def _definition_facts(candidate: Candidate, place: Place) -> Iterator[Fact]:
    term = re.sub(r"\((?:s|es)\)", "", candidate.row.strip(" :：*"))
    meaning = clean(candidate.quote)[len(candidate.row) :].lstrip(" :：—–-")
    first = _first_sentence(meaning, place.language)
    term = re.split(r" or\b|/ ", term)[0].strip()
    if re.search(r"[a-z] ?- [a-z]", first):
        return
    if not 8 <= len(first) <= 200 or len(term) > 60 or _FOOTING.match(term) or len(term.split()) > 8:
        return
    if re.search(r"\d{3}", first) and len(first) < 40:
        return
    spoken = term if place.language == "zh" else running(term)
    action = place.language == "en" and (_ITEM_VERB.match(first) or re.match(r"(?:if|when|you)\b", first, re.I))
    phrases = [template.format(term=_capital_safe(spoken, template)) for template in DEFINITION_PHRASES[place.language]]
    if not action:
        yield _fact("definition", phrases, first.rstrip(".。"), candidate, place)
    elif re.match(r"(?:if|when)\b", first, re.I) and _NEWS.search(term):
        asks = [f"When do I get a {term}?", f"What triggers a {term}?", f"In which case is a {term} sent?"]
        yield _fact("condition", asks, first.rstrip("."), candidate, place)
    meaning_words = first.rstrip(".。")
    if (
        not action
        and 15 <= len(meaning_words) <= 130
        and len(term) >= 3
        and term.casefold() not in meaning_words.casefold()
    ):
        lowered = from_the_reader(meaning_words)
        if place.language == "zh" or re.match(r"(?:an?|the|any|making)\b", lowered):
            inverse = [template.format(meaning=lowered) for template in NAMED_BY[place.language]]
            yield _fact("definition_term", inverse, term, candidate, place)


def _capital_safe(term: str, template: str) -> str:
    return term if not template.startswith("{term}") else term[:1].upper() + term[1:]


def _first_sentence(text: str, language: str) -> str:
    if language == "zh":
        return re.split(r"(?<=[。！？；])", text, maxsplit=1)[0].strip()
    return re.split(r"(?<=[a-z)][.!?])\s+(?=[A-Z])", text, maxsplit=1)[0].strip()


def _sentence_facts(candidate: Candidate, place: Place, text: str) -> Iterator[Fact]:
    body = clean(candidate.quote)
    if place.language == "zh":
        found = chinese_facts(body)
    elif is_open(body) or (candidate.kind == ITEM_KIND and not body.endswith(".")):
        return
    else:
        parts = re.split(r"(?<=[a-z0-9)][.!])\s+(?=[A-Z])", body)
        found = (asked for part in parts if not is_open(part) for asked in english_facts(part, text))
    for asked in found:
        yield _fact(asked.kind, asked.questions, asked.final, candidate, place)


def _list_facts(candidate: Candidate, place: Place) -> Iterator[Fact]:
    """What a list holds, asked the way its introduction suggests."""
    intro, answer = candidate.row.strip(" :："), candidate.answer
    if (
        not intro
        or answer.endswith("…")
        or len(answer) > 200
        or answer.count(";" if place.language == "en" else "；") < 1
    ):
        return
    asks = chinese_list_questions(intro) if place.language == "zh" else _english_list_questions(intro, place)
    if asks:
        yield _fact("list", asks, answer, candidate, place)


def _english_list_questions(intro: str, place: Place) -> list[str]:
    body = from_the_reader(intro)
    section = running(place.section)
    if match := re.match(
        r"^(?P<subject>[^,;:]{3,70}?) (?:includes?|comprises?|consists? of|contains?|covers?)(?: the following)?$",
        body,
        re.I,
    ):
        subject = running(match.group("subject"))
        if re.match(r"(?:this|that|it|they|these|those)\b", subject, re.I):
            return []
        plural = head_noun(subject).endswith("s")
        do = "do" if plural else "does"
        return [
            f"What {do} {subject} include?",
            f"What is included in {subject}?",
            f"Which things are part of {subject}?",
        ]
    if re.match(r"^I (?:can|may)(?: also)?$", body) and section:
        return [f"What can I do with {section}?", f"What does {section} let me do?", f"What is {section} good for?"]
    if match := re.match(
        r"^(?:.* )?I (?P<must>must|need to|will need to|should|have to) (?P<verb>bring|provide|submit|"
        r"show|present|supply|send)(?: .{0,40})?$",
        body,
    ):
        return (
            [
                f"What do I need to {match.group('verb')} for {section}?",
                f"Which documents must I {match.group('verb')} for {section}?",
            ]
            if section
            else []
        )
    if match := re.match(
        r"^(?P<who>[A-Z][^,;:]{2,60}?) (?P<verb>offers?|provides?|supports?|accepts?|"
        r"gives?) (?:the following|these|several|a range of) (?P<what>[^,;:]{3,60})$",
        body,
    ):
        verb = match.group("verb")
        do = "does" if verb.endswith("s") else "do"
        base = verb[:-1] if verb.endswith("s") else verb
        return [
            f"Which {match.group('what')} {do} {match.group('who')} {base}?",
            f"What {match.group('what')} {do} {match.group('who')} {base}?",
        ]
    if match := re.match(
        r"^The following (?P<what>[^,;:]{3,60}?) (?P<be>are|can be|may be|will be|apply) ?(?P<rest>[^,;:]{0,80})$",
        body,
        re.I,
    ):
        return [
            f"Which {match.group('what')} {match.group('be')} {match.group('rest')}?".replace(" ?", "?"),
            f"What are the {match.group('what')} that {match.group('be')} {match.group('rest')}?".replace(" ?", "?"),
        ]
    if match := re.match(
        r"^(?P<who>The [A-Z][\w ]{2,50}?|[A-Z][\w ]{2,50}?) does not (?P<verb>[a-z]+)(?P<rest>[^,;:]{0,60})$", body
    ):
        return [
            f"What does {_the(match.group('who'))} not {match.group('verb')}{match.group('rest')}?",
            f"Which things does {_the(match.group('who'))} not {match.group('verb')}{match.group('rest')}?",
        ]
    if match := re.match(r"^To (?P<goal>[a-z][^,;:]{6,80})$", body):
        return [
            f"How can I {match.group('goal')}?",
            f"What are my options to {match.group('goal')}?",
            f"How do I {match.group('goal')}?",
        ]
    return []


def _the(name: str) -> str:
    """A name in running words: its article is not part of it."""
    return f"the {name[4:]}" if name.startswith("The ") else running(name)
