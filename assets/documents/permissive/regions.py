"""The order in which a page is read: stretches of rows that share a gutter are columns or a table, the rest is text."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from assets.documents.permissive.glyphs import Rectangle, around
from assets.documents.permissive.lines import Piece, Row
from assets.documents.permissive.tabular import are_values, is_table

_GUTTER = 0.6
"""Least width of the empty stripe between two columns, in sizes of the print."""

_LEAST_GUTTER = 4.0
"""Points that a stripe must have left when all rows have narrowed it."""

_LEAST_ROWS = 3
_FAR = 1e6


@dataclass(frozen=True)
class Region:
    """Pieces that are read one after the other, line by line; with `columns`, a table with these columns' rectangles."""

    pieces: tuple[Piece, ...]
    columns: tuple[Rectangle, ...] = ()


@dataclass(frozen=True)
class _Gutter:
    """A stripe that all rows so far leave free, and whether there is print to the left and to the right of it."""

    low: float
    high: float
    left: bool = False
    right: bool = False

    @property
    def parts(self) -> bool:
        return self.left and self.right

    @property
    def middle(self) -> float:
        return (self.low + self.high) / 2


@dataclass(frozen=True)
class _Stretch:
    start: int
    end: int
    gutters: tuple[_Gutter, ...]
    telling: int = 0

    @property
    def size(self) -> int:
        """How much would be told apart: a table of ten rows and five columns is more than a page with one gutter."""
        return (self.end - self.start) * (self.telling or len(self.gutters))


def regions_of(pieces: Sequence[Piece]) -> list[Region]:
    """The regions in reading order."""
    return list(_read(rows_of(pieces)))


def rows_of(pieces: Sequence[Piece]) -> list[Row]:
    """Pieces that share a baseline, from the top down, each row from left to right."""
    rows: list[Row] = []
    for piece in sorted(pieces, key=lambda piece: (piece.base, piece.box[0])):
        if rows and abs(piece.base - rows[-1][0].base) < 0.35 * min(piece.size, rows[-1][0].size):
            rows[-1].append(piece)
        else:
            rows.append([piece])
    return [sorted(row, key=lambda piece: piece.box[0]) for row in rows]


def _read(rows: list[Row]) -> Iterator[Region]:
    found = _stretch(rows)
    if found is None:
        if rows:
            yield Region(tuple(piece for row in rows for piece in row))
        return
    stretch = rows[found.start : found.end]
    columns = _columns(stretch, found.gutters)
    yield from _read(rows[: found.start])
    if is_table(stretch, columns):
        yield Region(
            tuple(piece for row in stretch for piece in row),
            tuple(around(piece.box for piece in column) for column in columns),
        )
    else:
        for column in _columns(stretch, [_loosest(stretch, found.gutters)]):
            yield from _read(rows_of(column))
    yield from _read(rows[found.end :])


def _stretch(rows: list[Row]) -> _Stretch | None:
    """The largest run of rows with common gutters."""
    best: _Stretch | None = None
    free = [_free(row) for row in rows]
    for start in range(len(rows)):
        gutters = [_Gutter(-_FAR, _FAR)]
        longest = _Stretch(start, start, ())
        for index in range(start, len(rows)):
            gutters = _narrowed(gutters, free[index])
            reached = _Stretch(start, index + 1, tuple(gutter for gutter in gutters if gutter.parts))
            if longest.gutters and not reached.gutters:
                break
            longest = max(longest, reached, key=lambda one: one.size)
        found = _trimmed(rows, longest) if longest.gutters else None
        if found and (best is None or found.size > best.size):
            best = found
    return best


def _free(row: Row) -> list[_Gutter]:
    """The empty stripes of a row: between its pieces, and beside them."""
    least = _GUTTER * min(piece.size for piece in row)
    stripes = [_Gutter(-_FAR, row[0].box[0], right=True)]
    edge = row[0].box[2]
    for piece in row[1:]:
        if piece.box[0] - edge >= least:
            stripes.append(_Gutter(edge, piece.box[0], left=True, right=True))
        edge = max(edge, piece.box[2])
    return [*stripes, _Gutter(edge, _FAR, left=True)]


def _narrowed(gutters: Sequence[_Gutter], free: Sequence[_Gutter]) -> list[_Gutter]:
    """What of the stripes a further row leaves free."""
    both = []
    for one in gutters:
        for other in free:
            low, high = max(one.low, other.low), min(one.high, other.high)
            if high - low >= _LEAST_GUTTER:
                both.append(_Gutter(low, high, one.left or other.left, one.right or other.right))
    return both


def _trimmed(rows: list[Row], found: _Stretch) -> _Stretch | None:
    """The stretch without rows at its ends that one side alone has and that stand off from that side's others."""
    wide = max(found.gutters, key=lambda gutter: gutter.high - gutter.low)
    sides = [
        [
            [piece for piece in rows[index] if (piece.middle > wide.middle) == right]
            for index in range(found.start, found.end)
        ]
        for right in (False, True)
    ]
    filled = [[index for index, row in enumerate(side) if row] for side in sides]
    first, last = max(side[0] for side in filled), min(side[-1] for side in filled)
    first, last = min(first, last), max(first, last)
    while first > 0 and _goes_on(rows, sides, filled, found.start, first - 1, 1):
        first -= 1
    while last + 1 < found.end - found.start and _goes_on(rows, sides, filled, found.start, last + 1, -1):
        last += 1
    stretch = rows[found.start + first : found.start + last + 1]
    shared = [_Gutter(-_FAR, _FAR)]
    for row in stretch:
        shared = _narrowed(shared, _free(row))
    gutters = tuple(sorted((gutter for gutter in shared if gutter.parts), key=lambda gutter: gutter.low))
    enough = len(stretch) >= _LEAST_ROWS or (
        len(stretch) > 1 and gutters[0].high - gutters[0].low > 2 * stretch[0][0].size if gutters else False
    )
    telling = _telling(stretch, gutters)
    return _Stretch(found.start + first, found.start + last + 1, gutters, telling) if enough and gutters else None


def _telling(rows: Sequence[Row], gutters: Sequence[_Gutter]) -> int:
    """How many gutters there are without those that may be between the ticks and words of one column, never in one row."""
    kept = list(gutters)
    for gutter in list(kept):
        at = kept.index(gutter)
        beside = _columns(rows, kept, keep_empty=True)[at : at + 2]
        if len(kept) > 1 and all(map(are_values, beside)) and not _shared(rows, kept, gutter)[0]:
            kept.remove(gutter)
    return len(kept)


def _shared(rows: Sequence[Row], gutters: Sequence[_Gutter], gutter: _Gutter) -> tuple[int, int]:
    """In how many rows both of the columns beside a gutter are filled, and in how many the emptier one is."""
    at = gutters.index(gutter)
    low = gutters[at - 1].middle if at else -_FAR
    high = gutters[at + 1].middle if at + 1 < len(gutters) else _FAR
    left = [any(low < piece.middle < gutter.middle for piece in row) for row in rows]
    right = [any(gutter.middle < piece.middle < high for piece in row) for row in rows]
    return sum(one and other for one, other in zip(left, right, strict=True)), min(sum(left), sum(right))


def _goes_on(
    rows: list[Row], sides: list[list[Row]], filled: list[list[int]], start: int, index: int, step: int
) -> bool:
    """Whether the row before or after the stretch is the next line of one of its sides."""
    for side, indexes in zip(sides, filled, strict=True):
        if not side[index]:
            continue
        inner = [other for other in indexes if (other - index) * step > 0]
        if not inner:
            return False
        near = side[inner[0] if step > 0 else inner[-1]]
        if not _close(side[index], near):
            return False
    return True


def _close(one: Row, other: Row) -> bool:
    size = max(piece.size for piece in (*one, *other))
    same = abs(max(piece.size for piece in one) - max(piece.size for piece in other)) < 0.1 * size
    return same and abs(one[0].base - other[0].base) < 1.9 * size


def _columns(rows: Sequence[Row], gutters: Sequence[_Gutter], keep_empty: bool = False) -> list[list[Piece]]:
    edges = sorted(gutter.middle for gutter in gutters)
    columns: list[list[Piece]] = [[] for _ in range(len(edges) + 1)]
    for piece in (piece for row in rows for piece in row):
        columns[sum(piece.middle > edge for edge in edges)].append(piece)
    return columns if keep_empty else [column for column in columns if column]


def _loosest(rows: Sequence[Row], gutters: Sequence[_Gutter]) -> _Gutter:
    """The gutter across which the fewest rows go on; of equals the one that divides the print most evenly.

    Amounts and ticks stay with the column at their left.
    """

    def bond(gutter: _Gutter) -> tuple[bool, float, int]:
        shared, emptier = _shared(rows, gutters, gutter)
        halves = [sum(len(piece.text) for piece in side) for side in _columns(rows, [gutter], keep_empty=True)]
        column = _columns(rows, gutters, keep_empty=True)[gutters.index(gutter) + 1]
        return are_values(column), round(shared / max(1, emptier), 1), abs(halves[0] - halves[1])

    return min(gutters, key=bond)
