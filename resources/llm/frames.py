"""The frame around document text in a prompt: data between tags, which nothing in the data can close or forge.

Text that spells one of our tags is escaped (`</CHUNK>` goes out as `&lt;/CHUNK>`) and comes back
unchanged by `from_data`. Quotes are looked up in the original, so an escaped tag never enters a table.
"""

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass

TAGS = (
    "TITLE", "OUTLINE", "SECTION", "NEIGHBOURS", "CHUNK", "DOCUMENT", "COUNT", "QUESTION", "PROBLEM", "ANSWER", "PART",
    "ABOVE",
)  # fmt: skip

_NAME = rf"(?=\s*/?\s*(?i:{'|'.join(TAGS)})\b)"
_OPEN = re.compile(rf"(?:<|&(?:amp;)*lt;){_NAME}")
_ESCAPED = re.compile(rf"&((?:amp;)*)lt;{_NAME}")
_SEPARATOR = " > "
_USER = "<TITLE>{title}</TITLE>\n<SECTION>{section}</SECTION>\n<CHUNK>\n{chunk}\n</CHUNK>"
_PARTS = re.compile(
    r"<TITLE>(?P<title>.*?)</TITLE>\n<SECTION>(?P<section>.*?)</SECTION>\n<CHUNK>\n(?P<chunk>.*?)\n</CHUNK>"
    r"(?:\n<COUNT>(?P<count>\d+)</COUNT>|\n<QUESTION>(?P<question>.*?)</QUESTION>)?\s*$",
    re.DOTALL,
)
CHUNK_FRAME = (_USER, _SEPARATOR, TAGS)
"""What the frame consists of: part of every prompt version."""


@dataclass(frozen=True)
class ChunkPrompt:
    """What a user message says: a chunk, where it stands, and how many questions are wanted, or the one asked."""

    title: str
    heading_path: tuple[str, ...]
    text: str
    count: int = 0
    question: str = ""


def as_data(text: str) -> str:
    """The text as it may stand between tags: no tag of ours is spelled in it."""
    return _OPEN.sub(lambda found: "&lt;" if found[0] == "<" else f"&amp;{found[0][1:]}", text)


def from_data(text: str) -> str:
    """The text that `as_data` was given."""
    return _ESCAPED.sub(lambda found: f"&{found[1][4:]}lt;" if found[1] else "<", text)


def render_chunk(title: str, heading_path: Sequence[str], text: str) -> str:
    """A chunk and its place, framed."""
    section = _SEPARATOR.join(html.escape(heading, quote=False) for heading in heading_path)
    return _USER.format(title=html.escape(title, quote=False), section=section, chunk=as_data(text))


def parse_chunk(user_text: str) -> ChunkPrompt:
    """The chunk of a framed user message. Raises `ValueError` for a message without the frame."""
    found = _PARTS.match(user_text)
    if found is None:
        raise ValueError("not a prompt about a chunk: its tags are missing")
    headings = tuple(html.unescape(part) for part in found["section"].split(_SEPARATOR) if part)
    return ChunkPrompt(
        html.unescape(found["title"]),
        headings,
        from_data(found["chunk"]),
        int(found["count"] or 0),
        from_data(found["question"] or ""),
    )
