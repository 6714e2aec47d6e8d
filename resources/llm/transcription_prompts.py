"""The transcriber's prompts: a page, or a half of it, as a picture beside a short frame.

The instruction is `prompt_files/transcriber.<language>.md`. The picture alone carries the page: no text of the document
is sent, so that what comes back can be checked against the page's text layer.
"""

from resources.hashing import short_id
from resources.llm.frames import TAGS, as_data
from resources.llm.prompts import LANGUAGES, system_prompt
from resources.llm.request import Image, Message

WHOLE, UPPER, LOWER = "whole page", "upper half", "lower half"
NO_TEXT = "(no text)"
"""What the model answers for a page without words; the instruction says so."""

_PART = "<PART>{part}</PART>"
_ABOVE = "\n<ABOVE>\n{above}\n</ABOVE>"


def transcription_messages(png: bytes, part: str, language: str, above: str = "") -> tuple[Message, ...]:
    """The conversation that asks for a picture's text. `above` is the end of the upper half, for the lower one."""
    user = _PART.format(part=part) + (_ABOVE.format(above=as_data(above)) if above else "")
    image = Image("image/png", png)
    return (Message("system", system_prompt("transcriber", language)), Message("user", user, (image,)))


TRANSCRIPTION_PROMPT_VERSION = short_id(
    [system_prompt("transcriber", language) for language in LANGUAGES], [_PART, _ABOVE, TAGS]
)
