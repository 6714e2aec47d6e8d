"""What stands around a chunk: headings of its section and the text next to it, or its whole document.

A chunk's surroundings hold little of the document, so that an edit changes the surroundings of few chunks: of the
outline only headings of its own section, of the text only a short stretch on either side. Headings come from the
chunks' texts and not from their paths, because paths depend on where chunks begin.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from assets.chunks.blocks import Heading, heading_words, path_after, split_blocks
from resources.llm.context_prompts import Surroundings
from resources.tokens import count_tokens

MOST_HEADINGS = 12
"""Headings of a section that are listed on either side of the chunk's own."""

_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]\s*|[^\s\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+\s*")

Path = tuple[str, ...]


def section_windows(chunks: Sequence[Mapping[str, Any]], title: str, window_tokens: int) -> list[Surroundings]:
    """The surroundings of each chunk of one document, given in reading order.

    The neighbours' text is the end of the chunk before and the beginning of the chunk after, where those stand under
    the same top-level heading.
    """
    outline = Outline(chunks, title)
    windows = []
    for index, chunk in enumerate(chunks):
        before = chunks[index - 1] if index else None
        after = chunks[index + 1] if index + 1 < len(chunks) else None
        windows.append(
            Surroundings(
                outline.around(tuple(chunk["heading_path"])),
                last_words(before["text"], window_tokens) if before and _same_section(before, chunk) else "",
                first_words(after["text"], window_tokens) if after and _same_section(chunk, after) else "",
            )
        )
    return windows


def whole_document(chunks: Iterable[Mapping[str, Any]]) -> str:
    """The text of one document, given its chunks in reading order."""
    return "\n\n".join(chunk["text"] for chunk in chunks)


class Outline:
    """The headings of one document, each under its parent, in reading order."""

    def __init__(self, chunks: Iterable[Mapping[str, Any]], title: str):
        self._below: dict[Path, list[str]] = defaultdict(list)
        above: tuple[Heading, ...] = ()
        for chunk in chunks:
            for block in split_blocks(chunk["text"]):
                if not block.title:
                    continue
                above = path_after([block], above)
                *parents, last = [one.title for one in above]
                path = tuple(name for name in parents if _key(name) != _key(title))
                if _key(last) != _key(title) and last not in self._below[path]:
                    self._below[path].append(last)

    def around(self, path: Path) -> Path:
        """The headings beside and below a chunk's own, of its top-level section alone.

        Top-level headings are not listed: every chunk would then depend on every one of them.
        """
        beside = self._near(path[:-1], path[-1]) if len(path) > 1 else []
        below = self._near(path, "") if path else []
        return tuple(dict.fromkeys([*beside, *below]))

    def _near(self, parent: Path, own: str) -> list[str]:
        headings = self._below.get(parent, [])
        place = headings.index(own) if own in headings else 0
        return headings[max(0, place - MOST_HEADINGS) : place + MOST_HEADINGS + 1]


def first_words(text: str, limit: int) -> str:
    """The beginning of a text up to a number of tokens, ended at a word."""
    text = text.lstrip()
    return text[: _reach((match.group() for match in _WORD.finditer(text)), limit)].strip()


def last_words(text: str, limit: int) -> str:
    """The end of a text up to a number of tokens, begun at a word. Nothing further up decides where it begins."""
    text = text.rstrip()
    words = [match.group() for match in _WORD.finditer(text)]
    return text[len(text) - _reach(reversed(words), limit) :].strip()


def _reach(words: Iterable[str], limit: int) -> int:
    """Characters of the words that fit into the limit."""
    reach = used = 0
    for word in words:
        used += count_tokens(word)
        if used > limit:
            break
        reach += len(word)
    return reach


def _same_section(above: Mapping[str, Any], below: Mapping[str, Any]) -> bool:
    return list(above["heading_path"][:1]) == list(below["heading_path"][:1])


def _key(heading: str) -> str:
    return heading_words(heading).casefold()
