"""Text as it is compared, and text as it is shown: what documents and models write is hostile."""

import unicodedata
from typing import Any

LINE_CHARACTERS = 200


def collapsed(text: str) -> str:
    """The text with runs of white space as one space: the form in which quotes are compared verbatim."""
    return " ".join(text.split())


def visible(text: str) -> str:
    """The text without control, zero-width and direction characters, which could hide or reorder what follows.

    Line ends stay; every other kind of space but the wide one of Chinese becomes a plain space.
    """
    return text if text.isprintable() else "".join(map(_shown, text))


def one_line(value: Any, most: int = LINE_CHARACTERS) -> str:
    """Any value as one visible line of at most so many characters."""
    text = " ".join(line.strip() for line in visible(str(value)).splitlines())
    return text if len(text) <= most else text[: most - 1] + "…"


def _shown(character: str) -> str:
    if character in "\n\u3000" or character.isprintable():
        return character
    if character.isspace():
        return " "
    return "" if unicodedata.category(character) in ("Cc", "Cf", "Cs") else character
