"""The prompt as the emulator reads it: which tagged parts it has, and so what is asked."""

import html
import re
from dataclasses import dataclass

_NAMES = "TITLE|OUTLINE|SECTION|NEIGHBOURS|CHUNK|DOCUMENT|COUNT|QUESTION|PROBLEM|ANSWER"
_ESCAPED = re.compile(rf"&(?:amp;)*lt;(?=\s*/?\s*(?i:{_NAMES})\b)")
_DOCUMENTS = re.compile(r"<DOCUMENT>(.*?)</DOCUMENT>\n?", re.DOTALL)


@dataclass(frozen=True)
class Turn:
    """A message: who speaks, the text, and the pictures that come with it."""

    role: str
    text: str
    pictures: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class Frame:
    """What the last framed user message holds. `count` is -1 if no number of questions is asked for."""

    title: str
    headings: tuple[str, ...]
    chunk: str
    question: str
    count: int
    documents: tuple[str, ...]
    rest: str


def read_frame(turns: tuple[Turn, ...]) -> Frame:
    """The frame of the last user message that has one; a request for repair refers to the message before it."""
    users = [turn.text for turn in turns if turn.role == "user"]
    framed = [text for text in users if "<CHUNK>" in text or "<DOCUMENT>" in text]
    text = (framed or users or [""])[-1]
    chunk = _between(text, "CHUNK")
    documents = tuple(_DOCUMENTS.findall(text))
    section = _between(text, "SECTION")
    count = _between(text, "COUNT")
    return Frame(
        html.unescape(_between(text, "TITLE")),
        tuple(html.unescape(part) for part in section.split(" > ") if part),
        _ESCAPED.sub("<", chunk.removeprefix("\n").removesuffix("\n")),
        _ESCAPED.sub("<", _between(text, "QUESTION").strip()),
        int(count) if count.strip().isdigit() else -1,
        documents,
        _DOCUMENTS.sub("", text).strip(),
    )


def _between(text: str, tag: str) -> str:
    """The text between the last pair of tags of a kind."""
    end = text.rfind(f"</{tag}>")
    start = text.rfind(f"<{tag}>", 0, end) if end >= 0 else -1
    return text[start + len(tag) + 2 : end] if start >= 0 else ""
