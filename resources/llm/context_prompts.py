"""The contextualizer's prompts: a chunk, where it stands and what stands around it, rendered into messages.

The instructions are `prompt_files/contextualizer*.md`. `CONTEXT_PROMPT_VERSION` hashes everything that is sent besides
the document's own text, so that an edited prompt is another request.
"""

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass

from resources.hashing import short_id
from resources.llm.frames import TAGS, as_data
from resources.llm.prompts import LANGUAGES, system_prompt
from resources.llm.raft_text import language_of
from resources.llm.request import Message, chat

SECTION_WINDOW, WHOLE_DOCUMENT = "contextualizer", "contextualizer_document"
"""The names of the two instructions: beside the chunk stands its section, or its document."""

_SEPARATOR = " > "
_DOCUMENT = "<DOCUMENT>\n{document}\n</DOCUMENT>\n"
_TITLE = "<TITLE>{title}</TITLE>\n"
_OUTLINE = "<OUTLINE>\n{outline}\n</OUTLINE>\n"
_SECTION = "<SECTION>{section}</SECTION>\n"
_NEIGHBOURS = "<NEIGHBOURS>\n{before}\n[...]\n{after}\n</NEIGHBOURS>\n"
_CHUNK = "<CHUNK>\n{chunk}\n</CHUNK>"
_PROBLEM = "<PROBLEM>{problem}</PROBLEM>"
_PLACE = re.compile(r"<TITLE>(?P<title>[^<]*)</TITLE>\n.*?<SECTION>(?P<section>[^<]*)</SECTION>\n", re.DOTALL)


@dataclass(frozen=True)
class Surroundings:
    """What is sent with a chunk: headings of its section and the text next to it, or its whole document.

    `document` is empty unless the whole document is sent. It then stands first, so that the prompts of all chunks of
    a document begin alike.
    """

    outline: tuple[str, ...] = ()
    before: str = ""
    after: str = ""
    document: str = ""


@dataclass(frozen=True)
class Place:
    """Title and headings of a chunk, as its prompt names them."""

    title: str
    heading_path: tuple[str, ...]


NOWHERE = Surroundings()


def context_messages(
    title: str, heading_path: Sequence[str], text: str, around: Surroundings = NOWHERE
) -> tuple[Message, ...]:
    """The conversation that asks for a chunk's context line. It knows no ids, versions or page numbers.

    The instruction is in the language of the chunk, or of the document where the whole document is sent.
    """
    user = _TITLE.format(title=_line(title))
    if around.document:
        user = _DOCUMENT.format(document=as_data(around.document)) + user
    if around.outline:
        user += _OUTLINE.format(outline="\n".join(f"- {_line(heading)}" for heading in around.outline))
    user += _SECTION.format(section=_SEPARATOR.join(_line(heading) for heading in heading_path))
    if around.before or around.after:
        user += _NEIGHBOURS.format(before=as_data(around.before), after=as_data(around.after))
    user += _CHUNK.format(chunk=as_data(text))
    name = WHOLE_DOCUMENT if around.document else SECTION_WINDOW
    return chat(system_prompt(name, language_of(around.document or text)), user)


def another_line_messages(asked: Sequence[Message], answer: str, problem: str) -> tuple[Message, ...]:
    """The conversation that asks once more, after a line that cannot be used."""
    said = (Message("assistant", answer),) if answer.strip() else ()
    return (*asked, *said, Message("user", _PROBLEM.format(problem=as_data(problem))))


def parse_context_prompt(user_text: str) -> Place:
    """Title and headings of `context_messages`' user message. Raises `ValueError` for a message without the frame."""
    found = _PLACE.search(user_text)
    if found is None:
        raise ValueError("not a prompt about a chunk: its tags are missing")
    headings = tuple(html.unescape(part) for part in found["section"].split(_SEPARATOR) if part)
    return Place(html.unescape(found["title"]), headings)


def _line(text: str) -> str:
    return html.escape(" ".join(text.split()), quote=False)


CONTEXT_PROMPT_VERSION = short_id(
    [system_prompt(name, language) for name in (SECTION_WINDOW, WHOLE_DOCUMENT) for language in LANGUAGES],
    [_DOCUMENT, _TITLE, _OUTLINE, _SECTION, _NEIGHBOURS, _CHUNK, _PROBLEM, TAGS],
)
