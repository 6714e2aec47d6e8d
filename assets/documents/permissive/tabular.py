"""Whether rows of pieces are a table, and what in them is a value: an amount, a tick, a word or two."""

import re
from collections.abc import Sequence
from statistics import median

from assets.documents.permissive.lines import Piece, Row
from assets.documents.symbols import CROSS, TICK

_SHORT_CELL, _VERY_SHORT = 30, 16
_VALUE = re.compile(rf"\d|[{TICK}{CROSS}]|^\W+$")


def is_table(rows: Sequence[Row], columns: Sequence[Sequence[Piece]]) -> bool:
    """Whether rows belong together: most have several cells, and what stands beside the first is short or a value."""
    if len(columns) < 2 or any(_crowded(row, columns) for row in rows):
        return False
    if any(piece.text in (TICK, CROSS) for piece in columns[0]):  # the labels are elsewhere
        return False
    cells = [piece for column in columns[1:] for piece in column]
    if median(len(piece.text) for piece in cells) > _SHORT_CELL:
        return False
    first = sorted(piece.base for piece in columns[0])
    values = sum(map(_is_value, cells)) / len(cells)
    beside = sum(any(abs(piece.base - base) < 0.8 * piece.size for base in first) for piece in cells) / len(cells)
    several = sum(len(row) > 1 for row in rows) / len(rows)
    if values >= 0.6 and (several >= 0.45 or (beside >= 0.8 and all(map(are_values, columns[1:])))):
        return True
    whole = sum(len(row) >= len(columns) for row in rows) / len(rows)
    prose = sum(piece.text[:1].islower() for piece in cells) / len(cells)
    return len(columns) > 2 and whole >= 0.8 and prose < 0.3


def are_values(column: Sequence[Piece]) -> bool:
    return sum(_is_value(piece) for piece in column) >= 0.7 * len(column)


def _is_value(piece: Piece) -> bool:
    text = re.sub(r"<sup>.*?</sup>", "", piece.text)
    return len(text) < (_SHORT_CELL if _VALUE.search(text) else _VERY_SHORT)


def _crowded(row: Row, columns: Sequence[Sequence[Piece]]) -> bool:
    """Whether two pieces of a row that stand apart would come into one cell."""
    return any(sum(piece in column for piece in row) > 1 for column in columns)
