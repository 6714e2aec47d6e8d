"""Values in text: amounts, percentages, dates, durations, counts, contacts and ticks, and text without its markup.

Everything here works on English and Chinese and knows nothing of questions.
"""

import re
import unicodedata
from dataclasses import dataclass

AMOUNT, PERCENTAGE, DATE, DURATION = "amount", "percentage", "date", "duration"
COUNT, TICK, CONTACT, TEXT = "count", "tick", "contact", "text"

_MONTH = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?"
    r"|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)"
)
_WORDS = (
    r"(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|sixty|ninety"
    r"|[一二三四五六七八九十两]{1,3})"
)
_NUMBER = r"\d(?:[\d,]*\d)?(?:\.\d+)?"
_UNIT = r"(?:second|minute|hour|day|week|month|quarter|year)s?"
_CLOCK_ZH = r"(?:凌晨|早上|上午|中午|下午|晚上)?\s?\d{1,2}\s?点(?:半|\s?\d{1,2}\s?分)?"
_PATTERNS = (
    (
        CONTACT,
        r"[\w.+-]{1,64}@[\w-]{1,64}\.[\w.-]{0,64}\w|\b(?:https?://|www\.)\S*\w|\b[a-z][\w-]*\.(?:com|org|net|ca|example|test)(?:/\w+)?\b",
    ),
    (
        CONTACT,
        r"\b(?:1[- ])?(?:\(\d{3}\)\s?|\d{3}-)(?:\d{3}-\d{4}|[A-Z]{4}-[A-Z]{3}|\d{3}-[A-Z]{4})(?!\d)(?:\s\(\d[\d-]{2,8}\))?|\b\d{3,4}-\d{3,4}-\d{3,4}\b",
    ),
    (
        AMOUNT,
        rf"(?:\b(?:US|CA|C|A|HK|NZ)|\b(?:USD|CAD|EUR|GBP|CNY|RMB)\s?)?[$€£¥￥]\s?{_NUMBER}(?:\s?(?:million|billion|[万亿]))?",
    ),
    (AMOUNT, rf"(?:\b(?:USD|CAD|EUR|GBP|CNY|RMB)|人民币)\s?{_NUMBER}(?:\s?[万亿])?(?:\s?元)?"),
    (
        AMOUNT,
        rf"{_NUMBER}\s?(?:[万亿]\s?)?(?:美元|欧元|英镑|加元|港元|元|dollars?\b|euros?\b|cents?\b|USD\b|CAD\b|EUR\b|CNY\b|RMB\b)",
    ),
    (
        AMOUNT,
        r"\b(?:at )?no (?:extra |additional )?(?:cost|charge)\b|(?<![\w-])(?<!feel )free(?: of charge)?(?![\w-])|免费|免收",
    ),
    (
        PERCENTAGE,
        rf"{_NUMBER}\s?(?:%|％|‰|per\s?cent\b|percent\b|basis points?\b)|百分之[一二三四五六七八九十百点零\d]+",
    ),
    (
        DATE,
        r"\b\d{4}-\d{2}-\d{2}\b|\d{4}\s?年(?:\s?\d{1,2}\s?月(?:\s?\d{1,2}\s?[日号])?)?|\d{1,2}\s?月\s?\d{1,2}\s?[日号]|每月\s?\d{1,2}\s?[日号]",
    ),
    (
        DATE,
        rf"\b(?:\d{{1,2}}(?:st|nd|rd|th)?\s+{_MONTH}(?:,?\s+\d{{4}})?|{_MONTH}\.?\s+\d{{1,2}}(?:st|nd|rd|th)?\b(?:,?\s+\d{{4}})?|{_MONTH}\s+\d{{4}})\b",
    ),
    (
        DATE,
        r"\b\d{1,2}(?:[:.]\d{2})?\s?(?:a\.?m\b\.?|p\.?m\b\.?)(?:\s?(?:to|and|–|-)\s?\d{1,2}(?:[:.]\d{2})?\s?(?:a\.?m\b\.?|p\.?m\b\.?))?|(?<![\d:])[0-2]?\d:[0-5]\d(?:\s?(?:to|–|-|至|到)\s?[0-2]?\d:[0-5]\d)?",
    ),
    (DATE, rf"(?:每[天日])?{_CLOCK_ZH}(?:\s?[至到–-]\s?{_CLOCK_ZH})?"),
    (
        DURATION,
        rf"\b(?:{_NUMBER}|{_WORDS})(?:\s?(?:to|–|-|or)\s?(?:{_NUMBER}|{_WORDS}))?[\s-]+(?:full\s|consecutive\s)?(?:(?:business|banking|calendar|working)\s)?{_UNIT}\b",
    ),
    (
        DURATION,
        r"(?:\d+|[一二三四五六七八九十两]+)(?:\s?[至到–-]\s?\d+)?\s?(?:个工作日|个自然日|个营业日|工作日|个月|小时|分钟|秒|天|周|年|日)(?![期内利息常均]*[元])",
    ),
    (
        COUNT,
        rf"(?<![\w.$€£¥￥,-])(?:{_NUMBER}(?:\s?(?:次|笔|张|份|个|家|名|人|台|项|岁))?|{_WORDS}(?=\s(?!of\b|or\b|another\b)[a-z])|[Uu]nlimited\b|不限(?:次)?|无限(?:次)?)(?![\w%％]|[.,:/-]\d|-[A-Z])",
    ),
)
_VALUES = tuple((kind, re.compile(pattern)) for kind, pattern in _PATTERNS)

TICKS = frozenset({"✓", "✔", "✔️", "☑", "√", "●", "yes", "y", "是", "有", "included", "包含", "支持"})
CROSSES = frozenset({"✗", "✘", "×", "☒", "no", "否", "无", "not included", "不支持", "不包含"})
BLANKS = frozenset({"", "-", "–", "—", "--", "－", "——"})
FREE = re.compile(
    r"(?:free(?: of charge)?|no (?:additional |extra )?(?:charge|fee|cost)|nil|waived|免费|免收|不收费|无)", re.I
)
UNAVAILABLE = re.compile(
    r"(?:not (?:available|applicable|offered|permitted|allowed)|unavailable|n/?a|不适用|不提供|不可用|不支持)\.?", re.I
)

_MARK = re.compile(r"\s*<sup>\s*(?:<b>|\*\*)?\s*([\d,\s]{1,8}|[*†‡§a-e]{1,2})\s*(?:</b>|\*\*)?\s*</sup>")
_SYMBOL_SUP = re.compile(r"\s?(?:\*\*)?<sup>[^<]*</sup>(?:\*\*)?")
_ORDINAL_SUP = re.compile(r"(?<=\d)<sup>\s*(st|nd|rd|th)\s*</sup>")
_TAG = re.compile(r"</?(?:b|i|u|em|strong|span|sub|mark)>", re.I)
_EMPHASIS = re.compile(
    r"\*\*|__|(?<![\w*])\*(?=\S)|(?<=\S)\*(?![\w*])|(?<![A-Za-z0-9])_(?=\S)|(?<=\S)_(?![A-Za-z0-9])|`|~~"
)
_GLUED = re.compile(r"(?<=[a-z,;)])_([A-Z][A-Za-z ]*)_(?=[\w ])|(?<=[a-z,;)])\*\*(?=[A-Za-z])")
"""Emphasis that layout analysis glues to its neighbours: `number of_Interac_e-Transfers`, `offers**basic banking**`."""
_CHECKBOX = re.compile(r"^\s*\[[ xX]\]\s+")
_SUPERSCRIPT = re.compile(r"[¹²³⁰⁴-⁹]+(?:[,⸴][¹²³⁰⁴-⁹]+)*")
_LINK = re.compile(r"!?\[([^\]]*)\]\((?:[^()\s]|\([^()]*\))*\)")
_SYMBOLS = re.compile(r"[®™†‡]+[*#]*")


@dataclass(frozen=True)
class Value:
    """A typed value inside a text: `start` and `end` are offsets in that text."""

    kind: str
    text: str
    start: int
    end: int


def clean(text: str) -> str:
    """The text as a reader sees it: no emphasis, line breaks, footnote marks, trade marks or links."""
    text = _LINK.sub(r"\1", _ORDINAL_SUP.sub(r"\1", text))
    text = _SUPERSCRIPT.sub("", _CHECKBOX.sub("", text))
    text = _SYMBOL_SUP.sub(" ", re.sub(r"<br\s*/?>", " ", text, flags=re.I))
    text = _GLUED.sub(lambda match: f" {match.group(1) or ''} ".replace("  ", " "), _TAG.sub("", text))
    text = _EMPHASIS.sub("", text).replace(r"\|", "|")
    text = re.sub(r"\s+", " ", _SYMBOLS.sub(" ", text)).strip()
    return re.sub(r"\s+([.,;:!?。，；：！？])", r"\1", text)


def footnote_marks(text: str) -> tuple[str, ...]:
    """The footnote marks that stand in a text as `<sup>5</sup>`, `<sup>5, 6</sup>` or `⁵`, in order."""
    raised = _SUPERSCRIPT.sub(lambda match: f"<sup>{unicodedata.normalize('NFKC', match.group(0))}</sup>", text)
    found = (mark.strip() for match in _MARK.finditer(raised) for mark in match.group(1).split(","))
    return tuple(dict.fromkeys(mark for mark in found if mark))


def values(text: str) -> tuple[Value, ...]:
    """The typed values of a cleaned text, left to right; where two kinds overlap the more specific one wins."""
    taken: list[Value] = []
    for kind, pattern in _VALUES:
        for match in pattern.finditer(text):
            if all(match.end() <= other.start or match.start() >= other.end for other in taken):
                taken.append(Value(kind, match.group(0).strip(), match.start(), match.end()))
    return tuple(sorted(taken, key=lambda value: value.start))


def value_type(text: str) -> str:
    """The kind of a whole short text such as a table cell; `text` unless a value is most of it."""
    bare = text.strip().casefold()
    if bare in TICKS or bare in CROSSES:
        return TICK
    if FREE.fullmatch(bare):
        return AMOUNT
    found = values(text)
    if found and len(text) <= 60:  # longer cells are prose that happens to hold a number
        first = found[0]
        if (first.start <= 8 and len(text) <= 32) or (first.end - first.start) * 2 >= len(text):
            return first.kind
    return TEXT


def is_value(text: str) -> bool:
    """Whether a cell's text is a value (number, tick, `Free`, `Not available`, a dash) rather than a label."""
    bare = text.strip()
    return bare in BLANKS or bool(UNAVAILABLE.fullmatch(bare)) or (value_type(bare) != TEXT and len(bare) <= 40)


def number_of(text: str) -> str:
    """Digits of a number without thousands separators and trailing zero cents: `$1,500.00` gives `1500`."""
    digits = text.replace(",", "").strip()
    match = re.search(r"\d+(?:\.\d+)?", digits)
    if not match:
        return ""
    whole, _, cents = match.group(0).partition(".")
    return whole + ("." + cents.rstrip("0") if cents.strip("0") else "")
