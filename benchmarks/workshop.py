"""The published workshop rows as third-party questions: question, plain reference, quotes, documents shown.

Most published answers carry a cheerful tone that the workshop's prompt forced on them. What is scored is the answer
without it. The rule is conservative; a sentence that holds a number is never dropped:

1. emoji go, and so does an echo of the tone instruction itself;
2. a closing tag question goes (`$5.00, isn't that great?`);
3. a sentence after the first goes if it opens like a wish (`Enjoy ...`, `Happy ...`, `Have a great day`), or if fewer
   than half of its content words occur in the quotes, the question or what was kept before it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from assets.raft.dialects import AuditRow, read_rows
from resources.llm.raft_text import is_refusal, parse_answer
from resources.search.tokenizer import STOP_WORDS, tokens

FILES = ("banking_train.jsonl", "banking_validation.jsonl", "banking_test.jsonl")

_EMOJI = re.compile("[\U0001f000-\U0001faff\u2600-\u2712\u2715-\u2717\u2719-\u27bf\u2b00-\u2bff\ufe0f\u200d]+")
_TONE_ECHO = re.compile(r",?\s*the answer should be given in a joyful and friendly tone", re.IGNORECASE)
_TAG_QUESTION = re.compile(
    r"(?:[,;]\s*|\s+and\s+|,\s*and\s+)(?:isn['’]t (?:that|it)|how (?:great|convenient|exciting|neat)|that['’]s great)"
    r"\b[^.?!]*[.?!]*\s*$",
    re.IGNORECASE,
)
_WISH = re.compile(
    r"(?:happy|enjoy|have (?:a|an|fun)|stay|keep|hope|isn['’]t|how (?:great|convenient|exciting|neat)|it['’]s like"
    r"|hooray|great news|good news|so,? (?:go ahead|make sure)|just remember)\b",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z*\"])")


@dataclass(frozen=True)
class WorkshopRow:
    """A published row. `answer` is without its tone; `source` is file and line."""

    question: str
    answer: str
    quotes: tuple[str, ...]
    documents: tuple[str, ...]
    source: str
    declines: bool


def read_workshop(folder: Path) -> list[WorkshopRow]:
    """Every published row, in file order, whatever split it was published in."""
    return [_row(row) for name in FILES for row in read_rows(folder / name)]


def _row(row: AuditRow) -> WorkshopRow:
    parsed = parse_answer(row.answer)
    quotes = tuple(quote.strip().strip('"“”').strip() for quote in parsed.quotes)
    answer = without_tone(parsed.final, row.question, quotes)
    # A published refusal opens with an apology; `is_refusal` alone would also take "No fee is mentioned ..." for one.
    declines = is_refusal(parsed.final) and parsed.final.lower().startswith(("i'm sorry", "i’m sorry", "sorry"))
    return WorkshopRow(
        " ".join(row.question.split()), answer, quotes, row.documents, f"{row.file}:{row.line}", declines
    )


def without_tone(final: str, question: str, quotes: Iterable[str]) -> str:
    """The final answer without its forced tone; see the module for the rule."""
    text = _TONE_ECHO.sub("", _EMOJI.sub("", final)).strip()
    known = _content(question + " " + " ".join(quotes))
    kept: list[str] = []
    for sentence in _SENTENCE_END.split(text):
        plain = _TAG_QUESTION.sub("", sentence).strip()
        if not kept or _informs(plain, known):
            kept.append(plain)
            known |= _content(plain)
    joined = " ".join(sentence if sentence[-1:] in ".!?" else f"{sentence}." for sentence in kept if sentence)
    return re.sub(r"[.!?\s]+$", "", re.sub(r"!(?=\s)", ".", joined)).strip()


def _informs(sentence: str, known: set[str]) -> bool:
    if any(character.isdigit() for character in sentence):
        return True
    words = _content(sentence)
    return not _WISH.match(sentence) and len(words & known) * 2 >= len(words) > 0


def _content(text: str) -> set[str]:
    return set(tokens(text, STOP_WORDS))
