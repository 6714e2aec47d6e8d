"""The grid of a markdown table: cells with offsets, header rows told from body rows, tables side by side told apart."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from resources.llm.embedded.values import (
    AMOUNT,
    BLANKS,
    CROSSES,
    PERCENTAGE,
    TICKS,
    UNAVAILABLE,
    clean,
    is_value,
    values,
)

_RULE = re.compile(r"^\s*\|?\s*:?-{2,}:?\s*(?:\|\s*:?-{2,}:?\s*)*\|?\s*$")
BREAK = re.compile(r"<br\s*/?>", re.I)
_LABEL_VALUE = re.compile(
    r"(?P<label>.*[^\W\d_]\W*?)\s+"
    r"(?P<value>(?:[A-Z]{0,3}[$€£¥]\s?)[\d.,]+|[\d.,]+\s?%|Free|(?:No|Nil) (?:additional )?(?:fee|charge)|[\d.,]+\s?元|免费)$",
    re.I,
)


@dataclass(frozen=True)
class Cell:
    raw: str
    start: int

    @property
    def text(self) -> str:
        """The cell's text; debris such as a lone bracket is none."""
        text = clean(self.raw)
        return text if tick_mark(text) or text in BLANKS or any(map(str.isalnum, text)) else ""

    @property
    def segments(self) -> list[str]:
        return [part for part in (clean(piece) for piece in BREAK.split(self.raw)) if part]


def is_table_line(line: str) -> bool:
    return line.lstrip().startswith("|")


def tick_mark(text: str) -> str:
    bare = text.strip().casefold()
    return "✓" if bare in TICKS else "✗" if bare in CROSSES else ""


def read_grid(text: str, start: int, end: int) -> tuple[list[list[Cell]], list[tuple[int, int]], int | None]:
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
    return [row + [Cell("", row[-1].start)] * (width - len(row)) for row in grid], lines, rule


def _cells(line: str, position: int) -> list[Cell]:
    parts, offset = re.split(r"(?<!\\)\|", line), 0
    cells = []
    for part in parts:
        cells.append(Cell(part, position + offset))
        offset += len(part) + 1
    cells = cells[1:] if not parts[0].strip() else cells
    return (cells[:-1] if len(cells) > 1 and not parts[-1].strip() else cells) or [Cell("", position)]


def split_headers(grid: list[list[Cell]], rule: int | None) -> tuple[list[str], list[list[Cell]]]:
    """One header text per column and the body rows; header rows that continue below the rule are joined."""
    count = max(rule or 1, 1)
    if any(_holds_value(cell.text) for row in grid[:count] for cell in row[1:]):
        return [""] * len(grid[0]), grid  # cut out of a larger table: its first row is no header
    while count < len(grid) - 1 and _continues_header(grid, count):
        count += 1
    columns = range(len(grid[0]))
    return [" ".join(dict.fromkeys(t for row in grid[:count] if (t := row[c].text))) for c in columns], grid[count:]


def _holds_value(text: str) -> bool:
    """Whether a header cell is in truth a price, a rate, a tick or `Not available`; numbers alone may name a column."""
    told = [value for value in values(text) if value.kind in (AMOUNT, PERCENTAGE)]
    priced = any((value.end - value.start) * 2 > len(text) for value in told)
    return priced or bool(tick_mark(text)) or bool(UNAVAILABLE.fullmatch(text))


def _continues_header(grid: list[list[Cell]], count: int) -> bool:
    """Whether row `count` is a header row: words where every row below holds values, or words beside an empty label."""
    row, below = grid[count], grid[count + 1 :]
    words = [c for c, cell in enumerate(row) if cell.text and not is_value(cell.text) and not values(cell.text)]
    if len(words) != sum(bool(cell.text) for cell in row) or len(words) < 2:
        return False
    if not row[0].text:
        return True
    filled = [[other[c].text for other in below if other[c].text] for c in words[1:]]
    return len(words) == len(row) and any(column and all(map(is_value, column)) for column in filled)


def side_by_side(headers: Sequence[str], body: list[list[Cell]], columns: list[int]) -> list[list[int]]:
    """Column groups, each starting with its own label column; one group for an ordinary table."""
    starts = [0]
    for column in columns[2:]:
        texts = [row[column] for row in body if row[column].text]
        labels = [cell for cell in texts if not is_value(cell.text)]
        worded = bool(texts) and len(labels) * 10 >= len(texts) * 6
        repeated = bool(headers[column]) and headers[column] == headers[column - 1]
        paired = sum(label_and_value(cell) is not None for cell in texts) >= 2
        has_values = column + 1 < len(headers) and any(
            is_value(row[column + 1].text) for row in body if row[column + 1].text
        )
        if worded and ((not headers[column] and has_values) or (repeated and paired)):
            starts.append(column)
    return [list(range(a, b)) for a, b in zip(starts, [*starts[1:], len(columns)], strict=True)]


def label_and_value(cell: Cell) -> tuple[str, str] | None:
    """Label and value of a cell that holds both, such as `Inside Canada<br>$1.50`."""
    match = _LABEL_VALUE.match(cell.text)
    if not match or not is_value(match.group("value")) or is_value(match.group("label")):
        return None
    return match.group("label").strip(), match.group("value").strip()
