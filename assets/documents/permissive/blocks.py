"""Regions as blocks of markdown: headings, paragraphs, list items, notes and tables, each with its rectangle."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from assets.documents.markdown import box_markdown, heading_level, inline, outline_key
from assets.documents.permissive.glyphs import Rectangle, around
from assets.documents.permissive.lines import Piece, body_size
from assets.documents.permissive.regions import Region, rows_of
from assets.documents.symbols import CROSS, TICK
from assets.documents.tables import repair_table

_BULLET = re.compile(r"[•●▪■◦‣·–]\s*(?=\S)")
_NUMBERED = re.compile(r"(?:\d{1,2}[.)]|[a-z]\))\s+(?=\S)")
_LONGEST_HEADING = 120
_LARGER, _MUCH_LARGER = 1.12, 1.4
_LEADING = 1.5
"""Line distance in sizes of the print above which a new paragraph begins."""

_LOOSER = 1.15
"""How much larger than the usual distance in a region the one before a new paragraph is."""

_KEPT_HYPHENS = frozenset(
    "self non e pre post co re anti multi semi long short high low well one two three half full part all year month day".split()
)


@dataclass(frozen=True)
class Block:
    """A part of a page as markdown, the rectangle it comes from, and its kind: text, item, note, heading, table."""

    text: str
    box: Rectangle
    kind: str = "text"


@dataclass(frozen=True)
class _Line:
    """The pieces of one row of a region, as one."""

    text: str
    box: Rectangle
    base: float
    size: float
    bold: bool


@dataclass
class _Cells:
    """A row of a table: the text of each cell, the baseline, the size of its print."""

    texts: list[str]
    base: float
    size: float
    bold: bool

    def add(self, row: "_Cells") -> None:
        self.texts = [f"{above} {below}".strip() for above, below in zip(self.texts, row.texts, strict=True)]
        self.base = max(self.base, row.base) if row.texts[0] else self.base

    def precede(self, row: "_Cells") -> None:
        self.texts = [f"{above} {below}".strip() for above, below in zip(row.texts, self.texts, strict=True)]


def blocks_of(regions: Sequence[Region], outline: dict[str, int], page_text: str) -> list[Block]:
    """The blocks of the regions, in their order. `page_text` tells how words are spelled that a line end divides."""
    body = body_size([piece for region in regions for piece in region.pieces])
    words = Counter(re.findall(r"[\w-]+", page_text.casefold()))
    blocks: list[Block] = []
    for region in regions:
        blocks += _tables(region) if region.columns else _texts(region, body, outline, words)
    return [block for block in blocks if block.text]


def _tables(region: Region) -> list[Block]:
    """The region as one table. Its first row is the header unless that holds values: then the header is empty."""
    rows: list[_Cells] = []
    for row in rows_of(region.pieces):
        cells = [[] for _ in region.columns]
        for piece in row:
            cells[_column(piece, region.columns)].append(piece.text)
        texts = [inline(" ".join(cell), " ".join(cell)) for cell in cells]
        rows.append(_Cells(texts, row[0].base, max(piece.size for piece in row), all(piece.bold for piece in row)))
    table = [row.texts for row in _merged(rows)]
    if not rows[0].bold and any(_holds_value(cell) for cell in table[0][1:]):
        table.insert(0, [" "] + [""] * (len(region.columns) - 1))  # its header stands elsewhere, or it has none
    box = around(piece.box for piece in region.pieces)
    return [Block(text, box, "table") for text in repair_table(table)]


def _merged(rows: Sequence[_Cells]) -> list[_Cells]:
    """The rows with values that run over two lines, and stand between the lines of their label, put together."""
    merged: list[_Cells] = []
    for index, row in enumerate(rows):
        above = merged[-1] if merged else None
        below = next((one for one in rows[index + 1 :] if one.texts[0]), None)
        to_above = row.base - above.base if above else 1e6
        to_below = below.base - row.base if below else 1e6
        if (
            (above and len(merged) == 1 and to_above < 1.35 * row.size and _is_header(above) and _is_header(row))
            or (above and to_above < 1.35 * row.size and _ends_label(above, row))
            or (above and not row.texts[0] and to_above <= min(to_below, 0.8 * row.size))
        ):
            above.add(row)
        elif below and not row.texts[0] and to_below < 0.8 * row.size:
            below.precede(row)
        else:
            merged.append(row)
    return merged


def _ends_label(above: _Cells, row: _Cells) -> bool:
    """Whether a row is only the end of the label above."""
    return any(above.texts[1:]) and not any(row.texts[1:]) and row.texts[0][:1].islower()


def _is_header(row: _Cells) -> bool:
    names = sum(map(bool, row.texts)) > 1 or not row.texts[0]
    return names and (row.bold or not any(map(_holds_value, row.texts)))


def _holds_value(cell: str) -> bool:
    return bool(re.search(rf"\d|[{TICK}{CROSS}]", re.sub(r"<sup>.*?</sup>", "", cell)))


def _column(piece: Piece, frames: Sequence[Rectangle]) -> int:
    return min(range(len(frames)), key=lambda column: _distance(piece.middle, frames[column]))


def _distance(x: float, frame: Rectangle) -> float:
    return max(frame[0] - x, x - frame[2], 0.0)


def _texts(region: Region, body: float, outline: dict[str, int], words: Counter[str]) -> Iterator[Block]:
    lines = [_line(row) for row in rows_of(region.pieces)]
    usual = _usual_leading(lines)
    block: list[_Line] = []
    for line in lines:
        if block and (line.base - block[-1].base > usual or _starts(block, line, body, outline)):
            yield _block(block, body, outline, words)
            block = []
        block.append(line)
    if block:
        yield _block(block, body, outline, words)


def _usual_leading(lines: Sequence[_Line]) -> float:
    """The distance of lines up to which a paragraph goes on."""
    gaps = [
        below.base - above.base
        for above, below in pairwise(lines)
        if abs(above.size - below.size) < 0.08 * above.size and below.base - above.base < _LEADING * above.size + 1
    ]
    return _LOOSER * sorted(gaps)[len(gaps) // 4] + 0.5 if gaps else 1e6


def _line(row: Sequence[Piece]) -> _Line:
    text = " ".join(piece.text for piece in row)
    size = max(row, key=lambda piece: len(piece.text)).size
    bold = all(piece.bold for piece in row)
    return _Line(text, around(piece.box for piece in row), row[0].base, size, bold)


def _starts(block: Sequence[_Line], line: _Line, body: float, outline: dict[str, int]) -> bool:
    """Whether a line begins a block of its own."""
    last = block[-1]
    size = max(last.size, line.size)
    named = outline_key(" ".join(one.text for one in block)) in outline
    if _kind(line.text) != "text" or named or outline_key(line.text) in outline:
        return True
    if abs(last.size - line.size) > 0.08 * size or line.base - last.base > _LEADING * size + 1:
        return True
    if last.bold != line.bold:
        return _headed(block, body, outline) or _headed([line], body, outline)
    indented = line.box[0] - last.box[0] > 0.9 * size and _kind(block[0].text) == "text"
    return indented and bool(re.search(r"[.!?:。！？：]$", last.text))


def _block(lines: Sequence[_Line], body: float, outline: dict[str, int], words: Counter[str]) -> Block:
    text = _joined([line.text for line in lines], words)
    box = around(line.box for line in lines)
    kind = _kind(text)
    if _headed(lines, body, outline):
        level = heading_level(lines[0].size, text, outline)
        return Block(f"{'#' * level} {inline(text, text)}", box, "heading")
    if kind == "item":
        text = inline(text, text)
        return Block("- " + _BULLET.sub("", text, count=1) if _BULLET.match(text) else text, box, "item")
    return Block(box_markdown("text", text, _unstyled(text), 0, kind == "note"), box, kind)


def _unstyled(text: str) -> str:
    """The text as printed, without the asterisks that mark a bold number as the beginning of a note."""
    return re.sub(r"\*\*(\d{1,2})\*\*", r"\1", text)


def _headed(lines: Sequence[_Line], body: float, outline: dict[str, int]) -> bool:
    """Whether lines are a heading: named by the outline, larger than the body, or bold and without a full stop."""
    text = " ".join(line.text for line in lines)
    if len(text) > _LONGEST_HEADING or not re.search(r"[^\W\d_]", text) or len(lines) > 3:
        return False
    if outline_key(text) in outline:
        return True
    if _kind(text) != "text":
        return False
    size = lines[0].size
    ends = bool(re.search(r"[.,;:。；，]$", text))
    return size >= (_MUCH_LARGER if ends else _LARGER) * body or (
        all(line.bold for line in lines) and size >= 0.98 * body and not ends
    )


def _kind(text: str) -> str:
    if text.startswith("<sup>"):
        return "note"
    return "item" if _BULLET.match(text) or _NUMBERED.match(text) else "text"


def _joined(lines: Sequence[str], words: Counter[str]) -> str:
    text = lines[0]
    for line in lines[1:]:
        divided = re.search(r"(?<![\w-])([^\W\d_]+)-$", text)
        rest = re.match(r"[^\W\d_]+", line)
        if divided and rest and rest[0][0].islower():
            text = (text if _keeps_hyphen(divided[1], rest[0], words) else text[:-1]) + line
        elif re.search(r"\w-\w+-$", text) and rest:
            text += line
        else:
            text += " " + line
    return text


def _keeps_hyphen(first: str, second: str, words: Counter[str]) -> bool:
    """Whether a hyphen at a line end belongs to the word: as the page spells it elsewhere, else by its first part."""
    first, second = first.casefold(), second.casefold()
    if words[first + second]:
        return False
    return bool(words[f"{first}-{second}"]) or first in _KEPT_HYPHENS
