"""Pieces of a line: runs that are read as one because they stand beside each other, with raised marks as `<sup>`."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from assets.documents.permissive.glyphs import Rectangle, Run, around
from assets.documents.symbols import CROSS, MARK, TICK

_APART = 0.65
_SMALL = 0.85
_RAISED = 0.12
_BULLETS = frozenset("•●▪■◦‣")
_PICTOGRAMS = frozenset(TICK + CROSS + MARK)


@dataclass
class Piece:
    """Text on one baseline without a gap that a column or cell would leave.

    `note` tells that it begins with a raised mark, which only notes do.
    """

    text: str
    box: Rectangle
    base: float
    size: float
    bold: bool
    note: bool = False

    @property
    def middle(self) -> float:
        return (self.box[0] + self.box[2]) / 2


Row = list[Piece]
"""Pieces on one baseline, from left to right."""


def pieces_of(runs: Iterable[Run]) -> list[Piece]:
    """The pieces in the order of the file. Only neighbours in the file are joined: the next column's line is not one."""
    groups: list[list[Run]] = []
    for run in runs:
        if groups and _beside(groups[-1], run):
            groups[-1].append(run)
        else:
            groups.append([run])
    return _with_bullets(_with_late_marks([_piece(group) for group in groups]))


def body_size(pieces: Sequence[Piece]) -> float:
    """The size in which most of a page is printed."""
    sizes: Counter[float] = Counter()
    for piece in pieces:
        sizes[piece.size] += len(piece.text)
    return max(sizes, key=lambda size: (sizes[size], -size), default=10.0)


def _beside(group: Sequence[Run], run: Run) -> bool:
    """Whether a run goes on with the line of a group: on its baseline, or raised or lowered against it."""
    last = group[-1]
    if not (run.upright and last.upright):
        return False
    main = max((one.size for one in group), default=run.size)
    height = max(main, run.size)
    gap = run.box[0] - last.box[2]
    if not -0.5 * height < gap < _APART * height:
        return False
    base = next((one.base for one in group if one.size == main), last.base)
    if abs(run.base - base) < 0.12 * height:
        return True
    if run.size < _SMALL * main:
        return -0.35 * main < base - run.base < 0.9 * main
    return main < _SMALL * run.size and -0.35 * run.size < run.base - base < 0.9 * run.size  # the mark came first


def _piece(group: Sequence[Run]) -> Piece:
    weights: Counter[tuple[float, bool]] = Counter()
    for run in group:
        weights[run.size, run.bold] += len(run.text)
    size = max(run.size for run in group)
    bold = all(run.bold for run in group if run.size == size and run.text.strip(" .,:;"))
    base = next(run.base for run in group if run.size == size)
    text, right = "", 0.0
    for run in group:
        words = run.text.strip()
        gap = run.box[0] - right if text else 0.0
        spaced = bool(text) and (run.text.startswith(" ") or gap > 0.3 * run.size) and not text.endswith(" ")
        if _is_mark(run, size, base):
            text += f"{' ' if spaced and not text[-1:].isalnum() and text else ''}<sup>{words}</sup>"
        elif run.bold and not bold and re.fullmatch(r"\d{1,2}", words):
            text += f"{' ' if text else ''}**{words}** "  # the number of a note, perhaps
        else:
            text += (" " if spaced or (text.endswith("</sup>") and words[:1].isalnum()) else "") + words
        right = run.box[2]
    box = around(run.box for run in group)
    return Piece(text.strip(), box, base, size, bold, note=text.startswith("<sup>"))


def _is_mark(run: Run, size: float, base: float) -> bool:
    """Whether a run is a raised mark: a note's number or sign, not the small capitals of a line."""
    raised = run.size < _SMALL * size and base - run.base > _RAISED * size
    return raised and bool(re.fullmatch(r"[\s\d,*†‡§()\[\]a-z]{1,8}|TM|MC|MD|SM|[®™]", run.text.strip()))


def _with_late_marks(pieces: list[Piece]) -> list[Piece]:
    """Marks that the file draws apart from the words they belong to, put behind them."""
    kept: list[Piece] = []
    for piece in pieces:
        owner = next((one for one in reversed(kept[-60:]) if _hangs_on(piece, one)), None)
        if owner is None or set(piece.text) & _PICTOGRAMS:
            kept.append(piece)
            continue
        owner.text += f"<sup>{piece.text.strip()}</sup>"
        owner.box = around((owner.box, piece.box))
    return kept


def _with_bullets(pieces: list[Piece]) -> list[Piece]:
    """Bullets that stand alone, put before the words at their right, wherever the file draws these."""
    bullets = [piece for piece in pieces if piece.text in _BULLETS]
    kept = [piece for piece in pieces if piece.text not in _BULLETS]
    for bullet in bullets:
        words = min(
            (piece for piece in kept if 0 <= piece.box[0] - bullet.box[2] < 3 * piece.size and _level(piece, bullet)),
            key=lambda piece: piece.box[0],
            default=None,
        )
        if words:
            words.text = f"{bullet.text} {words.text}"
            words.box = around((bullet.box, words.box))
        else:
            kept.append(bullet)
    return kept


def _level(piece: Piece, bullet: Piece) -> bool:
    return abs(piece.base - bullet.base) < 0.35 * piece.size


def _hangs_on(mark: Piece, words: Piece) -> bool:
    return (
        mark.size < _SMALL * words.size
        and bool(re.fullmatch(r"[\d,* ]{1,5}", mark.text))
        and _RAISED * words.size < words.base - mark.base < 0.9 * words.size
        and -0.3 * words.size < mark.box[0] - words.box[2] < 0.4 * words.size
    )
