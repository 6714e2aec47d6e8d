"""What stands where on a page: characters in a rectangle as MuPDF reads them, and what pdfium, the witness, sees."""

import ctypes
from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise
from typing import Any

Rectangle = Sequence[float]

_LINE_END = 10


def inside(x: float, y: float, box: Rectangle, margin: float = 0.0) -> bool:
    x0, y0, x1, y1 = box
    return x0 - margin <= x <= x1 + margin and y0 - margin <= y <= y1 + margin


def words_in(page: Any, textpage: Any) -> Callable[[Rectangle], str]:
    """The text of a page's rectangle, a line each, with every character that reaches into it.

    The same as `page.get_textbox`, which computes every character's place in Python again each time.
    """

    @cache
    def lines() -> list[tuple[Rectangle, list[dict[str, Any]]]]:
        blocks = page.get_text("rawdict", textpage=textpage)["blocks"]
        return [
            (line["bbox"], [character for span in line["spans"] for character in span["chars"]])
            for block in blocks
            for line in block.get("lines", [])
        ]

    def read(area: Rectangle) -> str:
        found = (
            "".join(character["c"] for character in characters if _overlap(character["bbox"], area))
            for place, characters in lines()
            if _overlap(place, area)
        )
        return "\n".join(filter(None, found))

    return read


def witness_text(page: Any, witness: Any, dropped: Sequence[Rectangle]) -> str:
    """pdfium's text of what a MuPDF page shows, without its running heads and feet.

    pdfium also reads what lies outside the crop box, for instance the other half of a printed spread.
    """
    import pymupdf
    import pypdfium2.raw as pdfium

    to_pdf = page.derotation_matrix * ~page.transformation_matrix
    seen = tuple(page.rect * to_pdf)
    unseen = [tuple(pymupdf.Rect(box) * to_pdf) for box in dropped]
    text = witness.get_textpage()
    codes = [pdfium.FPDFText_GetUnicode(text, index) for index in range(text.count_chars())]
    ends = [index + 1 for index, code in enumerate(codes) if code == _LINE_END]
    kept: list[str] = []
    for start, end in pairwise([0, *ends, len(codes)]):
        whole = _all_shown(_rectangles(text, start, end - start), seen, unseen)
        kept += [
            chr(codes[index]) if whole or _shown(text, index, seen, unseen) else "\n" for index in range(start, end)
        ]
    return "".join(kept)


def _all_shown(places: Sequence[Rectangle], seen: Rectangle, unseen: Sequence[Rectangle]) -> bool:
    """Whether a line lies on the part of the page that counts as a whole, so that no character is asked for its place."""
    return bool(places) and all(
        _within(place, seen) and not any(_overlap(place, box, margin=1) for box in unseen) for place in places
    )


def _rectangles(text: Any, start: int, count: int) -> list[Rectangle]:
    """The places (x0, y0, x1, y1) of some characters, a rectangle for each run of them."""
    import pypdfium2.raw as pdfium

    sides = [ctypes.c_double() for _ in range(4)]
    left, top, right, bottom = sides
    places = []
    for index in range(pdfium.FPDFText_CountRects(text, start, count)):
        pdfium.FPDFText_GetRect(text, index, *sides)
        places.append((left.value, bottom.value, right.value, top.value))
    return places


def _shown(text: Any, index: int, seen: Rectangle, unseen: Sequence[Rectangle]) -> bool:
    """Whether a character's middle is on the part of the page that counts; a character without a place is."""
    left, bottom, right, top = text.get_charbox(index)
    x, y = (left + right) / 2, (bottom + top) / 2
    placed = right > left or top > bottom
    return not placed or (inside(x, y, seen) and not any(inside(x, y, box) for box in unseen))


def _within(place: Rectangle, area: Rectangle) -> bool:
    return area[0] <= place[0] and area[1] <= place[1] and place[2] <= area[2] and place[3] <= area[3]


def _overlap(one: Rectangle, other: Rectangle, margin: float = 0.0) -> bool:
    return (
        one[0] < other[2] + margin
        and one[1] < other[3] + margin
        and one[2] > other[0] - margin
        and one[3] > other[1] - margin
    )
