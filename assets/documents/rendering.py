"""Pages as pictures for a vision model: whole or as two overlapping halves, rendered in the killable child process."""

from dataclasses import dataclass
from typing import Any

from assets.documents.inspection import Fault, in_child, open_pdf

OVERLAP = 0.1
"""Share of the page's height that both halves show, so that no line is lost at the cut."""

SECONDS = 30.0

_HALF = (1 + OVERLAP) / 2


@dataclass(frozen=True)
class View:
    """How a page is shown: pixels of the whole page's longer side, and whether in halves.

    A half has as many pixels as the whole page would have.
    """

    longest_side: int
    halves: bool = False

    @property
    def parts(self) -> tuple[tuple[float, float], ...]:
        """The pictures' upper and lower edges as shares of the page's height."""
        return ((0.0, _HALF), (1 - _HALF, 1.0)) if self.halves else ((0.0, 1.0),)

    @property
    def enlargement(self) -> float:
        return (1 / _HALF) ** 0.5 if self.halves else 1.0


def page_pictures(data: bytes, name: str, index: int, view: View) -> list[bytes]:
    """The PNGs of a page in reading order, none for a page on which nothing is printed; raises UnreadableDocument."""
    return in_child(render, (data, index, view), name, SECONDS)


def render(data: bytes, index: int, view: View) -> list[bytes] | Fault:
    """Child process: equal bytes for equal pages. Annotations are left out, as they are of the page's hash."""
    import pymupdf

    document = open_pdf(data)
    if isinstance(document, Fault):
        return document
    page = document[index]
    width, height = page.rect.width, page.rect.height
    # MuPDF rounds sizes up; half a pixel less keeps the longer side at its limit.
    scale = (view.longest_side * view.enlargement - 0.5) / max(width, height)
    pictures: list[Any] = []
    for top, bottom in view.parts:
        clip = pymupdf.Rect(0, height * top, width, height * bottom)
        pictures.append(page.get_pixmap(matrix=pymupdf.Matrix(scale, scale), clip=clip, alpha=False, annots=False))
    if all(picture.is_unicolor for picture in pictures):
        return []
    return [picture.tobytes("png") for picture in pictures]
