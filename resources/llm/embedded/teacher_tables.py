"""Facts from table cells: prices, measures, ticks and their absence, and the rows read the other way round."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from resources.llm.embedded.candidates import CELL, Candidate
from resources.llm.embedded.question_templates import TABLE
from resources.llm.embedded.teacher_english import english_facts, is_open
from resources.llm.embedded.teacher_fact import Fact, Place, Span, shuffled
from resources.llm.embedded.teacher_grid import (
    FRAGMENT,
    WHERE,
    adverbial,
    column_name,
    common_kind,
    header_above,
    is_named,
    label_parts,
    product_noun,
    row_phrase,
    rows_are_things,
    unqualified,
)
from resources.llm.embedded.teacher_reasoning import table_reasoning, text_reasoning
from resources.llm.embedded.teacher_shapes import STATE, choose_shape, tick_shape
from resources.llm.embedded.teacher_words import (
    is_generic,
    is_measure,
    is_plural,
    product,
    sentence_case,
    with_article,
)
from resources.llm.embedded.values import AMOUNT, COUNT, PERCENTAGE, TEXT, TICK

_SENTENCE_LIKE = re.compile(
    r"[.!?。！？；;]\s|\b(?:is|are|was|will|can|may|must|I)\b|…|\.\.\.|^(?:if|no|when|note|plus)\b", re.I
)


_YES_NO_SHAPES = ("included", "does", "is", "can", "can_where", "available", "available_where", "free")


_LONGEST_ITEM = 110


def table_facts(table: Sequence[Candidate], place: Place, text: str) -> Iterator[Fact]:
    """The facts of one table's cells, all of them candidates of kind `cell`. `text` is the chunk they stand in."""
    cells = [replace(cell, column=column_name(cell.column)) for cell in table if cell.kind == CELL and not cell.near]
    cells = unqualified([cell for cell in cells if is_named(cell)])
    if rows_are_things(cells, text, place.language):
        place = replace(place, rows_are_things=True)
    columns = list(dict.fromkeys(cell.column for cell in cells))
    labels = Counter(label_parts(cell)[-1] for cell in cells if cell.column == (columns[0] if columns else ""))
    noun = product_noun(columns, place)
    shared = Counter((cell.row, cell.column) for cell in cells)
    for cell in cells:
        if shared[cell.row, cell.column] == 1 and (fact := _cell_fact(cell, columns, labels, noun, place)):
            yield fact
        elif cell.value_type == TEXT and place.language == "en" and not is_generic(cell.column):
            yield from _prose_facts(cell, noun, place)
    by_row: dict[tuple[str, int], list[Candidate]] = {}
    for cell in cells:
        by_row.setdefault((cell.row, cell.start), []).append(cell)
    for row in by_row.values():
        yield from _row_facts(row, labels, noun, place, header_above(row[0].start, text))


def _cell_fact(cell: Candidate, columns, labels: Counter[str], noun: str, place: Place) -> Fact | None:
    zh = place.language == "zh"
    item, column = row_phrase(cell, labels, place.language), cell.column
    if len(item) > _LONGEST_ITEM or (_SENTENCE_LIKE.search(item) and cell.value_type != TICK):
        return None
    attribute = place.rows_are_things or (is_measure(column, place.language) and not is_generic(column))
    if not zh and not attribute and (re.match(r"no\b", item) or ":" in item or "," in column or FRAGMENT.match(item)):
        return None
    shape, words, final = choose_shape(cell, item, columns, place)
    if not shape:
        return None
    who, bare = (column, column) if zh else product(words.get("product", column), noun)
    words = {"who": who, "bare": bare, **words}
    where = "" if zh or "product" in words else adverbial(column)
    if where and shape in ("price", "rate", "named"):
        shape, words = f"{shape}_where", {**words, "where": where}
    elif where and shape in ("included", "available"):
        shape, words = "available_where", {**words, "where": where}
    elif where and shape == "can":
        shape, words = "can_where", {**words, "where": where}
    elif where and WHERE.match(column):
        return None
    if not zh and words.get("item"):
        words["item"] = _in_question(words["item"], shape)
    asked = [_render(template, words, zh) for template in TABLE[place.language][shape]]
    quotes = (Span(cell.quote, cell.start, cell.end),)
    row = " – ".join(label_parts(cell))
    so = _so(final, zh)
    reasoning = table_reasoning(place, row, column or row, _said(cell, zh), quotes, so)
    kind = "number" if shape == "how_many" else "tick" if shape in _YES_NO_SHAPES else "table_cell"
    return Fact(
        kind, place, tuple(shuffled(asked, cell.row, column, cell.answer)), final, quotes, reasoning, cell.row, column
    )


def _prose_facts(cell: Candidate, noun: str, place: Place) -> Iterator[Fact]:
    """What the sentences of a cell say, asked of the product that its column is about."""
    who, bare = product(cell.column, noun)
    if not re.match(r"(?:[A-Z]|i\.|e)[\w.’'-]*(?: (?:[A-Z]\S*|of|and|with|for|the))*(?: \([A-Z]+\))?$", cell.column):
        return
    if not re.search(r"[.!]$", cell.answer) or is_open(cell.answer) or is_measure(cell.column, "en"):
        return
    quotes = (Span(cell.quote, cell.start, cell.end),)
    for asked in english_facts(cell.answer, cell.text):
        forms = [
            form
            for question in asked.questions
            for form in (
                f"With {who}, {_lowered(question)}",
                f"{bare}: {_lowered(question)}",
                f"I have {who}. {question}",
            )
        ]
        reasoning = table_reasoning(
            place, " – ".join(label_parts(cell)), cell.column, cell.answer.rstrip("."), quotes, _so(asked.final, False)
        )
        ordered = tuple(shuffled(forms, cell.row, cell.column, cell.answer))
        yield Fact(asked.kind, place, ordered, asked.final, quotes, reasoning, cell.row, cell.column)


def _lowered(question: str) -> str:
    return question if question.startswith(("I ", "I'")) else question[0].lower() + question[1:]


def _row_facts(
    row: Sequence[Candidate], labels: Counter[str], noun: str, place: Place, header: Span | None
) -> Iterator[Fact]:
    """The inverse questions of a row: which columns are ticked, which one column holds a value no other holds."""
    zh = place.language == "zh"
    item = row_phrase(row[0], labels, place.language)
    columns = [cell.column for cell in row]
    if (
        place.rows_are_things
        or len(row) < 2
        or len(item) > _LONGEST_ITEM
        or any(is_generic(c) or is_measure(c, place.language) for c in columns)
    ):
        return
    if not STATE.match(item) and (_SENTENCE_LIKE.search(item) or FRAGMENT.match(item) or re.match(r"no\b", item)):
        return
    kind = common_kind(columns, noun, zh)
    if not kind:
        return
    if all(cell.value_type == TICK for cell in row):
        ticked = [cell.column for cell in row if cell.answer in ("Yes", "是")]
        shape, words = tick_shape(item, zh)
        if 0 < len(ticked) < len(row) and len(ticked) <= 4:
            words = dict(words, kinds=kind if zh else f"{kind}s")
            yield _which(f"which_{shape}", words, _joined(ticked, zh), row, place, header)
        return
    measured = is_measure(item, place.language)
    if not measured and (is_measure(place.section, place.language) or any(map(adverbial, columns))):
        return  # what the amounts are is said by the heading or depends on the channel: "cost" would be wrong
    counts = Counter(cell.answer for cell in row)
    for cell in row:
        kinds = (AMOUNT, PERCENTAGE, COUNT) if measured else (AMOUNT,)
        if cell.value_type in kinds and counts[cell.answer] == 1 and len(cell.answer) <= 20:
            words = {"item": item, "kind": kind, "value": cell.answer}
            if cell.answer[:1].isdigit() or cell.answer[:1] in "$€£¥￥":
                yield _which("which_value" if measured else "which_price", words, cell.column, row, place, header)


def _which(
    shape: str, words: dict[str, str], final: str, row: Sequence[Candidate], place: Place, header: Span | None
) -> Fact:
    zh = place.language == "zh"
    if not zh and "item" in words:
        words = dict(words, item=_in_question(words["item"], shape))
    asked = [_render(template, words, zh) for template in TABLE[place.language][shape]]
    quotes = (*([header] if header else []), Span(row[0].quote, row[0].start, row[0].end))
    so = f"因此答案是：{final}" if zh else f"So the answer is: {final}"
    reasoning = text_reasoning(place, quotes, so)
    return Fact("which", place, tuple(shuffled(asked, row[0].row, final)), final, quotes, reasoning, row[0].row, final)


def _in_question(item: str, shape: str) -> str:
    """The item as its phrasing wants it: bare behind `the`, with its article elsewhere."""
    if shape.startswith("measure") or shape in ("which_value", "how_many"):
        return re.sub(r"^(?:the|a|an) ", "", item)
    return with_article(item)


def _render(template: str, words: dict[str, str], zh: bool) -> str:
    if zh:
        return template.format_map(words)
    if is_plural(words.get("item", "")):
        for one, many in _AGREEMENT:
            template = template.replace(one, many)
    text = re.sub(r"\s+", " ", template.format_map(words)).replace(" ?", "?").strip()
    return sentence_case(text)


_AGREEMENT = (
    ("Is {item}", "Are {item}"),
    ("is {item}", "are {item}"),
    ("Does {item}", "Do {item}"),
    ("does {item}", "do {item}"),
    ("is the {item}", "are the {item}"),
    ("what's the {item}", "what are the {item}"),
    ("What's the {item}", "What are the {item}"),
    ("{item}: what does it", "{item}: what do they"),
    ("{item} applies", "{item} apply"),
    ("is that included", "are they included"),
    ("is that possible", "are they possible"),
)


def _so(final: str, zh: bool) -> str:
    return f"所以答案是{final}" if zh else f"so the answer is {final}"


def _said(cell: Candidate, zh: bool) -> str:
    if cell.value_type != TICK:
        return cell.answer
    yes = cell.answer in ("Yes", "是")
    if zh:
        return "打勾" if yes else "没有打勾"
    return "a tick" if yes else "no tick"


def _joined(names: Sequence[str], zh: bool) -> str:
    if zh:
        return "、".join(names)
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
