"""The prompts of teacher and contextualizer: chunks rendered into messages, and read back by the embedded provider.

The texts are in `prompt_files/*.md`, one file per role and language. `PROMPT_VERSION` hashes what is sent besides the
chunk, so that an edited prompt is another request and never takes an old prompt's answer.
"""

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from resources.hashing import short_id
from resources.llm.raft_text import language_of
from resources.llm.request import Message, chat

KINDS = (
    "definition", "amount", "date", "duration", "number", "condition", "procedure", "list", "table_cell", "which",
    "yes_no", "tick", "who", "contact", "reason", "definition_term", "other",
)  # fmt: skip

TEACHER_SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["questions"],
    "properties": {
        "questions": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["question", "quotes", "answer", "final_answer", "kind"],
                "properties": {
                    "question": {"type": "string"},
                    "quotes": {"type": "array", "items": {"type": "string"}},
                    "answer": {"type": "string"},
                    "final_answer": {"type": "string"},
                    "kind": {"type": "string", "enum": list(KINDS)},
                },
            },
        }
    },
}
"""The JSON schema of the teacher's structured output."""

_USER = "<TITLE>{title}</TITLE>\n<SECTION>{section}</SECTION>\n<CHUNK>\n{chunk}\n</CHUNK>"
_COUNT = "\n<COUNT>{count}</COUNT>"
_SEPARATOR = " > "
_PARTS = re.compile(
    r"<TITLE>(?P<title>.*?)</TITLE>\n<SECTION>(?P<section>.*?)</SECTION>\n<CHUNK>\n(?P<chunk>.*)\n</CHUNK>"
    r"(?:\n<COUNT>(?P<count>\d+)</COUNT>)?\s*$",
    re.DOTALL,
)


@dataclass(frozen=True)
class ChunkPrompt:
    """What a user message says: a chunk, where it stands, and how many questions are wanted (0: none asked for)."""

    title: str
    heading_path: tuple[str, ...]
    text: str
    count: int = 0


def teacher_messages(title: str, heading_path: Sequence[str], text: str, count: int) -> tuple[Message, ...]:
    """The conversation that asks for up to `count` questions about a chunk. Shared text first, for prompt caches."""
    user = _render(title, heading_path, text) + _COUNT.format(count=count)
    return chat(system_prompt("teacher", language_of(text)), user)


def context_messages(title: str, heading_path: Sequence[str], text: str) -> tuple[Message, ...]:
    """The conversation that asks for a chunk's context line. It knows no ids, versions or page numbers."""
    return chat(system_prompt("contextualizer", language_of(text)), _render(title, heading_path, text))


def parse_teacher_prompt(user_text: str) -> ChunkPrompt:
    """The chunk and the count of `teacher_messages`' user message."""
    return _parse(user_text)


def parse_context_prompt(user_text: str) -> ChunkPrompt:
    """The chunk of `context_messages`' user message."""
    return _parse(user_text)


@cache
def system_prompt(role: str, language: str) -> str:
    """The instruction of a role in a language."""
    path = files("resources.llm") / "prompt_files" / f"{role}.{language}.md"
    return path.read_text(encoding="utf-8").strip()


@cache
def prompt_version(role: str) -> str:
    """A hash of everything a role is sent besides the chunk: its instructions, the frame and the schema."""
    frame = (_USER, _COUNT, TEACHER_SCHEMA) if role == "teacher" else (_USER,)
    return short_id(role, [system_prompt(role, language) for language in ("en", "zh")], frame)


def _render(title: str, heading_path: Sequence[str], text: str) -> str:
    section = _SEPARATOR.join(html.escape(heading, quote=False) for heading in heading_path)
    return _USER.format(title=html.escape(title, quote=False), section=section, chunk=text)


def _parse(user_text: str) -> ChunkPrompt:
    found = _PARTS.match(user_text)
    if found is None:
        raise ValueError("not a prompt about a chunk: its tags are missing")
    headings = tuple(html.unescape(part) for part in found["section"].split(_SEPARATOR) if part)
    return ChunkPrompt(html.unescape(found["title"]), headings, found["chunk"], int(found["count"] or 0))


TEACHER_PROMPT_VERSION = prompt_version("teacher")
CONTEXT_PROMPT_VERSION = prompt_version("contextualizer")
