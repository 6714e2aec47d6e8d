"""Quotes in their chunk: found where a model copied them with other white space or escapes, never where it did not.

What is stored is always the chunk's own text at the place that was found.
"""

import re
from dataclasses import dataclass

from resources.llm.frames import from_data
from resources.llm.raft_text import QUOTE_CLOSE, QUOTE_OPEN, quoted

_QUOTE = re.compile(re.escape(QUOTE_OPEN) + r"(.*?)" + re.escape(QUOTE_CLOSE), re.DOTALL)
_LOOSE = re.compile(r"(\s*\|)\s*|(\s+)|\\(?=[!-/:-@\[-`{-~])|\*+")
_MARKS = "\"'“”„‘’«»「」『』"
_LETTER = re.compile(r"[A-Za-z0-9]")
_DECIMAL = re.compile(r"\d[.,]\d")


@dataclass(frozen=True)
class Span:
    """A quote where it stands: `chunk[start:end] == text`."""

    text: str
    start: int
    end: int


def locate(quote: str, chunk: str) -> Span | None:
    """The place of a quote in the chunk, cutting no word and no number; None if the chunk does not say it.

    White space (any run of it for one space, none beside a table's bars), Markdown's backslashes and emphasis, and
    quotation marks around the whole may differ. Words, numbers, order and every other sign may not.
    """
    wanted = [text.strip() for text in (quote, from_data(quote))]
    wanted += [text.strip(_MARKS).strip() for text in wanted]
    exact = (_first(text, chunk, range(len(chunk) + 1)) for text in dict.fromkeys(wanted) if text)
    found = next(filter(None, exact), None)
    if found is not None:
        return found
    folded, places = _folded(chunk)
    loose = (_first(text, chunk, places, folded) for text in dict.fromkeys(_folded(text)[0].strip() for text in wanted))
    return next(filter(None, loose), None)


def is_verbatim(quote: str, chunk: str) -> bool:
    """Whether the chunk holds the quote letter for letter, as whole words and numbers."""
    span = locate(quote, chunk)
    return span is not None and span.text == quote


def restore(answer: str, chunk: str) -> tuple[str, tuple[Span, ...]]:
    """An answer with each quote as the chunk has it, and their places. Quotes that are not there stay as they are."""
    spans: list[Span] = []

    def original(found: re.Match[str]) -> str:
        span = locate(found[1], chunk)
        if span is None:
            return found[0]
        spans.append(span)
        return quoted(span.text)

    restored = _QUOTE.sub(original, answer)
    return restored, tuple(dict.fromkeys(spans))


def _first(wanted: str, chunk: str, places: range | list[int], folded: str | None = None) -> Span | None:
    """The first whole occurrence in `folded` (the chunk itself if not given), as a span of the chunk."""
    text = chunk if folded is None else folded
    at = text.find(wanted) if wanted else -1
    while at >= 0:
        start, end = places[at], places[at + len(wanted) - 1] + 1
        if not _is_cut(chunk, start) and not _is_cut(chunk, end):
            return Span(chunk[start:end], start, end)
        at = text.find(wanted, at + 1)
    return None


def _is_cut(chunk: str, place: int) -> bool:
    """Whether a border at this place runs through a word or a number."""
    before, after = chunk[max(0, place - 2) : place], chunk[place : place + 2]
    if _LETTER.match(before[-1:]) and _LETTER.match(after[:1]):
        return True
    return bool(_DECIMAL.fullmatch(before[-1:] + after) or _DECIMAL.fullmatch(before + after[:1]))


def _folded(text: str) -> tuple[str, list[int]]:
    """The text with loose characters folded, and for each character left its place in the text."""
    characters: list[str] = []
    places: list[int] = []
    at = 0
    while at < len(text):
        found = _LOOSE.match(text, at)
        if found is None:
            characters.append(text[at])
            places.append(at)
            at += 1
            continue
        if found[1] or found[2]:
            characters.append("|" if found[1] else " ")
            places.append(found.end(1) - 1 if found[1] else at)
        at = found.end()
    return "".join(characters), places
