"""Markdown taken apart with offsets: headings, paragraphs, list items, tables, footnotes, sentences."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from resources.llm.embedded.table_grid import is_table_line

HEADING, PARAGRAPH, ITEM, TABLE, NOTE = "heading", "paragraph", "item", "table", "note"

_HEADING = re.compile(r"^(#{1,6})\s+(.*?)\s*#*$")
_ITEM = re.compile(r"^(\s*(?:[-*+•▪◦–]|\d{1,2}[.)、]|[(（]\d{1,2}[)）]|[①-⑳])\s+)(?=\S)")
_FURNITURE = re.compile(r"^\W*(?:\d{1,4}|page \d+(?: of \d+)?)\W*$", re.I)
_PICTURE = re.compile(r"^\s*(?:!\[[^\]]*\]\([^)]*\)|<!--.*-->|-{3,}|\*{3,})\s*$")
_NOTE = re.compile(
    r"(?:^|(?<=\s))(?:\*\*\s?(\d{1,2}|[*†‡])\s?\*\*|(?:\*\*)?<sup>\s*(?:\*\*)?(\d{1,2}|[*†‡])(?:\*\*)?\s*</sup>(?:\*\*)?)\s*(?=\S)"
)
_RAISED_NOTE = re.compile(r"^([¹²³⁰⁴-⁹]+)\s*(?=\S)(.+)$", re.M)
_PLAIN_NOTE = re.compile(r"^(\d{1,2}|[*†‡])\s+(?=[A-Z“\"\u3400-\u9fff])")
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|etc|vs|No|Nos|St|Mr|Mrs|Ms|Dr|Inc|Ltd|Corp|Co|U\.S|U\.K|a\.m|p\.m|approx|incl|max|min|Art|Sec|Fig|[A-Z]))\.$"
)
_CONTENTS = re.compile(r"(?:…|\.{3,200}|(?:\s\.){3,200})\s{0,9}(?:\d{1,3}\b|[A-Z])")
_STOP = re.compile(r"[.!?]+[\"”’')\]*_]*(?:<sup>[^<]*</sup>)*(?=\s|$)|[。！？；]+[”’」』）]*(?:<sup>[^<]*</sup>)*")


@dataclass(frozen=True)
class Block:
    """A piece of markdown; `mark` is a footnote's mark, `level` a heading's; a numbered item has level 1, others 0."""

    kind: str
    start: int
    end: int
    level: int = 0
    mark: str = ""


def context_end(document: str) -> int:
    """Where the chunk begins in a document shown to a model: after its context line, or 0 if it has none."""
    first, gap, _ = document.partition("\n\n")
    plain = gap and "\n" not in first and len(first) <= 300 and not re.match(r"\s*(?:[#|>*<\-•_]|\d+[.)]\s)", first)
    return len(first) + 2 if plain and (" > " in first or not re.search(r"[.!?:;,。！？：；]\s*$", first)) else 0


def blocks(text: str, start: int = 0) -> list[Block]:
    """The blocks of `text[start:]` in reading order; page numbers and pictures are left out, and tables of contents with them."""
    found: list[Block] = []
    for kind, begin, end, level in _raw_blocks(text, start):
        if kind in (PARAGRAPH, ITEM) and len(_CONTENTS.findall(text[begin:end])) > (kind == PARAGRAPH):
            continue
        if kind == PARAGRAPH:
            found += _paragraph(text, begin, end)
        else:
            found.append(Block(kind, begin, end, level))
    return found


def _raw_blocks(text: str, start: int) -> Iterator[tuple[str, int, int, int]]:
    open_kind, begin, end, level, position = "", 0, 0, 0, start
    for line in text[start:].splitlines(keepends=True):
        body, at = line.strip(), position
        position += len(line)
        heading, item = _HEADING.match(body), _ITEM.match(body)
        kind = TABLE if is_table_line(line) else ITEM if item else HEADING if heading else PARAGRAPH
        if not body or _PICTURE.match(body) or _FURNITURE.match(body):
            kind = ""
        lead = at + len(line) - len(line.lstrip())
        if item and kind == ITEM:
            lead += item.end()
        if kind == PARAGRAPH and body.startswith(">"):
            lead += len(body) - len(body.lstrip("> "))
        continues = kind == open_kind == TABLE or (kind == PARAGRAPH and open_kind in (PARAGRAPH, ITEM))
        if continues:
            end = at + len(line.rstrip())
            continue
        if open_kind:
            yield open_kind, begin, end, level
        open_kind, level = "", int(bool(item) and any(map(str.isdigit, item.group(1))))
        if kind == HEADING and heading:
            yield HEADING, lead + heading.start(2), lead + heading.end(2), len(heading.group(1))
        elif kind:
            open_kind, begin, end = kind, lead, at + len(line.rstrip())
    if open_kind:
        yield open_kind, begin, end, level


def _paragraph(text: str, start: int, end: int) -> list[Block]:
    """A paragraph, or the footnotes that it is made of, each its own block."""
    body = text[start:end]
    if raised := list(_RAISED_NOTE.finditer(body)):
        head = [Block(PARAGRAPH, start, start + raised[0].start())] if body[: raised[0].start()].strip() else []
        marks = [unicodedata.normalize("NFKC", note.group(1)) for note in raised]
        notes = zip(raised, marks, strict=True)
        return head + [Block(NOTE, start + n.start(2), start + n.end(2), 0, mark) for n, mark in notes]
    plain = _PLAIN_NOTE.match(body)
    if plain and f"<sup>{plain.group(1)}</sup>" in text:
        notes = []
        for match in re.finditer(r"^(\d{1,2}|[*†‡])[ \t]+(.+)$", body, re.M):
            notes.append(Block(NOTE, start + match.start(2), start + match.end(2), 0, match.group(1)))
        return notes
    marks = list(_NOTE.finditer(body))
    numbered = [m for m in marks if (m.group(1) or m.group(2)) == "1" or m.start() == 0]
    if not marks or not numbered:
        return [Block(PARAGRAPH, start, end)]
    found = [Block(PARAGRAPH, start, start + marks[0].start())] if body[: marks[0].start()].strip() else []
    ends = [*(mark.start() for mark in marks[1:]), len(body)]
    for mark, stop in zip(marks, ends, strict=True):
        piece = body[mark.end() : stop].rstrip()
        found.append(
            Block(NOTE, start + mark.end(), start + mark.end() + len(piece), 0, mark.group(1) or mark.group(2))
        )
    return found


def sentences(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """The bounds of the sentences of `text[start:end]`, trimmed; abbreviations and decimals do not end one."""
    bounds, begin = [], start
    for stop in _STOP.finditer(text, start, end):
        head = text[begin : stop.end()].rstrip("\"”’')]*_ ")
        following = text[stop.end() : stop.end() + 3].strip()[:1]
        if _ABBREVIATION.search(head) and not (following.isupper() and head.endswith(("etc.", "m."))):
            continue
        if following.islower():
            continue
        bounds.append((begin, stop.end()))
        begin = stop.end()
    bounds.append((begin, end))
    return [trimmed for pair in bounds if (trimmed := _trim(text, *pair))]


def _trim(text: str, start: int, end: int) -> tuple[int, int] | None:
    piece = text[start:end]
    start += len(piece) - len(piece.lstrip())
    end = start + len(piece.strip())
    return (start, end) if end > start else None
