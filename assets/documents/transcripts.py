"""A vision model's answer as a page's markdown: in the conventions of the layout reader, or with what is wrong with it."""

import html
import re
import unicodedata

from resources.llm.request import Completion
from resources.llm.transcription_prompts import NO_TEXT
from resources.text import visible

TRUNCATED = "the transcription was cut off"
EMPTY = "no text was found in the picture"

_FENCE = re.compile(r"^[ \t]*(?:```|~~~)[\w+-]*[ \t]*$\n?", re.MULTILINE)
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_BREAK = re.compile(r"[ \t]*<br\s*/?>[ \t]*", re.IGNORECASE)
_STYLE = re.compile(r"</?(?:b|i|u|em|strong|mark|span|p|div|center)(?:\s[^<>]*)?>", re.IGNORECASE)
_HTML = re.compile(r"<\s*(?:table|tr|td|script|style|iframe|object|img|a|svg|form)\b", re.IGNORECASE)
_LINK = re.compile(r"!?\[([^\]\n]*)\]\([^)\s]*\)")
_EMPHASIS = re.compile(r"(\*\*|~~)(?=\S)(.+?)(?<=\S)\1")
_RAISED = re.compile(r"[¹²³⁰⁴-⁹]+")
_NOTE_REFERENCE = re.compile(r"\[\^(\w{1,3})\]:?")
_TICKS = str.maketrans({"✔": "✓", "☑": "✓", "✅": "✓", "🗸": "✓", "✘": "✗", "✖": "✗", "❌": "✗", "☒": "✗"})
_REFUSAL = re.compile(
    r"\bI(?:'m| am) (?:sorry|unable|not able)|\bI (?:cannot|can't|can not|won't)|\bas an AI\b"
    r"|\b(?:cannot|can't|could not|unable to)\b.{0,40}\b(?:image|picture|photo)"
    r"|\b(?:image|picture|photo)\b.{0,60}\b(?:blank|blurr|illegible|unreadable|unclear|not (?:clear|legible|readable))"
    r"|抱歉|对不起|我(?:无法|不能)|图片.{0,20}(?:模糊|无法|看不清|不清楚)",
    re.IGNORECASE,
)
_LONGEST_REFUSAL = 400
_RULE = re.compile(r"\|?(?:\s*:?-+:?\s*\|)+\s*:?-*:?\s*\|?")


def read_transcript(completion: Completion) -> tuple[str, str]:
    """The markdown in a completion and what is wrong with it; nothing is if the second is empty."""
    if completion.failure:
        return "", f"not answered: {completion.failure}"
    if completion.finish_reason == "length":
        return "", TRUNCATED
    if completion.finish_reason != "stop":
        return "", f"the answer ended early ({completion.finish_reason})"
    text = clean_transcript(completion.text)
    if text in ("", NO_TEXT):
        return "", EMPTY
    if len(text) <= _LONGEST_REFUSAL and _REFUSAL.search(text.replace("’", "'")):
        return "", "the model declined"
    if _HTML.search(text):
        return "", "the transcription holds HTML"
    return text, ""


def clean_transcript(answer: str) -> str:
    """An answer without fences, comments, styling and hidden characters; ticks and raised marks as layout writes them."""
    text = _FENCE.sub("", visible(answer.replace("\r\n", "\n").replace("\t", " ")))
    text = _STYLE.sub("", _BREAK.sub(" ", _COMMENT.sub("", text)))
    text = _EMPHASIS.sub(r"\2", _LINK.sub(r"\1", text)).translate(_TICKS)
    text = _NOTE_REFERENCE.sub(r"<sup>\1</sup>", text)
    text = _RAISED.sub(lambda mark: f"<sup>{unicodedata.normalize('NFKC', mark[0])}</sup>", text)
    lines = [line.rstrip() for line in text.split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")


def joined_halves(upper: str, lower: str) -> str:
    """Two halves of a page as one: what the lower one repeats of the upper one's end is left out."""
    above, below = upper.rstrip("\n").split("\n"), lower.split("\n")
    repeated = _repeated(above, below)
    below = below[repeated:]
    if len(below) > 1 and _RULE.fullmatch(below[1].strip()) and _squeezed(below[0]) in map(_squeezed, above):
        below = below[2:]  # the header of a table that goes on
    apart = not repeated or bool(below and not below[0].strip())
    rest = "\n".join(below).strip("\n")
    if not upper.strip() or not rest:
        return upper.rstrip("\n") or rest
    same_table = above[-1].startswith("|") and rest.startswith("|")
    return "\n".join(above) + ("\n\n" if apart and not same_table else "\n") + rest


def end_of(markdown: str, lines: int = 12) -> str:
    """The last lines of a half, with the whole of a table that they end in: its header is needed below."""
    rows = markdown.split("\n")
    start = max(0, len(rows) - lines)
    while start and rows[-1].startswith("|") and rows[start - 1].startswith("|"):
        start -= 1
    return "\n".join(rows[start:])


def plain_words(markdown: str) -> str:
    """A transcription as another one is compared with: no markup but words and numbers, marks apart from words."""
    text = re.sub(r"<sup>(.*?)</sup>", lambda mark: f" {mark[1].replace(',', ' ')} ", markdown)
    return html.unescape(text)


def _repeated(above: list[str], below: list[str]) -> int:
    """How many lines at the beginning of `below` are the end of `above`."""
    ends = [_squeezed(line) for line in above if line.strip()]
    starts = [(index + 1, _squeezed(line)) for index, line in enumerate(below) if line.strip()]
    for count in range(min(len(ends), len(starts)), 0, -1):
        if [line for _, line in starts[:count]] == ends[-count:]:
            return starts[count - 1][0]
    return 0


def _squeezed(line: str) -> str:
    return "".join(re.findall(r"\w", line.casefold()))
