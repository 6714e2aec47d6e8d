"""Candidates from running text: sentences, the values and clauses in them, defined terms, list items, whole lists."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from resources.llm.embedded.candidate import (
    DEFINITION,
    ITEM_KIND,
    LIST,
    SENTENCE,
    Candidate,
    conditions_of,
    inner_values,
    labels,
    short,
)
from resources.llm.embedded.markdown_blocks import HEADING, ITEM, NOTE, TABLE, Block, sentences
from resources.llm.embedded.values import TEXT, clean, footnote_marks
from resources.llm.raft_text import language_of

_LONGEST_QUOTE = 1200
_TERM = re.compile(
    r"^\s*(?:\*\*(?P<bold>[^*\n]{2,80}?)\s*[:：]\s*\*\*|\*\*(?P<before>[^*\n]{2,80}?)\*\*\s*(?:[:：]|\s[—–-]\s)"
    r"|_(?P<italic>[^_\n]{2,60}?)[:：]_|(?P<plain>[A-Z][^.:;!?,|\n]{2,70}?|[\u3400-\u9fff][^。：；，|\n]{1,20}?)[:：])"
    r"\s*(?P<body>\S(?=(?:\S*\s){3}|[^\n]{8}))"
)
_MEANS = re.compile(
    r"^(?!(?:It|This|That|They|These|Those|There|Here|You|We|I|Which|Who|What|He|She|Our|Your)\b)(?:(?:An?|The)\s+)?(?P<term>[^,;:.]{2,60}?)\s+(?:is|are|means?|refers? to)\s+(?:an?|the|any|all)\s+\S",
    re.I,
)
_MEANS_ZH = re.compile(r"^(?P<term>[^，。；：]{2,20}?)(?:是指|指的是|系指|即为|，是指)\S")
_WHEN = r"(?:if|when|once|unless|until|after|before|as soon as|provided(?: that)?|in case|where|while)"
_CONDITIONALS = (
    re.compile(rf"(?P<condition>{_WHEN}\b[^,;:]{{6,120}}),\s+(?:then )?(?P<consequence>.{{8,}})$", re.I),
    re.compile(rf"(?P<consequence>[^,;:]{{12,120}}?),?\s+(?P<condition>{_WHEN}\s[^,;:]{{6,120}}?)[.!]?$", re.I),
    re.compile(r"(?P<condition>(?:如果|如|若|当|凡|自)[^，。；]{3,50}?(?:的|时|后|前|起)?)，(?P<consequence>.{4,})$"),
)


@dataclass(frozen=True)
class ListAround:
    """The positions of a list's first and last item, the line that introduces it and that line's block."""

    first: int
    last: int
    intro: str
    before: Block | None


def prose_candidates(text: str, block: Block, heading: str, notes: dict[str, str]) -> Iterator[Candidate]:
    own = {} if block.kind == NOTE else notes
    row = _marked(text, block.mark) if block.kind == NOTE else ""
    term = _TERM.match(text[block.start : block.end]) if block.kind != NOTE else None
    begin = block.start
    if term:
        name = _term(term)
        begin = block.start + term.start("body")
        yield _definition(text, block.start, block.end, name, clean(text[begin : block.end]), heading, own)
    before = ""
    for index, (start, end) in enumerate(sentences(text, begin, block.end)):
        quoted_from = block.start if term and index == 0 else start
        found = _sentence(text, quoted_from, start, end, heading, name if term else row, own)
        yield from (replace(candidate, before=before) for candidate in found)
        before = clean(text[start:end])


def _marked(text: str, mark: str) -> str:
    """What the first mark of a footnote stands behind: the words before it in its cell or line."""
    match = re.search(rf"([^|\n<>]{{2,80}})(?:\*\*|\s)*<sup>(?:\*\*)?\s*{re.escape(mark)}\b", text)
    words = clean(match.group(1)) if match else ""
    return re.split(r"(?<=[.!?。])\s", words)[-1].lstrip("•- ")


def _term(match: re.Match[str]) -> str:
    return clean(next(filter(None, match.group("bold", "before", "italic", "plain"))))


def _definition(
    text: str, start: int, end: int, term: str, body: str, heading: str, notes: dict[str, str]
) -> Candidate:
    quote = text[start:end].strip()
    base = labels(heading=heading, row=term, conditions=conditions_of(footnote_marks(quote), notes))
    spelled = " | ".join(part for part in (heading, f"{term}: {body}") if part)
    return Candidate(
        spelled, quote, start, start + len(quote), short(body), DEFINITION, TEXT, language_of(body), **base
    )


def _sentence(
    text: str, quote_start: int, start: int, end: int, heading: str, row: str, notes: dict[str, str]
) -> Iterator[Candidate]:
    body, quote = clean(text[start:end]), text[quote_start:end]
    if len(body) < 4 or body.endswith((":", "：")) or not any(character.isalpha() for character in body):
        return
    language = language_of(body)
    base = labels(heading=heading, row=row, conditions=conditions_of(footnote_marks(quote), notes))
    spelled = " | ".join(part for part in (heading, row, body) if part)
    means = _MEANS.match(body) or _MEANS_ZH.match(body)
    if means and not row:
        defined = labels(**{**base, "row": means.group("term")})
        yield Candidate(spelled, quote, quote_start, end, short(body), DEFINITION, TEXT, language, **defined)
    else:
        yield Candidate(spelled, quote, quote_start, end, short(body), SENTENCE, TEXT, language, **base)
    yield from inner_values(body, spelled, quote, quote_start, end, SENTENCE, language, base)
    for answer, near in _clauses(body):
        yield Candidate(spelled, quote, quote_start, end, short(answer), SENTENCE, TEXT, language, near=near, **base)


def _clauses(body: str) -> Iterator[tuple[str, str]]:
    """The consequence of a conditional sentence beside its condition, and the other way round."""
    for pattern in _CONDITIONALS:
        if match := pattern.match(body):
            condition, consequence = match.group("condition"), match.group("consequence").rstrip(".。；; ")
            yield consequence, condition
            yield condition, consequence
            return


def item_candidates(
    text: str,
    parts: Sequence[Block],
    position: int,
    lists: Mapping[int, ListAround],
    heading: str,
    notes: dict[str, str],
) -> Iterator[Candidate]:
    """The candidates of a list item, and of its whole list when it is the first of one."""
    block = parts[position]
    body = clean(text[block.start : block.end])
    if not body:
        return
    around = lists[position]
    intro = around.intro
    if position == around.first < around.last:
        yield from _whole_list(text, parts[around.first : around.last + 1], intro, heading, around.before)
    term = _TERM.match(text[block.start : block.end])
    if term:
        name = _term(term)
        rest = clean(text[block.start + term.start("body") : block.end])
        yield _definition(text, block.start, block.end, name, rest, heading, notes)
    if _leads(text, block):
        return
    quote = text[block.start : block.end]
    base = labels(heading=heading, row=intro, conditions=conditions_of(footnote_marks(quote), notes))
    spelled = " | ".join(part for part in (heading, intro, body) if part)
    language = language_of(body)
    yield Candidate(spelled, quote, block.start, block.end, short(body), ITEM_KIND, TEXT, language, **base)
    yield from inner_values(body, spelled, quote, block.start, block.end, ITEM_KIND, language, base)


def _whole_list(
    text: str, items: Sequence[Block], intro: str, heading: str, before: Block | None
) -> Iterator[Candidate]:
    start = items[0].start if before is None else before.start
    quote = text[start : items[-1].end]
    if len(quote) > _LONGEST_QUOTE:
        return
    names = [clean(text[item.start : item.end]).rstrip(".;。；,， ") for item in items]
    language = language_of(" ".join(names))
    answer = ("；" if language == "zh" else "; ").join(names)
    spelled = " | ".join(part for part in (heading, intro, answer) if part)
    yield Candidate(
        spelled, quote, start, items[-1].end, short(answer), LIST, TEXT, language, heading=heading, row=intro
    )


def lists_of(text: str, parts: Sequence[Block]) -> dict[int, ListAround]:
    """For the position of every list item the list that it belongs to."""
    found: dict[int, ListAround] = {}
    first = 0
    for position, block in enumerate(parts):
        if block.kind != ITEM:
            continue
        above = parts[position - 1] if position else None
        goes_on = above and above.kind == ITEM and above.level == block.level and not _leads(text, above)
        first = first if goes_on else position
        follows = parts[position + 1] if position + 1 < len(parts) else None
        if not follows or follows.kind != ITEM or follows.level != block.level or _leads(text, block):
            before = parts[first - 1] if first else None
            intro = _intro(text, before) if before else ""
            around = ListAround(first, position, intro, before if intro else None)
            found.update(dict.fromkeys(range(first, position + 1), around))
    return found


def _leads(text: str, block: Block) -> bool:
    """Whether an item introduces the items below it."""
    return clean(text[block.start : block.end]).endswith((":", "："))


def _intro(text: str, block: Block) -> str:
    """The last sentence of the block above a list, if it leads into the list."""
    if block.kind in (HEADING, TABLE, NOTE):
        return ""
    bounds = sentences(text, block.start, block.end)
    last = clean(text[slice(*bounds[-1])]) if bounds else ""
    if block.kind == ITEM and not last.endswith((":", "：")) and (block.level == 0 or len(last) > 80):
        return ""
    return last.rstrip(":： ") if last.endswith((":", "：")) or not last.endswith((".", "。", "!", "！")) else ""
