"""Token counts: exact for the cl100k encoding, offline, from the tables embedded in semantic-text-splitter.

Newer encodings need as many tokens or fewer (a third fewer for Chinese), so a limit that holds here holds there.

The splitter tells only whether a text fits into n tokens. Byte-pair merges never cross the borders of the
encoding's words, so a text's count is the sum over its words, and words repeat: each is measured once. Never
too low; one too high is possible for a run of blank lines that hold spaces, and for words of over 512 characters.
"""

import re
import unicodedata
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from semantic_text_splitter import TextSplitter

_MODEL = "gpt-3.5-turbo"
"""The name under which the splitter knows cl100k."""

_WORD = re.compile(
    r"'(?:[sdmtSDMT]|[lL]{2}|[vV][eE]|[rR][eE])|[^\r\n0-9A-Za-z]?[A-Za-z]+|[0-9]{1,3}| ?[^\s0-9A-Za-z]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+",
    re.ASCII,
)
"""The encoding's word pattern, over a text whose characters were replaced by an ASCII one of the same class."""


_LONGEST = 512
"""Longer words (base64, rules of dashes, Chinese without punctuation) are measured in pieces: cost stays linear."""


def count_tokens(text: str) -> int:
    """How many cl100k tokens a text is."""
    classes = text if text.isascii() else "".join(map(_class, text))
    return sum(
        _word_tokens(text[start : min(start + _LONGEST, match.end())])
        for match in _WORD.finditer(classes)
        for start in range(match.start(), match.end(), _LONGEST)
    )


def cut(text: str, limit: int) -> list[tuple[int, int]]:
    """Ranges of at most `limit` tokens that touch and cover a text, cut between words where there are any."""
    starts = [start for start, _ in _splitter(limit).chunk_indices(text)]
    return list(pairwise([0, *starts[1:], len(text)]))


@lru_cache(maxsize=8192)
def _class(character: str) -> str:
    if character.isascii():
        return character
    if character.isalpha():
        return "x"
    if unicodedata.category(character).startswith("N"):
        return "0"
    return "\v" if character.isspace() else "#"


@lru_cache(maxsize=65536)
def _word_tokens(word: str) -> int:
    # A lone character is never split, whatever its size: a neighbour that cannot merge with it makes it splittable.
    probe = ("a" if _class(word[0]).isdecimal() else "0") + word
    low, high = 0, 1
    while not _fits(probe, high + 1):
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _fits(probe, middle + 1) else (middle, high)
    return high


def _fits(text: str, capacity: int) -> bool:
    return len(_splitter(capacity).chunks(text)) <= 1


@lru_cache(maxsize=256)
def _splitter(capacity: int) -> "TextSplitter":
    from semantic_text_splitter import TextSplitter

    return TextSplitter.from_tiktoken_model(_MODEL, capacity, trim=False)
