"""Answers to questions from the text at hand: the part that overlaps most, quoted, with its shortest literal answer."""

import itertools
import math
import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from azure_openai.facts import facts
from azure_openai.passages import CJK, Passage, is_chinese, passages, plain

REFUSAL = {"en": "The documents do not answer this question.", "zh": "文档没有回答这个问题。"}
ENOUGH = 0.42
"""The share of the question's weight that a part must hold, else there is no answer."""

_WORD = re.compile(r"[a-z]+|\d[\d,.]*\d|\d", re.IGNORECASE)
_STOP = frozenset(
    "a an and are as at be by can could do does for from get had has have how i if in is it may me much must my not of on "
    "or our per should the their there they this to us was we were what when which who will with would you your long "
    "many number percentage date say give applies short hold".split()
)
_ASKED = (
    (
        r"how much|cost|price|fee|charge|amount|多少",
        r"[$€£¥]\s?\d[\d,]*(?:\.\d+)?|\d[\d,.]*\s?元|\d[\d,]*(?:\.\d+)?\s?%",
    ),
    (
        r"how long|how many days|until when|多久|几天",
        r"\d+ (?:\w+ )?(?:second|minute|hour|day|week|month|year)s?|\d+\s?个?(?:工作日|天|月|年|小时|分钟)",
    ),
    (r"percent|rate|比例|利率", r"\d[\d,]*(?:\.\d+)?\s?%"),
    (r"how many|what number|几", r"\d[\d,]*(?:\.\d+)?"),
)


def quoted(text: str) -> str:
    return f"##begin_quote##{text}##end_quote##"


def refuse(question: str) -> str:
    return REFUSAL["zh" if is_chinese(question) else "en"]


def answer_from_chunk(title: str, chunk: str, question: str) -> str:
    """The answer step: exact for a question of our own making, by overlap for others."""
    for fact in facts(title, chunk):
        if fact.question.casefold() == question.casefold():
            return _render(question, fact.quote, fact.answer)
    return answer_from_documents([chunk], question, title)


def answer_from_documents(documents: Sequence[str], question: str, known: str = "") -> str:
    """A student's answer: the best part of all documents, or a refusal. Words of `known` prove nothing."""
    asked = words(question) - words(known)
    parts = [(number, part) for number, text in enumerate(documents) for part in passages(text) if not part.heading]
    if not asked or not parts:
        return refuse(question)
    frequency = Counter(word for _, part in parts for word in words(part.searched))
    around = [words(text) for text in documents]

    def weight(word: str) -> float:
        return math.log(1 + len(parts) / (0.5 + max(1, frequency[word])))

    total = sum(weight(word) for word in asked)

    def score(item: tuple[int, Passage]) -> float:
        inside = words(item[1].searched)
        near = sum(weight(word) for word in asked & around[item[0]] - inside)
        return sum(weight(word) for word in asked & inside) + 0.4 * near

    best = max(parts, key=score)
    if score(best) < ENOUGH * total:
        return refuse(question)
    return _render(question, best[1].text, literal(question, best[1]))


def literal(question: str, part: Passage) -> str:
    """The shortest literal answer in a part: the cell that the question's words lead to, a value, or all of it."""
    asked = words(question)
    if part.cells:
        best = max(part.cells, key=lambda cell: (len(words(cell.column) & asked), -part.cells.index(cell)))
        return best.value
    for wanted, pattern in _ASKED:
        if re.search(wanted, question, re.IGNORECASE):
            values = [found.group() for found in re.finditer(pattern, part.text)]
            fresh = [value for value in values if value not in question]
            if fresh:
                return fresh[0]
    return plain(part.text).rstrip(".。")[:190]


@lru_cache(maxsize=16384)
def words(text: str) -> frozenset[str]:
    """What a text is compared by: word stems, and pairs of ideographs."""
    plain_words = {word.casefold() for word in _WORD.findall(text)} - _STOP
    stems = {re.sub(r"(?:ing|ed|es|s)$", "", word) if len(word) > 4 else word for word in plain_words}
    ideographs = CJK.findall(text)
    return frozenset(stems | {first + second for first, second in itertools.pairwise(ideographs)})


def _render(question: str, quote: str, final: str) -> str:
    if is_chinese(question):
        return f"文档中写道：{quoted(quote)} 因此答案就在这里。 <ANSWER>: {final}"
    return f"The question is settled by one part of the text: {quoted(quote)} It states the answer directly. <ANSWER>: {final}"
