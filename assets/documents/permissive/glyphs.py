"""A page's characters as pdfium places them, and the runs of equal print that they form."""

import ctypes
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from assets.documents.permissive.pdfium import Rectangle, shown_by
from assets.documents.symbols import pictogram

_PICTOGRAM_FONTS = ("dingbat", "wingding", "webding")
_BOLD = ("bold", "black", "heavy", "semibd", "demi")
_BOLD_WEIGHT = 600
_HYPHENS = "\ufffe\x02"  # pdfium's signs for a hyphen that divides a word at the end of a line
_APART = 0.65
"""Gap in heights of the print above which two runs are not of one line of text, but of two cells or columns."""


@dataclass(frozen=True)
class Glyph:
    """A character with its place; `placed` is False for spaces and line ends that pdfium adds of its own."""

    text: str
    box: Rectangle
    base: float
    size: float
    bold: bool
    upright: bool
    placed: bool = True


@dataclass
class Run:
    """Characters of equal print on one baseline, in the order of the file."""

    text: str
    box: Rectangle
    base: float
    size: float
    bold: bool
    upright: bool = True


@dataclass(frozen=True)
class _Print:
    size: float
    bold: bool
    upright: bool
    font: str


def glyphs_of(page: Any) -> list[Glyph]:
    """The characters that the page shows, in the order of the file; those outside of its crop box are left out."""
    import pypdfium2.raw as pdfium

    text = page.get_textpage()
    shown, rotation = shown_by(page), page.get_rotation()
    width, height = page.get_size()
    prints: dict[int, _Print] = {}
    x, y = ctypes.c_double(), ctypes.c_double()
    found: list[Glyph] = []
    high = ""
    for index in range(text.count_chars()):
        code = pdfium.FPDFText_GetUnicode(text, index)
        character = high + chr(code)
        high = character if 0xD800 <= code < 0xDC00 else ""
        if high:
            continue
        character = character.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        divides = character in _HYPHENS
        character = "-" if divides else character
        item = pdfium.FPDFText_GetTextObject(text, index)
        if not item or pdfium.FPDFText_IsGenerated(text, index) == 1:
            last = found[-1] if found else None
            if last:
                found.append(Glyph(character, last.box, last.base, last.size, last.bold, last.upright, placed=False))
            continue
        key = ctypes.addressof(item.contents)
        kind = prints.get(key) or prints.setdefault(key, _print(text, index, rotation))
        pdfium.FPDFText_GetCharOrigin(text, index, x, y)
        left, _, right, _ = text.get_charbox(index, loose=True)  # with the space that belongs to the character
        _, bottom, _, top = text.get_charbox(index)
        box = shown(left, bottom, right, top)
        base = shown(x.value, y.value, x.value, y.value)[1]
        if not (-1 <= (box[0] + box[2]) / 2 <= width + 1 and -1 <= (box[1] + box[3]) / 2 <= height + 1):
            continue
        if any(name in kind.font for name in _PICTOGRAM_FONTS):
            character = pictogram(character, kind.font)
        found.append(Glyph(character, box, base, kind.size, kind.bold, kind.upright))
        if divides:
            found.append(replace(found[-1], text="\n", placed=False))
    return found


def stream_text(glyphs: Iterable[Glyph]) -> str:
    """The characters in the order of the file, with pdfium's own spaces and line ends."""
    return "".join(glyph.text for glyph in glyphs)


def runs_of(glyphs: Sequence[Glyph]) -> list[Run]:
    """The runs in the order of the file. A run ends where the print, the baseline or the line of writing does."""
    runs: list[Run] = []
    space = broken = False
    for glyph in glyphs:
        if not glyph.text.strip():
            space = True
            broken = broken or (not glyph.placed and glyph.text in "\r\n")
            continue
        last = runs[-1] if runs and not broken else None
        if last and _goes_on(last, glyph):
            last.text += (" " if space else "") + glyph.text
            last.box = around((last.box, glyph.box))
        else:
            lead = " " if space and last else ""
            runs.append(Run(lead + glyph.text, glyph.box, glyph.base, glyph.size, glyph.bold, glyph.upright))
        space = broken = False
    return runs


def around(boxes: Iterable[Rectangle]) -> Rectangle:
    """The smallest rectangle that holds all of them."""
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def _goes_on(run: Run, glyph: Glyph) -> bool:
    if (run.size, run.bold, run.upright) != (glyph.size, glyph.bold, glyph.upright):
        return False
    if not run.upright:
        return True
    gap = glyph.box[0] - run.box[2]
    beside = -0.6 * glyph.size < gap < _APART * glyph.size or glyph.box[2] == run.box[2]  # the letters of a ligature
    return abs(run.base - glyph.base) < 0.1 * glyph.size + 0.2 and beside


def _print(text: Any, index: int, rotation: int) -> _Print:
    import pypdfium2.raw as pdfium

    matrix = pdfium.FS_MATRIX()
    pdfium.FPDFText_GetMatrix(text, index, matrix)
    scale = math.hypot(matrix.c, matrix.d) or 1.0
    angle = (math.degrees(math.atan2(matrix.b, matrix.a)) - rotation) % 360
    size = round(pdfium.FPDFText_GetFontSize(text, index) * scale, 2)
    name = _font_name(text, index).lower()
    bold = any(word in name for word in _BOLD) or pdfium.FPDFText_GetFontWeight(text, index) >= _BOLD_WEIGHT
    return _Print(abs(size) or 1.0, bold, min(angle, 360 - angle) < 10, name)


def _font_name(text: Any, index: int) -> str:
    import pypdfium2.raw as pdfium

    flags = ctypes.c_int()
    length = pdfium.FPDFText_GetFontInfo(text, index, None, 0, flags)
    buffer = ctypes.create_string_buffer(max(length, 1))
    pdfium.FPDFText_GetFontInfo(text, index, buffer, length, flags)
    return buffer.value.decode("utf-8", "replace")
