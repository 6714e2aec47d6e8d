"""Markdown tables spelled out: every filled cell with its row label, the groups above it and its column header.

Tolerates what layout analysis does to tables: headers over several rows, labels broken over several rows, section
rows inside a table, two tables side by side in one grid, and lists inside cells.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from resources.llm.embedded.values import BLANKS, CROSSES, TICKS, clean, footnote_marks, is_value, values

_RULE = re.compile(r"^\s*\|?\s*:?-{2,}:?\s*(?:\|\s*:?-{2,}:?\s*)*\|?\s*$")
_BREAK = re.compile(r"<br\s*/?>", re.I)
_BULLET = re.compile(r"^\s*(?:<br>|\*\*|\s)*[•▪◦·–-]\s*")
_HANGING = re.compile(r"(?:[,—–(&/]|\b(?:a|an|the|of|on|in|for|to|at|by|and|or|with|through|from|per|using|when|transferring))\s*$")
_LABEL_VALUE = re.compile(
    r"(?P<label>.*[^\W\d_]\W*?)\s+"
    r"(?P<value>(?:[A-Z]{0,3}[$€£¥]\s?)[\d.,]+|[\d.,]+\s?%|Free|(?:No|Nil) (?:additional )?(?:fee|charge)|[\d.,]+\s?元|免费)$",
    re.I,
)
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


@dataclass(frozen=True)
class _Cell:
    raw: str
    start: int

    @property
    def text(self) -> str:
        """The cell's text; debris such as a lone bracket is none."""
        text = clean(self.raw)
        return text if _mark(text) or text in BLANKS or any(map(str.isalnum, text)) else ""

    @property
    def segments(self) -> list[str]:
        return [part for part in (clean(piece) for piece in _BREAK.split(self.raw)) if part]


@dataclass(frozen=True)
class _Row:
    """A table row after repairs: its label as raw segments, its value cells, the lines it came from."""

    label: tuple[str, ...]
    cells: tuple[_Cell, ...]
    start: int
    end: int

    @property
    def name(self) -> str:
        return clean(_BULLET.sub("", " ".join(self.label)))

    @property
    def raw(self) -> str:
        return " ".join(self.label).strip()

    @property
    def bold(self) -> bool:
        return self.raw.startswith("**") and not _BULLET.match(self.raw)

    @property
    def bulleted(self) -> bool:
        return bool(_BULLET.match(self.raw))

    @property
    def filled(self) -> tuple[int, ...]:
        return tuple(index for index, cell in enumerate(self.cells) if cell.text)

    @property
    def fragment(self) -> bool:
        """Whether the label reads as the rest of a phrase that began in the row above."""
        return bool(self.name) and (self.name[0] in "()" or self.name[0].islower())


def is_table_line(line: str) -> bool:
    return line.lstrip().startswith("|")


def read_table(text: str, start: int, end: int) -> list[Entry]:
    """The entries of the table that stands at `text[start:end]`, in reading order."""
    grid, lines, rule = _grid(text, start, end)
    if not grid:
        return []
    headers, body = _headers(grid, rule)
    entries: list[Entry] = []
    columns = list(range(len(grid[0])))
    for part in _side_by_side(headers, body, columns):
        entries += _read_part(text, headers, body, lines[len(grid) - len(body) :], part)
    return entries


def _grid(text: str, start: int, end: int) -> tuple[list[list[_Cell]], list[tuple[int, int]], int | None]:
    """Cells of every row but the rule, padded to one width; the bounds of each line; how many rows precede the rule."""
    grid, lines, rule = [], [], None
    position = start
    for line in text[start:end].splitlines(keepends=True):
        body = line.rstrip("\r\n")
        if _RULE.match(body) and "-" in body:
            rule = len(grid) if rule is None else rule
        elif body.strip():
            grid.append(_cells(body, position))
            lines.append((position + len(body) - len(body.lstrip()), position + len(body.rstrip())))
        position += len(line)
    width = max((len(row) for row in grid), default=0)
    return [row + [_Cell("", row[-1].start)] * (width - len(row)) for row in grid], lines, rule


def _cells(line: str, position: int) -> list[_Cell]:
    parts, offset = re.split(r"(?<!\\)\|", line), 0
    cells = []
    for part in parts:
        cells.append(_Cell(part, position + offset))
        offset += len(part) + 1
    cells = cells[1:] if not parts[0].strip() else cells
    return (cells[:-1] if len(cells) > 1 and not parts[-1].strip() else cells) or [_Cell("", position)]


def _headers(grid: list[list[_Cell]], rule: int | None) -> tuple[list[str], list[list[_Cell]]]:
    """One header text per column and the body rows; header rows that continue below the rule are joined."""
    count = max(rule or 1, 1)
    if any(_holds_value(cell.text) for row in grid[:count] for cell in row[1:]):
        return [""] * len(grid[0]), grid  # cut out of a larger table: its first row is no header
    while count < len(grid) - 1 and _continues_header(grid, count):
        count += 1
    columns = range(len(grid[0]))
    return [" ".join(dict.fromkeys(t for row in grid[:count] if (t := row[c].text))) for c in columns], grid[count:]


def _holds_value(text: str) -> bool:
    return bool(text) and text not in BLANKS and is_value(text)


def _continues_header(grid: list[list[_Cell]], count: int) -> bool:
    """Whether row `count` is a header row: words where every row below holds values, or words beside an empty label."""
    row, below = grid[count], grid[count + 1 :]
    words = [c for c, cell in enumerate(row) if cell.text and not is_value(cell.text) and not values(cell.text)]
    if len(words) != sum(bool(cell.text) for cell in row) or len(words) < 2:
        return False
    if not row[0].text:
        return True
    filled = [[other[c].text for other in below if other[c].text] for c in words[1:]]
    return len(words) == len(row) and any(column and all(map(is_value, column)) for column in filled)


def _side_by_side(headers: Sequence[str], body: list[list[_Cell]], columns: list[int]) -> list[list[int]]:
    """Column groups, each starting with its own label column; one group for an ordinary table."""
    starts = [0]
    for column in columns[2:]:
        texts = [row[column] for row in body if row[column].text]
        labels = [cell for cell in texts if not is_value(cell.text)]
        worded = bool(texts) and len(labels) * 10 >= len(texts) * 6
        repeated = bool(headers[column]) and headers[column] == headers[column - 1]
        paired = sum(_pair(cell) is not None for cell in texts) >= 2
        has_values = column + 1 < len(headers) and any(is_value(row[column + 1].text) for row in body if row[column + 1].text)
        if worded and ((not headers[column] and has_values) or (repeated and paired)):
            starts.append(column)
    return [list(range(a, b)) for a, b in zip(starts, [*starts[1:], len(columns)], strict=True)]


def _pair(cell: _Cell) -> tuple[str, str] | None:
    """Label and value of a cell that holds both, such as `Inside Canada<br>$1.50`."""
    match = _LABEL_VALUE.match(cell.text)
    if not match or not is_value(match.group("value")) or is_value(match.group("label")):
        return None
    return match.group("label").strip(), match.group("value").strip()


def _read_part(
    text: str, headers: Sequence[str], body: list[list[_Cell]], lines: list[tuple[int, int]], part: list[int]
) -> list[Entry]:
    rows = []
    for cells, (start, end) in zip(body, lines, strict=True):
        label, rest = cells[part[0]], [cells[c] for c in part[1:]]
        pair = _pair(label) if not any(cell.text for cell in rest) else None
        if pair:
            value = _Cell(pair[1], label.start)
            rows.append(_Row((pair[0],), (value, *rest[1:]), start, end))
        elif label.text or any(cell.text for cell in rest):
            rows.append(_Row(tuple(p for p in _BREAK.split(label.raw) if p.strip()), tuple(rest), start, end))
    names = [headers[c] for c in part[1:]] or [headers[part[0]]]
    return [entry for row, group in _grouped(_repaired(rows)) for entry in _entries(text, row, group, names, rows)]


def _repaired(rows: list[_Row]) -> list[_Row]:
    """Rows whose label or cells were broken over several lines, joined again."""
    done: list[_Row] = []
    for row in rows:
        last = done[-1] if done else None
        if last is None:
            done.append(row)
        elif not row.name:
            done.append(replace(row, label=last.label))
        elif not row.filled and last.filled and row.fragment and _unfinished(last.name, row.name):
            done[-1] = replace(last, label=(*last.label, *row.label), end=row.end)
        elif not last.filled and row.filled and (row.fragment or _unfinished(last.name, row.name)):
            done[-1] = replace(row, label=(*last.label, *row.label), start=last.start)
        elif not last.filled and not row.filled and row.fragment:
            done[-1] = replace(last, label=(*last.label, *row.label), end=row.end)
        elif row.filled and row.filled == last.filled and _same_row(last, row):
            cells = tuple(_Cell(f"{a.raw} {b.raw}".strip(), a.start) for a, b in zip(last.cells, row.cells, strict=True))
            done[-1] = _Row((*last.label, *row.label), cells, last.start, row.end)
        elif row.filled and row.filled == last.filled and _hangs(last.name):
            joined = (*last.label, *row.label)  # one label beside two rows
            done[-1] = replace(last, label=joined)
            done.append(replace(row, label=joined))
        elif row.filled and last.filled and row.name.startswith("(") and len(last.label) > 1:
            done[-1] = replace(last, label=last.label[:-1])
            done.append(replace(row, label=(last.label[-1], *row.label), start=last.start))
        elif row.filled and last.filled and row.name.startswith("("):
            joined = (*last.label, *row.label)  # where the first label ends is lost: both rows stay equally likely
            done[-1] = replace(last, label=joined)
            done.append(replace(row, label=joined))
        else:
            done.append(row)
    return done


def _hangs(name: str) -> bool:
    return name.endswith("-") or bool(_HANGING.search(name))


def _unfinished(above: str, below: str) -> bool:
    return _hangs(above) or above.count("(") > above.count(")") or below[:1].islower()


def _same_row(above: _Row, below: _Row) -> bool:
    prose = all(not is_value(above.cells[index].text) for index in above.filled)
    return prose and above.bulleted and not below.bulleted and not below.bold


def _grouped(rows: list[_Row]) -> list[tuple[_Row, str]]:
    """Each row that has values, with the labels of the section rows above it, outermost first."""
    bold_is_structure = 0 < sum(row.bold for row in rows) * 2 <= len(rows) + 1
    outer, inner, out = "", [], []
    previous_was_group = False
    for row in rows:
        heads = bold_is_structure and row.bold
        if row.filled:
            if heads:
                outer, inner = row.name, []
            out.append((row, " > ".join(p for p in ([] if heads else [outer]) + inner if p)))
        elif heads:
            outer, inner = row.name, []
        else:
            inner = _nested(inner, row.name, previous_was_group)
        previous_was_group = not row.filled and not heads
    return out


def _nested(above: list[str], name: str, directly: bool) -> list[str]:
    """The section labels once `name` opens a section: inside the last one if directly below it, else beside its like."""
    if directly and above:
        return [*above[-1:], name]
    like = len(above) > 1 and re.findall(r"\(.*?\)|[:：]$", above[-1]) == re.findall(r"\(.*?\)|[:：]$", name)
    return [*above[:-1], name] if like and name[-1:] in "):：" else [name]


def _entries(text: str, row: _Row, group: str, names: Sequence[str], rows: list[_Row]) -> list[Entry]:
    entries: list[Entry] = []
    quote = (row.start, row.end) if row.end - row.start <= _LONGEST_ROW_QUOTE else None
    ticked = _ticked(row.cells)
    for index, cell in enumerate(row.cells):
        bounds = quote or _bounds(cell)
        marks = tuple(dict.fromkeys((*footnote_marks(row.raw), *footnote_marks(cell.raw))))
        base = Entry(group, row.name, names[index], "", marks, *bounds)
        if _mark(cell.text) or (cell.text in BLANKS and (ticked or _column_ticked(rows, index))):
            entries.append(replace(base, value=_mark(cell.text) or "✗"))
        elif len(_lists(cell)) > 1:
            for start, end in _lists(cell):
                item = clean(_BULLET.sub("", text[start:end]))
                marks = footnote_marks(text[start:end])
                entries.append(replace(base, value=item, marks=marks, start=start, end=end, listed=True))
        elif cell.text and cell.text not in BLANKS:
            entries += _aligned(base, row, cell, [c.text for c in row.cells[:index]])
    return entries


def _aligned(base: Entry, row: _Row, cell: _Cell, left: list[str]) -> list[Entry]:
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
    return [replace(base, row=label, value=clean(_BULLET.sub("", cell.text)))]


def _starts_with_value(text: str) -> bool:
    found = values(text)
    return bool(found) and found[0].start == 0 and found[0].end * 2 >= len(text)


def _mark(text: str) -> str:
    bare = text.strip().casefold()
    return "✓" if bare in TICKS else "✗" if bare in CROSSES else ""


def _ticked(cells: Sequence[_Cell]) -> bool:
    """Whether ticks are all that a row or column holds, so that an empty cell in it means no."""
    texts = [cell.text for cell in cells if cell.text not in BLANKS]
    return any(_mark(text) == "✓" for text in texts) and all(map(_mark, texts))


def _column_ticked(rows: list[_Row], index: int) -> bool:
    return _ticked([row.cells[index] for row in rows if index < len(row.cells) and row.filled]) if len(rows) > 1 else False


def _bounds(cell: _Cell) -> tuple[int, int]:
    lead = len(cell.raw) - len(cell.raw.lstrip())
    return cell.start + lead, cell.start + len(cell.raw.rstrip())


def _lists(cell: _Cell) -> list[tuple[int, int]]:
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
