"""Markdown tables spelled out: every filled cell with its row label, the groups above it and its column header.

Tolerates what layout analysis does to tables: headers over several rows, labels broken over several rows, section
rows inside a table, two tables side by side in one grid, and lists inside cells.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from resources.llm.embedded.table_grid import (
    BREAK,
    Cell,
    label_and_value,
    read_grid,
    side_by_side,
    split_headers,
    tick_mark,
)
from resources.llm.embedded.table_rows import BULLET, Row, grouped, repaired
from resources.llm.embedded.values import BLANKS, clean, footnote_marks, is_value, values

_STACKED = re.compile(r"[$€£¥]\s?[\d.,]+\s+[$€£¥]\s?\d|\d\s?%\s+\d[\d.]*\s?%|^[b-z]\s", re.I)
_LONGEST_ROW_QUOTE = 700


@dataclass(frozen=True)
class Entry:
    """A cell spelled out. `start` and `end` bound its quote; `value` is `✓`/`✗` for ticks and their absence."""

    group: str
    row: str
    column: str
    value: str
    marks: tuple[str, ...]
    start: int
    end: int
    listed: bool = False


def read_table(text: str, start: int, end: int) -> list[Entry]:
    """The entries of the table that stands at `text[start:end]`, in reading order."""
    grid, lines, rule = read_grid(text, start, end)
    if not grid:
        return []
    headers, body = split_headers(grid, rule)
    entries: list[Entry] = []
    columns = list(range(len(grid[0])))
    for part in side_by_side(headers, body, columns):
        entries += _read_part(text, headers, body, lines[len(grid) - len(body) :], part)
    return entries


def _read_part(
    text: str, headers: Sequence[str], body: list[list[Cell]], lines: list[tuple[int, int]], part: list[int]
) -> list[Entry]:
    rows = []
    for cells, (start, end) in zip(body, lines, strict=True):
        label, rest = cells[part[0]], [cells[c] for c in part[1:]]
        pair = label_and_value(label) if not any(cell.text for cell in rest) else None
        if pair:
            value = Cell(pair[1], label.start)
            rows.append(Row((pair[0],), (value, *rest[1:]), start, end))
        elif label.text or any(cell.text for cell in rest):
            rows.append(Row(tuple(p for p in BREAK.split(label.raw) if p.strip()), tuple(rest), start, end))
    names = [headers[c] for c in part[1:]] or [headers[part[0]]]
    ticked = [_column_ticked(rows, index) for index in range(len(names))]
    return [entry for row, group in grouped(repaired(rows)) for entry in _entries(text, row, group, names, ticked)]


def _entries(text: str, row: Row, group: str, names: Sequence[str], columns: list[bool]) -> list[Entry]:
    entries: list[Entry] = []
    quote = (row.start, row.end) if row.end - row.start <= _LONGEST_ROW_QUOTE else None
    ticked = _ticked(row.cells)
    for index, cell in enumerate(row.cells):
        bounds = quote or _bounds(cell)
        marks = tuple(dict.fromkeys((*footnote_marks(row.raw), *footnote_marks(cell.raw))))
        base = Entry(group, row.name, names[index], "", marks, *bounds)
        if tick_mark(cell.text) or (cell.text in BLANKS and (ticked or columns[index])):
            entries.append(replace(base, value=tick_mark(cell.text) or "✗"))
        elif len(_lists(cell)) > 1:
            for start, end in _lists(cell):
                item = clean(BULLET.sub("", text[start:end]))
                marks = footnote_marks(text[start:end])
                entries.append(replace(base, value=item, marks=marks, start=start, end=end, listed=True))
        elif cell.text and cell.text not in BLANKS:
            entries += _aligned(base, row, cell, [c.text for c in row.cells[:index]])
    return entries


def _aligned(base: Entry, row: Row, cell: Cell, left: list[str]) -> list[Entry]:
    """The entries of one cell: one, or one per line where label and cell hold equally many lines of values."""
    stacked = [part for part in cell.segments if is_value(part)]
    if len(stacked) > 1:
        labels = [clean(part) for part in row.label]
        if len(stacked) != len(cell.segments) or len(labels) != len(stacked):
            return []  # which value belongs to which line is lost: no answer is better than a wrong one
        return [replace(base, row=label, value=value) for label, value in zip(labels, stacked, strict=True)]
    if _STACKED.search(cell.text):
        return []
    if len(cell.segments) > 1 and len(row.label) > 1 and any(map(_starts_with_value, cell.segments[1:])):
        return []
    if not re.match(r"[\w$€£¥￥<>+•(“\"'‘-]", cell.text):
        return []
    qualifiers = [word for word in left if word and not is_value(word) and len(word) <= 60]
    label = ", ".join([row.name, *qualifiers]) if is_value(cell.text) else row.name
    return [replace(base, row=label, value=clean(BULLET.sub("", cell.text)))]


def _starts_with_value(text: str) -> bool:
    found = values(text)
    return bool(found) and found[0].start == 0 and found[0].end * 2 >= len(text)


def _ticked(cells: Sequence[Cell]) -> bool:
    """Whether ticks are all that a row or column holds, so that an empty cell in it means no."""
    texts = [cell.text for cell in cells if cell.text not in BLANKS]
    return any(tick_mark(text) == "✓" for text in texts) and all(map(tick_mark, texts))


def _column_ticked(rows: list[Row], index: int) -> bool:
    return (
        _ticked([row.cells[index] for row in rows if index < len(row.cells) and row.filled]) if len(rows) > 1 else False
    )


def _bounds(cell: Cell) -> tuple[int, int]:
    lead = len(cell.raw) - len(cell.raw.lstrip())
    return cell.start + lead, cell.start + len(cell.raw.rstrip())


def _lists(cell: Cell) -> list[tuple[int, int]]:
    """The bounds of the bulleted items inside a cell."""
    starts = [match.start(1) for match in re.finditer(r"(?:^|<br>|\s)\s*([•▪◦]\s*\S)", cell.raw)]
    if len(starts) < 2:
        return []
    ends = [*starts[1:], len(cell.raw)]
    bounds = []
    for start, end in zip(starts, ends, strict=True):
        piece = re.sub(r"(?:<br>|\s)+$", "", cell.raw[start:end])
        bounds.append((cell.start + start, cell.start + start + len(piece)))
    return bounds
