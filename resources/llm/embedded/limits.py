"""Which end of a range a value is, and what span of time it counts for: `up to $300 a day`, `between 18 and 40`.

The same words are read in documents and in questions, English and Chinese.
"""

import re

UPPER, LOWER = "upper", "lower"

_AT_MOST = re.compile(
    r"(?:\b(?:up to|until|till|by|before|within|(?:at|the) (?:very )?most|(?:no|not) (?:more|later|longer|older) than"
    r"|maximum(?: of)?|max|limited to|limit of|under|below|less than|fewer than|younger than"
    r"|(?:between|from)\s[^,;.]{1,24}?\s(?:and|to|until|till))|\d\s?(?:to|–|-)|最多|至多|不超过|不得超过|上限为?|最高|最长|最晚|最迟|[到至])\s*$",
    re.I,
)
_AT_LEAST = re.compile(
    r"(?:\b(?:at (?:the very )?least|(?:no|not) (?:less|earlier|younger) than|minimum(?: of)?|more than|over|above|between"
    r"|from|starting (?:at|from)|older than)|至少|最少|最低|不低于|不少于|满)\s*$",
    re.I,
)
_OR_LESS = re.compile(
    r"\s*(?:or (?:less|fewer|under|below|younger|earlier)\b|at (?:the )?(?:most|latest)\b|maximum\b|以内|之内|以下)",
    re.I,
)
_OR_MORE = re.compile(
    r"\s*(?:(?:or|and) (?:more|over|older|above|up|later)\b|at (?:the )?least\b|minimum\b|\+|以上|起)", re.I
)
_ASKS_MOST = re.compile(
    r"\b(?:up to|until|till|the most|at (?:the )?(?:most|latest|longest)|no more than|(?:by|before) (?:what|which|when)"
    r"|latest|oldest|longest|largest|biggest|highest|greatest|maximum|max|limit|cap|how (?:far|early|long) (?:ahead|in advance))\b"
    r"|最多|至多|最高|最晚|最迟|最长|最大|上限|提前多",
    re.I,
)
_ASKS_LEAST = re.compile(
    r"\b(?:(?:from|at|after) (?:what|which) age|the least|at (?:the )?least|minimum|min|lowest|smallest|shortest|cheapest"
    r"|youngest|earliest|how young)\b|最少|最低|最小|至少|最短|起存|起点",
    re.I,
)
_SPANS = tuple(
    (span, re.compile(pattern, re.I))
    for span, pattern in (
        ("day", r"\b(?:(?:per|an?|each|every|one|single|whole) (?:\w+ )?day|daily)\b|每[天日]|单日|一天"),
        ("week", r"\b(?:(?:per|an?|each|every|one|single|whole) week|weekly)\b|每周|每星期|一周"),
        ("month", r"\b(?:(?:per|an?|each|every|one|single|whole) (?:\w+ )?month|monthly)\b|每个?月|单月|一个月"),
        ("year", r"\b(?:(?:per|an?|each|every|one|single|whole) (?:\w+ )?year|yearly|annual|annually|per annum)\b|每年|一年|年度"),
        (
            "time",
            r"\b(?:at a time|at one time|in one go|each time|at once"
            r"|(?:per|each|single) (?:transfer|transaction|item|payment|withdrawal|use|purchase|order|visit|call|claim))\b"
            r"|[每单一][笔次]",
        ),
    )
)  # fmt: skip


def limit_of(body: str, start: int, end: int) -> str:
    """Which end of a range the value at `body[start:end]` is, told by the words around it; empty if neither."""
    before, after = body[max(0, start - 40) : start], body[end : end + 24]
    if _OR_MORE.match(after):
        return LOWER
    if _AT_MOST.search(before) or _OR_LESS.match(after):
        return UPPER
    return LOWER if _AT_LEAST.search(before) else ""


def limit_asked(question: str) -> str:
    """Which end of a range a question wants; empty if neither or both."""
    most, least = bool(_ASKS_MOST.search(question)), bool(_ASKS_LEAST.search(question))
    return "" if most == least else UPPER if most else LOWER


def spans(text: str) -> frozenset[str]:
    """The spans that amounts in a text are counted for: a day, a week, a month, a year, one time."""
    return frozenset(span for span, pattern in _SPANS if pattern.search(text))
