"""Numbers as answers state them: amounts, percentages, dates, times and counts in one normal form.

`$1,250.00`, `1250 dollars` and `1,250元` are one amount; `1 March 2026`, `March 1, 2026` and `2026年3月1日` one
date; `5 days` is not `$5`. A number without a unit agrees with the same number under any unit but a percentage.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

_MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
_MONTH = "(?P<{0}>" + "|".join(f"{name}|{name[:3]}" for name in _MONTHS) + r"|sept)\.?"
_DAY = r"(?P<{0}>[0-3]?\d)(?:st|nd|rd|th)?"
_YEAR = r"(?P<{0}>(?:19|20)\d\d)"
_DATE = "|".join(
    (
        rf"{_YEAR.format('y1')}-(?P<m1>[01]?\d)-(?P<d1>[0-3]?\d)(?!\d)",
        rf"{_YEAR.format('y2')}\s*年\s*(?P<m2>[01]?\d)\s*月(?:\s*(?P<d2>[0-3]?\d)\s*[日号])?",
        rf"\b{_MONTH.format('m3')}\s+{_DAY.format('d3')}\b(?:,?\s+{_YEAR.format('y3')}\b)?",
        rf"\b{_DAY.format('d4')}\s+(?:of\s+)?{_MONTH.format('m4')}(?!\w)(?:,?\s+{_YEAR.format('y4')}\b)?",
        rf"\b{_MONTH.format('m5')},?\s+{_YEAR.format('y5')}\b",
        r"(?P<m6>[01]?\d)\s*月\s*(?P<d6>[0-3]?\d)\s*[日号]",
    )
)
_CLOCK = r"\b(?P<h1>[012]?\d):(?P<n1>[0-5]\d)(?:\s*(?P<p1>[ap])\.?m\b\.?)?|\b(?P<h2>1?\d)\s*(?P<p2>[ap])\.?m\b\.?"
_CODE = r"(?<![\w$])\d{1,4}(?:-\d{2,4}){2,4}(?![\w.])"
_VALUE = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|(?<!\d)\.\d+"
_BEFORE = r"(?:(?P<money>(?:US|CA|HK|C|A)?\$|€|£|¥|RMB|CAD|USD|EUR|GBP|CNY)\s*)?"
_SCALE = r"(?:\s*(?P<scale>thousand|million|billion|[万萬亿億]))?"
_AFTER = (
    r"(?:(?:\s|-)*(?P<unit>%|per\s?cent\b|个?百分点|percentage points?\b|¢|cents?\b|dollars?\b|euros?\b|pounds?\b"
    r"|美元|加元|元|seconds?\b|minutes?\b|hours?\b|(?:business |calendar |working )?days?\b|weeks?\b|months?\b"
    r"|years?\b|秒|分钟|个?小时|个?工作日|天|日|周|个?星期|个?月|年|岁))?"
)
_ORDINAL = r"(?:st|nd|rd|th)?"
_NUMBER = rf"{_BEFORE}(?P<value>{_VALUE}){_ORDINAL}{_SCALE}{_AFTER}"
_COUNTS = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_WORDS = {word: count for count, word in enumerate(_COUNTS, 2)}
_WORD = re.compile(rf"\b({'|'.join(_WORDS)})\b(?!\s+of\b)", re.IGNORECASE)
_TOKEN = re.compile(rf"(?P<date>{_DATE})|(?P<clock>{_CLOCK})|(?P<code>{_CODE})|{_NUMBER}", re.IGNORECASE)
_FOOTNOTE = re.compile(r"<sup>.*?</sup>|[⁰¹²³⁴⁵⁶⁷⁸⁹]+", re.DOTALL)
_IDENTIFIER = re.compile(r"(?<![A-Za-z])[A-Za-z]+-?\d+[A-Za-z]*(?![\w.])")
_NOTHING = re.compile(
    r"\W*(?:it is |it's |there is )?(?:free(?: of charge)?|no (?:charge|fee|cost)|nil|waived|included at no (?:extra )?"
    r"(?:charge|cost)|免费|不收费|无费用|免收)\W*",
    re.IGNORECASE,
)
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8}
_UNITS = (
    ("%", ("%", "per", "百分", "个百分")),
    ("cent", ("¢", "cent")),
    ("money", ("dollar", "euro", "pound", "美元", "加元", "元")),
    ("second", ("second", "秒")),
    ("minute", ("minute", "分钟")),
    ("hour", ("hour", "小时", "个小时")),
    ("business day", ("business", "working", "工作日", "个工作日")),
    ("day", ("day", "calendar", "天", "日")),
    ("week", ("week", "周", "星期", "个星期")),
    ("month", ("month", "月", "个月")),
    ("year", ("year", "年", "岁")),
)


@dataclass(frozen=True, order=True)
class NumberToken:
    """A number: `value` in plain decimal or ISO form, `unit` empty if the text names none."""

    value: str
    unit: str

    def agrees(self, other: "NumberToken") -> bool:
        """Whether both state the same number; a missing unit is forgiven, a missing percent sign is not."""
        if self.value != other.value:
            return False
        units = {self.unit, other.unit}
        return len(units) == 1 or ("" in units and not units & {"%", "date", "time"})


def number_tokens(text: str) -> tuple[NumberToken, ...]:
    """The numbers of a text, sorted, each once. Footnote marks and codes such as `A4` are no numbers."""
    if _NOTHING.fullmatch(text):
        return (NumberToken("0", "money"),)
    # Footnote marks go first: normalising would glue `$5.00⁵` to `$5.005`.
    plain = unicodedata.normalize("NFKC", _FOOTNOTE.sub(" ", text))
    plain = _IDENTIFIER.sub(lambda match: match[0] if _keeps_number(match[0]) else " ", plain)
    plain = _WORD.sub(lambda match: str(_WORDS[match[1].lower()]), plain)
    return tuple(sorted({_token(match) for match in _TOKEN.finditer(plain)}))


def all_agree(wanted: Iterable[NumberToken], offered: Iterable[NumberToken]) -> bool:
    """Whether every wanted number agrees with one of those offered."""
    choices = tuple(offered)
    return all(any(number.agrees(choice) for choice in choices) for number in wanted)


def _keeps_number(word: str) -> bool:
    return word.upper().startswith(("RMB", "CAD", "USD", "EUR", "GBP", "CNY", "US", "HK"))


def _token(match: re.Match[str]) -> NumberToken:
    found = {name: text for name, text in match.groupdict().items() if text is not None}
    if "date" in found:
        return NumberToken(_date(found), "date")
    if "clock" in found:
        return NumberToken(_clock(found), "time")
    if "code" in found:
        return NumberToken(found["code"], "code")
    value = Decimal(found["value"].replace(",", "")) * _SCALES.get(found.get("scale", "").lower(), 1)
    unit = _unit(found.get("unit", ""))
    if unit == "cent":
        value, unit = value / 100, "money"
    if "money" in found:
        unit = "money"
    return NumberToken(_plain(value), unit)


def _unit(text: str) -> str:
    lower = text.lower()
    return next((unit for unit, starts in _UNITS if lower.startswith(starts)), "") if lower else ""


def _date(found: dict[str, str]) -> str:
    def part(letter: str) -> str:
        return next((found[f"{letter}{form}"] for form in range(1, 7) if f"{letter}{form}" in found), "")

    month = part("m").lower()
    number = (
        int(month)
        if month.isdigit()
        else next(index for index, name in enumerate(_MONTHS, 1) if name.startswith(month[:3]))
    )
    day = part("d")
    return f"{part('y') or '----'}-{number:02d}-{int(day) if day else 0:02d}"


def _clock(found: dict[str, str]) -> str:
    hour = int(found.get("h1") or found["h2"])
    half = (found.get("p1") or found.get("p2") or "").lower()
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    return f"{hour:02d}:{found.get('n1', '00')}"


def _plain(value: Decimal) -> str:
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
