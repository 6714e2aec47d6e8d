"""Whether a question stands alone: someone who sees neither passage nor title knows what it is about."""

import re

from resources.llm.raft_text import language_of
from resources.llm.support import STOP, WORD

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
_POINTING = re.compile(
    r"\bthe (?:listed|specified|described|aforesaid|previously)\b|\bmentioned(?=\?|$)"
    r"|\bany (?:option|column|row|tier|category)\b|\bsections? [A-Z]\b(?! of\b)"
    r"|\b(?:which|what) (?:page|section|chapter|footnote|column|row)\b"
    r"|\b(?:contact|reach|call) you\b|\bare you (?:available|open|there)\b",
    re.IGNORECASE,
)
_CUT_OFF = re.compile(r"\b(?:step|scenario|tier|category|column|below|above|than|the|an?)\s*\??$", re.IGNORECASE)
_HARMLESS = re.compile(r"\bthat offers?\b|\bthe same for\b", re.IGNORECASE)
_PRONOUN = re.compile(r"\b(it|its|they|them|their|theirs|he|she|his|her|him)\b", re.IGNORECASE)
_POSSESSIVE = ("its", "their", "his", "her")
_EXPLETIVE = re.compile(
    r"\bit\s+(?:possible|necessary|required|cost to|take|safe|true|ok|okay|allowed|free|mandatory|compulsory)\b"
    r"|\b(?:is|was) it (?:that|true|possible|necessary)\b|\bdoes it (?:cost to|take)\b|\bhow long (?:does|will) it take\b"
    r"|\bwhat(?:'s| is) it called\b",
    re.IGNORECASE,
)


def is_self_contained(question: str, names: str = "") -> bool:
    """Whether the question stands alone: nothing in it points at a page, a table or a sentence the reader lacks.

    `names` (title and headings, one to a line) may themselves hold words such as "this guide"; those are not held
    against it.
    """
    text = _without(names, question)
    if _DANGLING[language_of(question)].search(text):
        return False
    return not _has_loose_pronoun(text)


def stands_alone(question: str, names: str = "") -> bool:
    """The same for anyone's question: models also point in ways that our own drafts do not, and stop in the middle."""
    if _CUT_OFF.search(question.strip()) or _POINTING.search(_without(names, question)):
        return False
    return is_self_contained(_HARMLESS.sub(" ", question), names)


def _without(names: str, question: str) -> str:
    for name in sorted(filter(None, names.split("\n")), key=len, reverse=True):
        question = question.replace(name, "")
    return question


def _has_loose_pronoun(text: str) -> bool:
    """A pronoun with nothing before it to stand for: its own question must name the thing first."""
    plain = _EXPLETIVE.sub(" ", text)
    for match in _PRONOUN.finditer(plain):
        before = plain[: match.start()]
        words = [word for word in WORD.findall(before) if word.casefold() not in STOP]
        named = re.search(r"\w[:,.?] (?:\w+ ){0,4}$", before) or match.group(0).casefold() in _POSSESSIVE
        if len(words) < (1 if named else 3):
            return True
    return False
