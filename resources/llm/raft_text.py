"""The text of RAFT: how documents and a question become a prompt, and how an answer is written and read.

Both published dialects are read: `<ANSWER>:` (the authors' code) and `##Answer:` (the paper, arXiv 2403.10131).
We write the first.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

QUOTE_OPEN = "##begin_quote##"
QUOTE_CLOSE = "##end_quote##"
ANSWER_TAG = "<ANSWER>:"

INSTRUCTION = (
    "Answer the question from the documents alone. First reason step by step; quote the sentences or table rows "
    f"you rely on word for word between {QUOTE_OPEN} and {QUOTE_CLOSE}. Then end with '{ANSWER_TAG}' and the answer "
    "in as few words as possible. If the documents do not hold the answer, say so instead of guessing. "
    "Write in the language of the question."
)
"""The system message that every arm gets, base and tuned alike."""

REFUSAL = {"en": "The documents do not answer this question.", "zh": "文档没有回答这个问题。"}

_DOCUMENT = re.compile(r"<DOCUMENT>(.*?)</DOCUMENT>\n?", re.DOTALL)
_QUOTE = re.compile(re.escape(QUOTE_OPEN) + r"(.*?)" + re.escape(QUOTE_CLOSE), re.DOTALL)
_ANSWER = re.compile(r"<ANSWER>\s*[:：]|##\s*Answer\s*[:：]", re.IGNORECASE)
_CJK = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
_SOURCES = r"(?:documents?|context|passages?|texts?|sources?|excerpts?|information|materials?)"
_REFUSING = re.compile(
    r"\b(?:can(?:not|'t| not)|could(?: not|n't)|unable to|not able to) (?:be )?(?:answer|determine|find|tell)"
    rf"|\b{_SOURCES}\b[^.]{{0,40}}?\b(?:(?:do|does|did)(?: not|n't)|lacks?)\b"
    rf"|\bn(?:ot|'t) (?:\w+ )?(?:mentioned|provided|specified|stated|included|given|found|available) (?:in|by) [^.]{{0,20}}{_SOURCES}"
    r"|\bno (?:relevant |such )?information\b|\bmissing the required information\b"
    r"|(?:没有|未|无法)(?:能)?(?:回答|提供|提及|说明|找到|包含)",
    re.IGNORECASE,
)
_ANSWERING = re.compile(r"\s*(?:yes|no)\b[,.!]", re.IGNORECASE)


@dataclass(frozen=True)
class ParsedAnswer:
    """A completion taken apart. `final` is empty if the answer tag is missing; `tags` counts answer tags."""

    reasoning: str
    quotes: tuple[str, ...]
    final: str
    tags: int

    @property
    def abstained(self) -> bool:
        return is_refusal(self.final)


def language_of(text: str) -> str:
    """`zh` if at least a fifth of the letters are CJK ideographs, else `en`."""
    letters = sum(character.isalpha() for character in text)
    return "zh" if letters and len(_CJK.findall(text)) * 5 >= letters else "en"


def is_refusal(final: str) -> bool:
    """Whether a final answer declines. Only the answer is looked at: reasoning may mention what is missing."""
    text = final.strip()
    if text in REFUSAL.values():
        return True
    return len(text) <= 200 and not _ANSWERING.match(text) and bool(_REFUSING.search(text))


def render_prompt(documents: Sequence[str], question: str) -> str:
    """The user message: each document between tags, then the question."""
    return "".join(f"<DOCUMENT>{text}</DOCUMENT>\n" for text in documents) + question


def parse_prompt(prompt: str) -> tuple[tuple[str, ...], str]:
    """The documents and the question of `render_prompt`, or of a published row's `instruction`."""
    documents = tuple(match.group(1) for match in _DOCUMENT.finditer(prompt))
    return documents, _DOCUMENT.sub("", prompt).strip()


def quoted(text: str) -> str:
    return f"{QUOTE_OPEN}{text}{QUOTE_CLOSE}"


def render_answer(reasoning: str, final: str) -> str:
    """A target: chain of thought with its quotes already marked by `quoted`, then the tagged answer."""
    return f"{reasoning.strip()} {ANSWER_TAG} {final.strip()}"


def parse_answer(text: str) -> ParsedAnswer:
    """Takes a completion apart, tolerant of white space; the last tag wins and `tags` tells of more."""
    found = list(_ANSWER.finditer(text))
    end = found[-1].start() if found else len(text)
    final = text[found[-1].end() :].strip() if found else ""
    quotes = tuple(match.group(1).strip() for match in _QUOTE.finditer(text))
    return ParsedAnswer(text[:end].strip(), quotes, final, len(found))
