"""Pages as pictures for a vision model: whole or as two overlapping halves, rendered in the killable child process."""

import io
from dataclasses import dataclass

from assets.documents.inspection import Fault, in_child
from assets.documents.nursery import PDFIUM
from assets.documents.permissive.pdfium import open_document

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
    return in_child(render, (data, index, view), name, SECONDS, PDFIUM)


def render(data: bytes, index: int, view: View) -> list[bytes] | Fault:
    """Child process: equal bytes for equal pages. Annotations, which are somebody's remarks, are left out."""
    document = open_document(data)
    if isinstance(document, Fault):
        return document
    page = document[index]
    # PDFium rounds sizes up; half a pixel less keeps the longer side at its limit.
    scale = (view.longest_side * view.enlargement - 0.5) / max(page.get_size())
    whole = page.render(scale=scale, may_draw_forms=False, draw_annots=False).to_pil().convert("RGB")
    if all(low == high for low, high in whole.getextrema()):
        return []
    pictures = []
    for top, bottom in view.parts:
        png = io.BytesIO()
        edges = (0, round(whole.height * top), whole.width, round(whole.height * bottom))
        whole.crop(edges).save(png, format="PNG")
        pictures.append(png.getvalue())
    return pictures
