"""Facts of a text: a question that a quotable part answers, with the shortest literal answer in it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from azure_openai.passages import Passage, is_chinese, passages, plain

_MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
_VALUES = (
    (
        "amount",
        "how much",
        re.compile(r"[$€£¥]\s?\d[\d,]*(?:\.\d+)?(?:\s(?:million|billion))?|\d[\d,.]*\s?(?:USD|EUR)\b"),
    ),
    ("number", "what percentage", re.compile(r"\d[\d,]*(?:\.\d+)?\s?%")),
    (
        "date",
        "which date",
        re.compile(
            r"\d{1,2} (?:{0})(?: \d{4})?|(?:{0}) \d{1,2}(?:, \d{4})?\b|\d{4}-\d{2}-\d{2}".replace("{0}", _MONTHS)
        ),
    ),
    (
        "duration",
        "how long",
        re.compile(
            r"(?:\d+|one|two|three|four|five|six|seven|ten|twelve|thirty) "
            r"(?:(?:business|calendar|working) )?(?:second|minute|hour|day|week|month|year)s?\b"
        ),
    ),
    ("number", "what number", re.compile(r"(?<![\w.,$>])\d[\d,]*(?:\.\d+)?(?![\w%<])")),
)
_CHINESE = re.compile(r"\d[\d,]*(?:\.\d+)?\s?(?:%|元|美元|港元|天|个工作日|工作日|个月|年|小时|分钟|次|笔)?")
_VERB = re.compile(r"\s(is|are|must|may|can|will|should|has|have|means|includes?|requires?|allows?)\s", re.IGNORECASE)
_SUBJECT = re.compile(r"\b(?:we|you|i|when|below|above|where|if)\b", re.IGNORECASE)
_DANGLING = re.compile(
    r"^(?:this|that|these|those|it|its|they|their|he|she|such|here|there|if|when|for example|however|also|and|but|or)\b"
    r"|\b(?:this|these|the (?:above|below|following|same|first|second|third|last|next|table|list))\b"
    r"|\b(?:it|its|they|them|their|he|she|his|her|him|here)\b|\b(?:page|footnote|section|step) \d",
    re.IGNORECASE,
)
_DANGLING_CHINESE = re.compile(r"该|此|上述|前述|上文|下文|如下|以下|以上|本(?:文|表|节|章|页|段|条|款)|这|那|其")
LONGEST = 180


@dataclass(frozen=True)
class Fact:
    """A question, its kind, the part that proves the answer, and the answer."""

    question: str
    kind: str
    quote: str
    answer: str


@lru_cache(maxsize=1024)
def facts(title: str, text: str) -> tuple[Fact, ...]:
    """Everything that can be asked about a text, without repeats; questions name the title."""
    found: dict[str, Fact] = {}
    for passage in passages(text):
        if passage.heading:
            continue
        for fact in _of_table(title, passage) if passage.cells else _of_sentence(title, passage.text):
            if len(fact.question) <= 300 and len(fact.answer) <= LONGEST:
                found.setdefault(fact.question.casefold(), fact)
    return tuple(found.values())


def spread(found: Sequence[Fact], count: int) -> list[Fact]:
    """At most `count` facts, one of each part before a second of any."""
    rank: dict[str, int] = {}
    order = []
    for index, fact in enumerate(found):
        rank[fact.quote] = rank.get(fact.quote, -1) + 1
        order.append((rank[fact.quote], index, fact))
    return [fact for _, _, fact in sorted(order, key=lambda item: item[:2])][:count]


def _of_table(title: str, passage: Passage) -> Iterator[Fact]:
    for number, cell in enumerate(passage.cells):
        if not cell.row or not cell.column or not re.search(r"\w", cell.value):
            continue
        if is_chinese(cell.row + cell.column + title):
            question = f"{title}的“{cell.row}”，{cell.column}是什么？"
        else:
            forms = (
                f"{title}: what is the {cell.column} for {cell.row}?",
                f"For {cell.row}, what does {title} give as {cell.column}?",
                f"Which {cell.column} applies to {cell.row} ({title})?",
            )
            question = forms[(number + len(cell.row)) % len(forms)]
        if cell.value.casefold() not in question.casefold():
            yield Fact(question, "table_cell", passage.text, cell.value)


def _of_sentence(title: str, sentence: str) -> Iterator[Fact]:
    if is_chinese(sentence):
        yield from _of_chinese(title, sentence)
        return
    words = plain(sentence).rstrip(".!?")
    if _DANGLING.search(words) or not 4 <= len(words.split()) <= 45 or sentence.rstrip()[-1] not in ".!":
        return
    taken: list[tuple[int, int]] = []
    for kind, asked, pattern in _VALUES:
        for match in pattern.finditer(words):
            if any(match.start() < end and start < match.end() for start, end in taken):
                continue
            taken.append(match.span())
            value = match.group().strip()
            rest = f"{words[: match.start()]}{asked}{words[match.end() :]}"
            if value not in rest and value in sentence:
                yield Fact(f"{title}: {rest[0].lower()}{rest[1:]}?", kind, sentence, value)
    verb = _VERB.search(words)
    if verb and 2 <= len(words[: verb.start()].split()) <= 12 and not _SUBJECT.search(words[: verb.start()]):
        subject, answer = words[: verb.start()].strip(), words[verb.end() :].strip()
        form = "{subject} {verb} what?"
        if verb[1].casefold() in ("is", "are"):
            form = "what {verb} {subject}, in short?"
        elif verb[1].casefold() in ("must", "may", "can", "will", "should"):
            form = "what {verb} {subject} do?"
        if len(answer.split()) >= 2 and answer in sentence:
            asked = form.format(verb=verb[1], subject=subject[0].lower() + subject[1:])
            yield Fact(f"{title}: {asked}", "definition", sentence, answer)


def _of_chinese(title: str, sentence: str) -> Iterator[Fact]:
    words = plain(sentence).rstrip("。！？；")
    if _DANGLING_CHINESE.search(words) or not 6 <= len(words) <= 120:
        return
    for match in _CHINESE.finditer(words):
        value = match.group().strip()
        rest = f"{words[: match.start()]}多少{words[match.end() :]}"
        if value not in rest:
            yield Fact(f"{title}：{rest}？", "number", sentence, value)
    if "是" in words[2:-3]:
        subject, answer = words.split("是", 1)
        yield Fact(f"{title}：{subject}是什么？", "definition", sentence, answer)
