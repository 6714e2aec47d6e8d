"""One layout box as clean markdown: plain words, footnote marks in `<sup>`, nothing that only styles the text.

Emphasis is dropped so that a quote is the words a reader sees. `raw` is always the page's plain text: it decides
whether a marker is styling or was printed on the page, and whether two styled runs belong to one word.
"""

import re
import unicodedata
from itertools import pairwise

from assets.documents.symbols import plain_marks
from assets.documents.tables import plain_lines, repair_table

_INVISIBLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_SPACES = re.compile(r"[ \t\u00a0\u2000-\u200a\u202f\u3000]+")
_LIGATURES = {code: unicodedata.normalize("NFKC", chr(code)) for code in range(0xFB00, 0xFB07)}
_BREAK = re.compile(r"\s*<br\s*/?>\s*")
_NOTE = re.compile(r"(?:^|(?<=\s))\*\*(\d{1,2})\*\*\s+(?=\S)")
_LEADERS = re.compile(r"(?:\s?\.\s?){5,}")
_DIVIDED = re.compile(r"(\w+-) (?!and\b|or\b|to\b)([a-z]\w*)")
_WIDE = "\u3001-\u303f\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uff01-\uff0f\uff1a-\uff1f"
_WIDE_MARKS = "\u3001\u3002\u3008-\u3011\uff01\uff08\uff09\uff0c\uff1a\uff1b\uff1f"
_WIDE_GAP = re.compile(  # Chinese has no spaces: those between its characters are line ends of the PDF
    f"(?<=[{_WIDE}“”‘’]) +(?=[{_WIDE}])|(?<=[{_WIDE}]) +(?=[“”‘’])|(?<=[{_WIDE_MARKS}]) +| +(?=[{_WIDE_MARKS}])"
)
_HEADINGS = ("title", "section-header")
_SIZES = ((22.0, 1), (17.0, 2), (14.0, 3), (12.0, 4), (10.0, 5))


def box_markdown(kind: str, text: str, raw: str, level: int, is_note: bool = False) -> str:
    """The markdown of a layout box of that class, without blank lines around it; empty if it says nothing.

    `is_note`: the box begins with a raised number, so it is a footnote whatever its class.
    """
    if kind == "table":
        return _table(text, raw)
    if kind == "picture":
        text = re.sub(r"<!--.*?-->", "", text)
        lines = plain_lines(_BREAK.sub("\n", text))
        return "\n".join(_guard(line) for line in _lines(inline(lines, raw)))
    text = _BREAK.sub("\n", text)
    if kind in _HEADINGS:
        words = " ".join(_lines(inline(re.sub(r"^#+\s+", "", text.strip(), flags=re.MULTILINE), raw)))
        return f"{'#' * level} {words}" if words else ""
    if text.lstrip().startswith("```"):
        return _INVISIBLE.sub("", text).strip("\n ")
    text = re.sub(r"^\s*>\s?", "", text, flags=re.MULTILINE)
    is_note = is_note or kind == "footnote"
    text = _notes_on_lines(inline(_mark_notes(text, is_note), raw), is_note)
    if kind == "list-item":
        text = re.sub(r"^(\s*)- [•▪●■◦‣·]\s*", r"\1- ", text, flags=re.MULTILINE)
        return "\n".join(line.rstrip() for line in text.split("\n") if line.strip()).strip("\n")
    return "\n".join(_guard(line) for line in _lines(text))


def heading_level(size: float, title: str, outline: dict[str, int]) -> int:
    """1 to 6, from the document's own outline where it names the heading on this page, else from its font size.

    Both are facts of this page alone (the size bands are absolute, in points), so a new title elsewhere in the
    document never changes the markdown of this page.
    """
    named = outline.get(outline_key(title))
    if named:
        return min(named, 6)
    return next((level for smallest, level in _SIZES if size >= smallest), 6)


def outline_key(title: str) -> str:
    """A heading reduced to what an outline entry and the printed title have in common."""
    return "".join(re.findall(r"\w", re.sub(r"<[^>]*>\d*", "", title).casefold()))


def inline(text: str, raw: str) -> str:
    """Text without styling, control characters, ligatures and odd spaces; footnote marks as `<sup>5</sup>`."""
    text = plain_marks(_INVISIBLE.sub("", text).translate(_LIGATURES))
    text = re.sub(r"</?(?:u|mark)>", "", text)
    for marker in ("**", "~~", "`", "_"):
        text = _without(marker, text, raw)
    text = re.sub(r"<sup>(.*?)</sup>", _superscript, text)
    text = re.sub(r"</sup> ?<sup>", ",", text)
    text = re.sub(r"</sup> ([.,;:)])", r"</sup>\1", text)
    text = _LEADERS.sub(" … ", text)
    text = _DIVIDED.sub(lambda match: _hyphenated(match, raw), text)
    text = _WIDE_GAP.sub("", text)
    return re.sub(r"(?<=\S)[ \t]{2,}", " ", _SPACES.sub(" ", text) if "\n" not in text else text)


def _without(marker: str, text: str, raw: str) -> str:
    """The text without pairs of this marker, apart from those printed on the page."""
    pattern = re.compile(f"{re.escape(marker)}(?=\\S)(.+?)(?<=\\S){re.escape(marker)}", re.DOTALL)
    position = 0
    while match := pattern.search(text, position):
        left, right = text[: match.start()], text[match.end() :]
        if match[0] in raw or (marker == "_" and not _styled(left, match[1], right, raw)):
            position = match.start() + len(marker)
            continue
        head = left + _gap(left, match[1], raw)
        text = head + match[1] + _gap(match[1], right, raw) + _closed_up(match[1], right, raw)
        position = len(head)
    return text


def _styled(left: str, inner: str, right: str, raw: str) -> bool:
    """Whether `_inner_` is styling: the underscores of `snake_case` are in the page's own text."""
    return not (re.search(r"\w$", left) and f"{left[-1]}_{inner[:4]}" in raw) and not (
        re.match(r"\w", right) and f"{inner[-4:]}_{right[0]}" in raw
    )


def _gap(left: str, right: str, raw: str) -> str:
    """The space that styled runs lost between them; none inside a word that is styled in part."""
    before, after = re.search(r"\w+$", left), re.match(r"\w+", right)
    if not before or not after:
        return ""
    return "" if before[0][-12:] + after[0][:12] in raw else " "


def _closed_up(inner: str, right: str, raw: str) -> str:
    """What follows a styled run, without the space that the converter puts before a full stop or comma."""
    sign = re.match(r" +([.,;:!?)])", right)
    return right.lstrip(" ") if sign and inner[-8:] + sign[1] in raw else right


def _hyphenated(match: re.Match[str], raw: str) -> str:
    """A word that the page divides after its hyphen, in one piece."""
    return match[1] + match[2] if re.search(re.escape(match[1]) + r"\s*\n\s*" + re.escape(match[2]), raw) else match[0]


def _superscript(match: re.Match[str]) -> str:
    """Footnote marks stay marks; registered signs and ordinals (`3rd`) become plain text."""
    inner = match[1].strip()
    space = " " if match[1].endswith(" ") else ""
    mark = re.search(r"[(\[]?\d.*$", inner)
    if mark:
        return f"{inner[: mark.start()].rstrip(',')}<sup>{mark[0].replace(' ', '').rstrip(',')}</sup>{space}"
    if len(inner) == 1 and inner.isalpha() and inner.islower():
        return f"<sup>{inner}</sup>{space}"
    return inner + space


def _mark_notes(text: str, footnote: bool) -> str:
    """Bold numbers that count up at the start of sentences, as `<sup>` marks: `**1** Subject to ...`."""
    numbers = [int(number) for number in _NOTE.findall(text)]
    counts_up = bool(numbers) and all(b == a + 1 for a, b in pairwise(numbers))
    if counts_up and (footnote or len(numbers) > 1 or _NOTE.match(text)):
        return _NOTE.sub(r"<sup>\1</sup> ", text)
    return re.sub(r"^\s*(\d{1,2})[ .)]+(?=\S)", r"<sup>\1</sup> ", text) if footnote else text


def _notes_on_lines(text: str, footnote: bool) -> str:
    """Every note of a block of notes on a line of its own."""
    notes = re.findall(r"<sup>\d{1,2}</sup> \S", text)
    if not (footnote or text.startswith("<sup>") or len(notes) > 1):
        return text
    return re.sub(r"(?<=[.;:。；)*])\s*(?=<sup>\d{1,2}</sup> ?[A-Z(“\"$\u4e00-\u9fff])", "\n", text)


def _table(text: str, raw: str) -> str:
    rows = [[_cell(cell, raw) for cell in re.split(r"(?<!\\)\|", line.strip()[1:-1])] for line in _table_lines(text)]
    return "\n\n".join(repair_table(rows))


def _cell(text: str, raw: str) -> str:
    """A cell on one line. A word broken after its hyphen is joined, other line breaks are spaces."""
    text = re.sub(r"(?<=[^\W\d_]-)\s*<br\s*/?>\s*(?=[a-z])", "", text.replace("\\|", "|"))
    return " ".join(inline(_BREAK.sub(" ", text), raw).split())


def _table_lines(text: str) -> list[str]:
    return [
        line
        for line in text.split("\n")
        if line.strip().startswith("|") and not re.fullmatch(r"\|(?:\s*:?-{3,}:?\s*\|)+", line.strip())
    ]


def _lines(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.split("\n") if line.strip()]


def _guard(line: str) -> str:
    """A line of prose that markdown would read as a heading or a table row, escaped."""
    return f"\\{line}" if re.match(r"#{1,6} |\|", line) else line
