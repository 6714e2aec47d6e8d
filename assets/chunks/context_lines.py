"""What a context line must be: one line of moderate length that names its place and says nothing the texts do not."""

import re
from collections.abc import Sequence
from functools import lru_cache

from resources.llm.context_prompts import Surroundings
from resources.llm.embedded.contextualizer import write_context
from resources.llm.frames import TAGS
from resources.llm.raft_text import ANSWER_TAG, QUOTE_CLOSE, QUOTE_OPEN
from resources.llm.request import Completion
from resources.search.tokenizer import STOP_WORDS, tokens
from resources.text import collapsed, visible

MOST_WORDS = 60
MOST_CHARACTERS = 400
KNOWN_SHARE = 0.5
"""Share of a line's words that must stand in what the model was sent: the rest is the joining of a paraphrase."""

_LABEL = re.compile(r"^(?:[#>*\-\s]+|(?:context(?: line)?|line|说明|上下文)\s*[:：]\s*)+", re.IGNORECASE)
_FENCE = re.compile(r"^\s*```\w*\s*$", re.MULTILINE)
_QUOTES = "\"'“”‘’「」`*_ "
_LINK = re.compile(r"https?://|www\.|\S@\S|\]\(", re.IGNORECASE)
_TAG = re.compile(
    rf"</?\s*(?:{'|'.join(TAGS)})\b|{re.escape(QUOTE_OPEN)}|{re.escape(QUOTE_CLOSE)}|{re.escape(ANSWER_TAG)}", re.I
)
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


def read_line(
    completion: Completion, title: str, heading_path: Sequence[str], text: str, around: Surroundings
) -> tuple[str, str]:
    """The line that a completion holds and what is wrong with it; nothing is if the second is empty."""
    if completion.failure:
        return "", f"not answered: {completion.failure}"
    if completion.finish_reason != "stop":
        return collapsed(completion.text), f"the answer ended early ({completion.finish_reason})"
    line = clean_line(completion.text)
    return line, defect(line, title, heading_path, text, around)


def clean_line(answer: str) -> str:
    """An answer as one plain line, without fence, label, quotation marks or hidden characters."""
    line = collapsed(visible(_FENCE.sub("", answer)))
    return _LABEL.sub("", line).strip(_QUOTES)


def defect(line: str, title: str, heading_path: Sequence[str], text: str, around: Surroundings) -> str:
    """Why a line is not used; empty if it is. The deterministic line of title and headings always is.

    A line that a passage's own instructions brought about names neither document nor section, or brings what the
    texts do not say.
    """
    if line == write_context(title, heading_path):
        return ""
    if not line:
        return "the line is empty"
    if len(line) > MOST_CHARACTERS or len(line.split()) > MOST_WORDS:
        return f"the line is longer than {MOST_WORDS} words or {MOST_CHARACTERS} characters"
    if _TAG.search(line) or _LINK.search(line):
        return "the line holds a tag or a link"
    if not _names(line, [title, *heading_path]):
        return "the line names neither the document nor its section"
    own = "\n".join([title, *heading_path, *around.outline, around.before, around.after, text])
    words, numbers = (one | other for one, other in zip(_known(own), _known(around.document), strict=True))
    if _numbers(line) - numbers:
        return "the line holds a number that the texts do not"
    said = tokens(line, STOP_WORDS)
    if said and sum(word in words for word in said) < KNOWN_SHARE * len(said):
        return "most words of the line are not in the texts"
    return ""


@lru_cache(maxsize=64)
def _known(text: str) -> tuple[frozenset[str], frozenset[str]]:
    """The words and the numbers of a text. Remembered, because all chunks of a document may share one."""
    return frozenset(tokens(text, STOP_WORDS)), _numbers(text)


def _numbers(text: str) -> frozenset[str]:
    """The numbers of a text, however they are written: `1,500.00` is `1500`."""
    return frozenset(
        re.sub(r"(\.\d*?)0+$", r"\1", found.replace(",", "")).rstrip(".") for found in _NUMBER.findall(text)
    )


def _names(line: str, names: Sequence[str]) -> bool:
    """Whether the line holds at least half of the words of one of these names; true if they have none."""
    said = set(tokens(line))
    wanted = [words for words in (set(tokens(name, STOP_WORDS)) for name in names) if words]
    return not wanted or any(2 * len(words & said) >= len(words) for words in wanted)
