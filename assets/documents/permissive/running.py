"""Running heads and feet found by repetition: the same line, numbers aside, at the same place of a neighbouring page.

Only pages up to two away are compared (left and right pages have heads of their own), so that a change elsewhere in a
document does not change a page.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from assets.documents.nursery import getting_on

Place = tuple[float, float, float, float]
"""Left, bottom, right, top in a page's own space."""

Line = tuple[str, Place]
"""The words of a line in a margin and where they stand."""

MARGIN = 0.09
"""Share of the page's height, at the top and at the foot, in which running heads stand."""

_NEIGHBOURS = (-2, -1, 1, 2)
_SAME_HEIGHT, _SAME_SIDE, _WORD_GAP = 4.0, 12.0, 10.0


def running_heads(document: Any, indexes: Iterable[int] | None = None) -> dict[int, list[Line]]:
    """Per page index the running lines of these pages, by default of all."""
    wanted = list(range(len(document)) if indexes is None else indexes)
    near = {index + step for index in wanted for step in (0, *_NEIGHBOURS) if 0 <= index + step < len(document)}
    margins = {}
    for index in sorted(near):
        getting_on()
        margins[index] = _margins(document, index)
    return {
        index: [
            line
            for line in margins[index]
            if any(_repeats(line, margins.get(index + step, ()), step) for step in _NEIGHBOURS)
        ]
        for index in wanted
    }


def _margins(document: Any, index: int) -> list[Line]:
    page = document[index]
    left, bottom, right, top = page.get_cropbox()
    height = top - bottom
    text = page.get_textpage()
    lines: list[Line] = []
    for place in sorted(text.get_rect(number) for number in range(text.count_rects())):
        middle = (place[1] + place[3]) / 2
        inside = left <= place[0] and place[2] <= right
        words = " ".join(text.get_text_bounded(*place).casefold().split()) if inside else ""
        if not words or bottom + MARGIN * height <= middle <= top - MARGIN * height:
            continue
        before = next((line for line in lines if _follows(line[1], place)), None)
        if before is None:
            lines.append((words, place))
        else:  # one line in several fonts
            lines.remove(before)
            x0, y0, x1, y1 = zip(before[1], place, strict=True)
            lines.append((f"{before[0]} {words}", (min(x0), min(y0), max(x1), max(y1))))
    page.close()
    return lines


def _follows(line: Place, place: Place) -> bool:
    middle = (place[1] + place[3]) / 2
    return line[1] <= middle <= line[3] and place[0] - line[2] < _WORD_GAP


def _repeats(line: Line, others: Sequence[Line], step: int) -> bool:
    """Whether a page that many pages away has the line. Of numbers alone only those that count pages are lines."""
    words, (left, bottom, right, _) = line
    return any(
        _same(words, other, step)
        and abs(bottom - place[1]) < _SAME_HEIGHT
        and (abs(left - place[0]) < _SAME_SIDE or abs(right - place[2]) < _SAME_SIDE)
        for other, place in others
    )


def _same(words: str, other: str, step: int) -> bool:
    if words == other:
        return bool(re.search(r"[^\W\d_]", words))
    if re.sub(r"\d+", "0", words) != re.sub(r"\d+", "0", other):
        return False
    pairs = zip(re.findall(r"\d+", words), re.findall(r"\d+", other), strict=True)
    return all(int(there) - int(here) in (0, step, 2 * step) for here, there in pairs)
