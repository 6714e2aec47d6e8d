"""The deterministic contextualizer: one line that says where in its document a chunk stands."""

import html
import re
import unicodedata
from collections.abc import Sequence

SEPARATOR = " > "

_HTML = re.compile(r"</?[a-zA-Z][^<>]*>")
_FOOTNOTE = re.compile(r"<sup>.*?</sup>|[®™†‡]|[⁰¹²³⁴⁵⁶⁷⁸⁹]+", re.DOTALL)
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_EMPHASIS = re.compile(r"(\*{1,3}|~~|`+)|(?<![^\W_])_+|_+(?![^\W_])")
_CONTINUED = re.compile(r"\s*[(（](?:continued|cont(?:'d|\.)?|续|續)[)）]\s*$", re.IGNORECASE)
_PAGE = re.compile(r"\s*(?:[(（]?\bpage \d+(?: of \d+)?[)）]?|第\s*\d+\s*页)\s*$", re.IGNORECASE)
_VERSION = re.compile(r"\s*[(（]?\b(?:v|version|rev(?:ision)?)\.? ?\d+(?:\.\d+)*[)）]?\s*$", re.IGNORECASE)
_IDENTIFIER = re.compile(
    r"\s*[(（]?\b(?:[0-9a-f]{12,}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\b[)）]?", re.IGNORECASE
)


def write_context(title: str, heading_path: Sequence[str]) -> str:
    """`Title > Heading > Sub-heading`, cleaned; empty if there is neither.

    It depends on the title and the chunk's own headings alone, so that an edit elsewhere in the document changes
    nothing here, and never holds ids, versions or page numbers. A heading that repeats the one above it is left out.
    """
    parts: list[str] = []
    for raw in (title, *heading_path):
        part = clean_heading(raw)
        if part and (not parts or part.casefold() != parts[-1].casefold()):
            parts.append(part)
    return SEPARATOR.join(parts)


def clean_heading(raw: str) -> str:
    """A heading as plain words: no markup, footnote marks, ids, versions, page numbers or control characters."""
    text = _LINK.sub(r"\1", _HTML.sub(" ", _FOOTNOTE.sub("", html.unescape(raw))))
    text = _EMPHASIS.sub("", text).lstrip("# ").replace(">", "›")
    text = "".join(" " if unicodedata.category(character).startswith("C") else character for character in text)
    text = " ".join(text.split())
    for pattern in (_IDENTIFIER, _PAGE, _VERSION, _CONTINUED):
        text = pattern.sub("", text)
    return text.strip(" :：-–—|·,;")
