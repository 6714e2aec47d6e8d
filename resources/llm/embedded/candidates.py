"""What a document can answer: its sentences, values, list items, definitions and table cells, each self-contained.

The embedded teacher asks about candidates and the embedded reader chooses among them, so both see text alike.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from resources.llm.embedded.markdown_blocks import HEADING, ITEM, NOTE, TABLE, Block, blocks, context_end, sentences
from resources.llm.embedded.markdown_tables import Entry, read_table
from resources.llm.embedded.values import TEXT, TICK, clean, footnote_marks, value_type, values
from resources.llm.raft_text import language_of

SENTENCE, ITEM_KIND, CELL, DEFINITION, LIST = "sentence", "item", "cell", "definition", "list"
LONGEST_ANSWER = 200
_LONGEST_QUOTE = 1200

_TERM = re.compile(
    r"^\s*(?:\*\*(?P<bold>[^*\n]{2,80}?)\s*[:：]\s*\*\*|\*\*(?P<before>[^*\n]{2,80}?)\*\*\s*(?:[:：]|\s[—–-]\s)"
    r"|_(?P<italic>[^_\n]{2,60}?)[:：]_|(?P<plain>[A-Z][^.:;!?,|\n]{2,70}?|[\u3400-\u9fff][^。：；，|\n]{1,20}?)[:：])"
    r"\s*(?P<body>\S(?=(?:\S*\s){3}|[^\n]{8}))"
)
_MEANS = re.compile(r"^(?!(?:It|This|That|They|These|Those|There|Here|You|We|I|Which|Who|What|He|She|Our|Your)\b)(?:(?:An?|The)\s+)?(?P<term>[^,;:.]{2,60}?)\s+(?:is|are|means?|refers? to)\s+(?:an?|the|any|all)\s+\S", re.I)
_WHEN = r"(?:if|when|once|unless|until|after|before|as soon as|provided(?: that)?|in case|where|while)"
_CONDITIONALS = (
    re.compile(rf"(?P<condition>{_WHEN}\b[^,;:]{{6,120}}),\s+(?:then )?(?P<consequence>.{{8,}})$", re.I),
    re.compile(rf"(?P<consequence>[^,;:]{{12,120}}?),?\s+(?P<condition>{_WHEN}\s[^,;:]{{6,120}}?)[.!]?$", re.I),
    re.compile(r"(?P<condition>(?:如果|如|若|当|凡|自)[^，。；]{3,50}?(?:的|时|后|前|起)?)，(?P<consequence>.{4,})$"),
)
_MEANS_ZH = re.compile(r"^(?P<term>[^，。；：]{2,20}?)(?:是指|指的是|系指|即为|，是指)\S")


@dataclass(frozen=True)
class Candidate:
    """One thing a document can answer.

    `quote` is `document[start:end]`; `conditions` are footnotes that qualify the answer, verbatim as well. `row` is
    the row label with its groups, the line that introduces a list, or the defined term; `near` is the clause around
    a value taken out of a sentence, `before` the sentence in front of a sentence.
    """

    text: str
    quote: str
    start: int
    end: int
    answer: str
    kind: str
    value_type: str
    language: str
    heading: str = ""
    row: str = ""
    column: str = ""
    near: str = ""
    before: str = ""
    conditions: tuple[str, ...] = ()


@lru_cache(maxsize=4096)
def candidates(text: str) -> tuple[Candidate, ...]:
    """The candidates of a chunk, or of a document shown to a model (context line first), in reading order."""
    body = context_end(text)
    context = [part.strip() for part in text[:body].strip().split(" > ") if part.strip()]
    parts = blocks(text, body)
    notes = {block.mark: text[block.start : block.end].strip() for block in parts if block.kind == NOTE}
    found: list[Candidate] = []
    path: list[tuple[int, str]] = []
    for position, block in enumerate(parts):
        heading = " > ".join(dict.fromkeys([*context, *(name for _, name in path)]))
        if block.kind == HEADING:
            name = clean(text[block.start : block.end])
            path = [*(kept for kept in path if kept[0] < block.level), (block.level, name)] if name else path
        elif block.kind == TABLE:
            found += _cells(text, block, heading, notes)
        elif block.kind == ITEM:
            found += _items(text, parts, position, heading, notes)
        else:
            found += _prose(text, block, heading, notes)
    return tuple(_distinct(found))


def document_title(text: str) -> str:
    """The context line of a document shown to a model, without its last heading's chunk; empty if there is none."""
    return text[: context_end(text)].strip()


def _conditions(marks: Iterable[str], notes: dict[str, str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(notes[mark] for mark in marks if mark in notes))


def _cells(text: str, block: Block, heading: str, notes: dict[str, str]) -> Iterator[Candidate]:
    entries = read_table(text, block.start, block.end)
    for entry in entries:
        quote = text[entry.start : entry.end]
        language = language_of(" ".join((entry.row, entry.column, entry.value)))
        answer = _tick_answer(entry.value, language)
        row = " > ".join(part for part in (entry.group, entry.row) if part)
        spelled = f"{' | '.join(part for part in (heading, row, entry.column) if part)}: {answer}"
        kind = TICK if entry.value in ("✓", "✗") else value_type(answer)
        base = dict(heading=heading, row=row, column=entry.column, conditions=_conditions(entry.marks, notes))
        yield Candidate(spelled, quote, entry.start, entry.end, _short(answer), CELL, kind, language, **base)
        if kind == TEXT:
            yield from _values(answer, spelled, quote, entry.start, entry.end, CELL, language, base)
    yield from _columns_of_rows(text, entries, heading)


def _columns_of_rows(text: str, entries: Sequence[Entry], heading: str) -> Iterator[Candidate]:
    """What a row's label states itself, and which columns have a tick in it."""
    rows: dict[tuple[int, str, str], list[Entry]] = {}
    for entry in entries:
        rows.setdefault((entry.start, entry.group, entry.row), []).append(entry)
    for (start, group, label), members in rows.items():
        end, row = members[0].end, f"{group} > {label}" if group else label
        ticked = [entry.column for entry in members if entry.value == "✓" and entry.column]
        quote, language = text[start:end], language_of(label)
        spelled = " | ".join(part for part in (heading, row) if part)
        base = dict(heading=heading, row=row)
        if ticked:
            answer = ("；" if language == "zh" else "; ").join(ticked)
            yield Candidate(f"{spelled}: {answer}", quote, start, end, _short(answer), LIST, TEXT, language, **base)
        if any(entry.value in ("✓", "✗") for entry in members):
            yield from _values(label, spelled, quote, start, end, ITEM_KIND, language, base)


def _tick_answer(value: str, language: str) -> str:
    yes, no = ("是", "否") if language == "zh" else ("Yes", "No")
    return {"✓": yes, "✗": no}.get(value, value)


def _prose(text: str, block: Block, heading: str, notes: dict[str, str]) -> Iterator[Candidate]:
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


def _definition(text: str, start: int, end: int, term: str, body: str, heading: str, notes: dict[str, str]) -> Candidate:
    quote = text[start:end].strip()
    base = dict(heading=heading, row=term, conditions=_conditions(footnote_marks(quote), notes))
    spelled = " | ".join(part for part in (heading, f"{term}: {body}") if part)
    return Candidate(spelled, quote, start, start + len(quote), _short(body), DEFINITION, TEXT, language_of(body), **base)


def _sentence(
    text: str, quote_start: int, start: int, end: int, heading: str, row: str, notes: dict[str, str]
) -> Iterator[Candidate]:
    body, quote = clean(text[start:end]), text[quote_start:end]
    if len(body) < 4 or body.endswith((":", "：")) or not any(character.isalpha() for character in body):
        return
    language = language_of(body)
    base = dict(heading=heading, row=row, conditions=_conditions(footnote_marks(quote), notes))
    spelled = " | ".join(part for part in (heading, row, body) if part)
    means = _MEANS.match(body) or _MEANS_ZH.match(body)
    if means and not row:
        defined = {**base, "row": means.group("term")}
        yield Candidate(spelled, quote, quote_start, end, _short(body), DEFINITION, TEXT, language, **defined)
    else:
        yield Candidate(spelled, quote, quote_start, end, _short(body), SENTENCE, TEXT, language, **base)
    yield from _values(body, spelled, quote, quote_start, end, SENTENCE, language, base)
    for answer, near in _clauses(body):
        yield Candidate(spelled, quote, quote_start, end, _short(answer), SENTENCE, TEXT, language, near=near, **base)


def _clauses(body: str) -> Iterator[tuple[str, str]]:
    """The consequence of a conditional sentence beside its condition, and the other way round."""
    for pattern in _CONDITIONALS:
        if match := pattern.match(body):
            condition, consequence = match.group("condition"), match.group("consequence").rstrip(".。；; ")
            yield consequence, condition
            yield condition, consequence
            return


def _values(body: str, spelled: str, quote: str, start: int, end: int, kind: str, language: str, base) -> Iterator[Candidate]:
    """One candidate for each value inside a longer text."""
    found = values(body)
    for index, value in enumerate(found):
        low = max((v.end for v in found[:index] if v.kind == value.kind), default=0)
        high = min((v.start for v in found[index + 1 :] if v.kind == value.kind), default=len(body))
        near = body[max(low, _clause_start(body, value.start)) : min(high, _clause_end(body, value.end))]
        yield Candidate(spelled, quote, start, end, value.text, kind, value.kind, language, near=near, **base)


def _clause_start(body: str, position: int) -> int:
    return max((match.end() for match in re.finditer(r"[,;:(，；：（](?=\s|\D)", body[:position])), default=0)


def _clause_end(body: str, position: int) -> int:
    match = re.search(r"[,;:)，；：）](?=\s|\D|$)", body[position:])
    return position + match.start() if match else len(body)


def _items(text: str, parts: Sequence[Block], position: int, heading: str, notes) -> Iterator[Candidate]:
    """The candidates of a list item, and of its whole list when it is the first of one."""
    block = parts[position]
    body = clean(text[block.start : block.end])
    if not body:
        return
    first, last, intro, before = _list_around(text, parts, position)
    if position == first < last:
        yield from _whole_list(text, parts[first : last + 1], intro, heading, before)
    term = _TERM.match(text[block.start : block.end])
    if term:
        name = _term(term)
        rest = clean(text[block.start + term.start("body") : block.end])
        yield _definition(text, block.start, block.end, name, rest, heading, notes)
    if _leads(text, block):
        return
    quote = text[block.start : block.end]
    base = dict(heading=heading, row=intro, conditions=_conditions(footnote_marks(quote), notes))
    spelled = " | ".join(part for part in (heading, intro, body) if part)
    language = language_of(body)
    yield Candidate(spelled, quote, block.start, block.end, _short(body), ITEM_KIND, TEXT, language, **base)
    yield from _values(body, spelled, quote, block.start, block.end, ITEM_KIND, language, base)


def _whole_list(text: str, items: Sequence[Block], intro: str, heading: str, before: Block | None) -> Iterator[Candidate]:
    start = items[0].start if before is None else before.start
    quote = text[start : items[-1].end]
    if len(quote) > _LONGEST_QUOTE:
        return
    names = [clean(text[item.start : item.end]).rstrip(".;。；,， ") for item in items]
    language = language_of(" ".join(names))
    answer = ("；" if language == "zh" else "; ").join(names)
    spelled = " | ".join(part for part in (heading, intro, answer) if part)
    yield Candidate(spelled, quote, start, items[-1].end, _short(answer), LIST, TEXT, language, heading=heading, row=intro)


def _list_around(text: str, parts: Sequence[Block], position: int) -> tuple[int, int, str, Block | None]:
    """First and last item of the list that holds this item, the line that introduces it and that line's block."""
    level = parts[position].level
    first = last = position
    while first and _listed(parts[first - 1], level) and not _leads(text, parts[first - 1]):
        first -= 1
    while last + 1 < len(parts) and _listed(parts[last + 1], level) and not _leads(text, parts[last]):
        last += 1
    before = parts[first - 1] if first else None
    intro = _intro(text, before) if before else ""
    return first, last, intro, before if intro else None


def _listed(block: Block, level: int) -> bool:
    return block.kind == ITEM and block.level == level


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


def _short(answer: str) -> str:
    """The answer within its limit, cut at a word."""
    if len(answer) <= LONGEST_ANSWER:
        return answer
    cut = answer[: LONGEST_ANSWER - 1]
    return (cut.rsplit(" ", 1)[0] if " " in cut[100:] else cut).rstrip(" ,;，；") + "…"


def _distinct(found: Iterable[Candidate]) -> Iterator[Candidate]:
    seen: set[tuple[str, str, int]] = set()
    for candidate in found:
        key = (candidate.text, candidate.answer, candidate.start)
        if key not in seen and candidate.quote.strip():
            seen.add(key)
            yield candidate
