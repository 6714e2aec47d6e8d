"""Facts from table cells: prices, measures, ticks and their absence, and the rows read the other way round."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from resources.llm.embedded.candidates import CELL, Candidate
from resources.llm.embedded.question_templates import TABLE
from resources.llm.embedded.teacher_english import english_facts, is_open
from resources.llm.embedded.teacher_fact import Fact, Place, Span, choose, shuffled
from resources.llm.embedded.teacher_reasoning import table_reasoning
from resources.llm.embedded.teacher_words import (
    base_form,
    from_the_reader,
    head_noun,
    is_generic,
    is_measure,
    product,
    running,
    sentence_case,
    with_article,
)
from resources.llm.embedded.values import AMOUNT, COUNT, DATE, FREE, PERCENTAGE, TEXT, TICK, UNAVAILABLE, values

_CHANNEL = re.compile(r"\b(?:ABM|ATM|branch|telephone|phone|online|mobile|app|counter|teller|machine|mail|post|kiosk|web|internet)\b", re.I)
_UNIT = re.compile(r"\s*[(（](?:per|每)[^()（）]*[)）]\s*$", re.I)
_THIRD_PERSON = re.compile(r"^(?:also )?(?P<verb>(?:offer|allow|include|provide|cover|earn|pay|give|permit|require|support|come|have|need|accept|reward|use)s|has)\s+(?P<rest>.+)$", re.I)
_STATE = re.compile(r"^is\s+(?P<rest>.+)$", re.I)
_COUNT_ROW = re.compile(r"^(?:(?P<period>monthly|annual|yearly|daily|weekly)\s+)?number of\s+(?P<what>.+)$", re.I)
_PERIOD = {"monthly": "each month", "annual": "each year", "yearly": "each year", "daily": "each day", "weekly": "each week"}
_SENTENCE_LIKE = re.compile(r"[.!?。！？；;]\s|\b(?:is|are|was|will|can|may|must|I)\b|…|\.\.\.|^(?:if|no|when|note|plus)\b", re.I)
_DO = re.compile(
    r"^(?:earn|get|write|view|save|access|pay|send|receive|use|withdraw|transfer|open|order|choose|set|link|book|track"
    r"|download|watch|listen|cancel|change|share|invite|park|borrow|claim|collect|redeem|deposit)\s+[\w$]",
    re.IGNORECASE,
)
_SIZE = re.compile(r"(?:extra |super |very )?(?:small|medium|large|big)|standard|basic|single|double|regular|express|normal", re.I)
_FRAGMENT = re.compile(
    r"^[(/&]|^\d+ (?:days?|months?|years?|hours?)\b|^(?:in|of|to|from|and|or|if|at|on|but|the|per|with|by|for|when|after|before"
    r"|inside|outside|requested|picked|delivered|sent|held|paid|up|over|under|within|each|every|plus|also|does|not)\b",
    re.IGNORECASE,
)
_HANGING = re.compile(r"\b(?:on|of|to|for|the|an?|and|or|with|at|by|in|from|per)$|[(,/–—-]$", re.I)
_MEASURED = re.compile(r"^[\w -]*\b(?:fee|charge|cost|price|rate|commission|discount|balance)s? for \w", re.I)
_YES_NO_SHAPES = ("included", "does", "is", "can", "available", "free")
_LONGEST_ITEM, _LONGEST_NAME, _LONGEST_TEXT = 110, 60, 120


def table_facts(table: Sequence[Candidate], place: Place) -> Iterator[Fact]:
    """The facts of one table's cells, all of them candidates of kind `cell`."""
    cells = [replace(cell, column=_column_name(cell.column)) for cell in table if cell.kind == CELL and not cell.near]
    cells = [cell for cell in cells if _named(cell)]
    columns = list(dict.fromkeys(cell.column for cell in cells))
    labels = Counter(_parts(cell)[-1] for cell in cells if cell.column == (columns[0] if columns else ""))
    noun = _product_noun(columns, place)
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
        yield from _row_facts(row, labels, noun, place)


def _column_name(header: str) -> str:
    """A column's own name, without the arrows and stray letters that layout leaves in headers."""
    return re.sub(r"^[a-z] (?=[A-Z])", "", header.split(">")[-1].strip(" .…"))


def _named(cell: Candidate) -> bool:
    row = cell.row.strip()
    enough = len(row) >= 2 and any(character.isalpha() for character in row)
    whole = not _HANGING.search(cell.answer) and not re.search(r"[a-z] - [a-z]|\.\.\.|…", row + " " + cell.answer)
    return enough and whole and len(cell.column) <= _LONGEST_NAME


def _parts(cell: Candidate) -> list[str]:
    """The groups above a row and its label, hyphens that a line break tore apart put together."""
    return [re.sub(r"(?<=[a-z])- (?=[a-z])", "-", part).strip(" :：") for part in cell.row.split(" > ")]


def _product_noun(columns: Sequence[str], place: Place) -> str:
    """What the columns are kinds of when they do not say: `account` under a heading about accounts."""
    if place.language == "zh" or any(is_generic(c) or is_measure(c, "en") for c in columns if c) or len(columns) < 2:
        return ""
    if any(re.search(r"\b(?:plan|package|card|account)s?$", column, re.I) for column in columns):
        return ""
    for noun in ("account", "plan", "card", "package"):
        if re.search(rf"\b{noun}s?\b", f"{place.section} {place.title}", re.I):
            return noun
    return ""


def _item(cell: Candidate, labels: Counter[str], language: str) -> str:
    """The row in running words, with its groups where the label alone would be one of several or says too little."""
    *groups, label = _parts(cell)
    groups = [_UNIT.sub("", group) for group in groups]
    item = _UNIT.sub("", label)
    if language == "zh":
        return f"{groups[-1]}{item}" if groups and (labels[label] > 1 or len(item) <= 2) else item
    if match := re.match(r"^(?P<topic>[A-Z][\w ]{2,25}): (?P<rest>\w.*)$", item):
        rest = running(match.group("rest"))
        item = rest if match.group("topic").casefold() in ("plus", "note", "or") else f"{rest} ({running(match.group('topic'))})"
    item = from_the_reader(running(item))
    short = len(item.split()) < (4 if is_measure(item, "en") else 2)
    vague = labels[label] > 1 or short or bool(_FRAGMENT.match(item)) or bool(_SIZE.fullmatch(item))
    if not groups or not vague:
        return item
    channel = groups[-1]
    measures = [group for group in groups if is_measure(group, "en")]
    if measures and not is_measure(item, "en"):
        others = [running(group) for group in groups if group not in measures]
        thing = f"{item} {others[-1]}" if others and _SIZE.fullmatch(item) else item
        return f"{running(measures[-1])} for {thing}"
    if _CHANNEL.search(channel):
        return f"{with_article(item)} {_via(channel)}"
    return f"{item} ({', '.join(running(group) for group in groups)})"


def _via(channel: str) -> str:
    options = [running(part) for part in channel.split("/")]
    name = " or ".join(options)
    if re.fullmatch(r"ABM|ATM|kiosk|bank machine", name, re.I):
        return f"at {'an' if name[:1] in 'Aa' else 'a'} {name}"
    if re.match(r"branch|counter", name, re.I):
        return f"through a {name[0].lower() + name[1:]}"
    return f"by {running(name)}" if re.match(r"(?:tele)?phone|mail|post", name, re.I) else f"through {running(name)}"


def _cell_fact(cell: Candidate, columns, labels: Counter[str], noun: str, place: Place) -> Fact | None:
    zh = place.language == "zh"
    item, column = _item(cell, labels, place.language), cell.column
    if len(item) > _LONGEST_ITEM or (_SENTENCE_LIKE.search(item) and cell.value_type != TICK):
        return None
    attribute = is_measure(column, place.language) and not is_generic(column)
    if not zh and not attribute and (re.match(r"no\b", item) or _FRAGMENT.match(item)):
        return None
    shape, words, final = _shape(cell, item, columns, zh)
    if not shape:
        return None
    who, bare = (column, column) if zh else product(words.get("product", column), noun)
    words = {"who": who, "bare": bare, **words}
    if not zh and words.get("item"):
        words["item"] = _in_question(words["item"], shape)
    asked = [_render(template, words, zh) for template in TABLE[place.language][shape]]
    quotes = (Span(cell.quote, cell.start, cell.end),)
    row = " – ".join(_parts(cell))
    so = _so(final, zh)
    reasoning = table_reasoning(place, row, column or row, _said(cell, zh), quotes, so)
    kind = "number" if shape == "how_many" else "tick" if shape in _YES_NO_SHAPES else "table_cell"
    return Fact(kind, place, tuple(shuffled(asked, cell.row, column, cell.answer)), final, quotes, reasoning, cell.row, column)


def _prose_facts(cell: Candidate, noun: str, place: Place) -> Iterator[Fact]:
    """What the sentences of a cell say, asked of the product that its column is about."""
    who, bare = product(cell.column, noun)
    if not re.search(r"[.!]$", cell.answer) or is_open(cell.answer) or is_measure(cell.column, "en"):
        return
    quotes = (Span(cell.quote, cell.start, cell.end),)
    for asked in english_facts(cell.answer, cell.text):
        forms = [
            form
            for question in asked.questions
            for form in (f"With {who}, {_lowered(question)}", f"{bare}: {_lowered(question)}", f"I have {who}. {question}")
        ]
        reasoning = table_reasoning(place, " – ".join(_parts(cell)), cell.column, cell.answer.rstrip("."), quotes, _so(asked.final, False))
        ordered = tuple(shuffled(forms, cell.row, cell.column, cell.answer))
        yield Fact(asked.kind, place, ordered, asked.final, quotes, reasoning, cell.row, cell.column)


def _lowered(question: str) -> str:
    return question if question.startswith(("I ", "I'")) else question[0].lower() + question[1:]


def _shape(cell: Candidate, item: str, columns: Sequence[str], zh: bool) -> tuple[str, dict[str, str], str]:
    """Which family of phrasings fits a cell, the words to fill in, and its final answer."""
    column, answer = cell.column, cell.answer
    alone = is_generic(column)
    if cell.value_type == TICK:
        return ("", {}, "") if alone else (*_tick_shape(item, zh), answer)
    if UNAVAILABLE.fullmatch(answer):
        if alone or re.fullmatch(r"n/?a\.?", answer, re.I) or is_measure(item, "zh" if zh else "en"):
            return "", {}, ""
        return "available", {"item": item}, "否" if zh else "No"
    if FREE.fullmatch(answer) and choose((True, False), cell.row, column) and not alone and not is_measure(item, "zh" if zh else "en"):
        return "free", {"item": item}, "是" if zh else "Yes"
    if is_measure(column, "zh" if zh else "en") and not alone:
        return _attribute_shape(cell, item, zh)
    if cell.value_type in (AMOUNT, PERCENTAGE) or FREE.fullmatch(answer):
        measured = is_measure(item, "zh" if zh else "en") or (not zh and bool(_MEASURED.match(item)))
        name = "measure" if measured else "price"
        if not _bare_value(answer) or (not zh and not _says_enough(item, alone)):
            return "", {}, ""
        return (f"{name}_alone" if alone else name), {"item": item}, answer
    if cell.value_type == COUNT and (counted := _COUNT_ROW.match(item)):
        period = _PERIOD.get((counted.group("period") or "").casefold(), "")
        return "how_many", {"item": counted.group("what"), "period": period}, answer
    if is_measure(item, "zh" if zh else "en") and cell.value_type != TEXT and not alone:
        return "measure", {"item": item}, answer
    if cell.value_type == TEXT and len(answer) <= (60 if zh else _LONGEST_TEXT) and not alone and not answer.endswith("."):
        return _text_shape(cell, item, columns, zh)
    return "", {}, ""


def _text_shape(cell: Candidate, item: str, columns: Sequence[str], zh: bool) -> tuple[str, dict[str, str], str]:
    """A cell of words: what a product's row says about it, where the row is a plain noun phrase."""
    if zh:
        return "text", {"item": item}, cell.answer
    names = [column for column in columns if column]
    proper = sum(len(name.split()) > 1 and name.split()[-1][:1].isupper() for name in names) * 2 > len(names)
    topic, who = (item, {}) if proper else (running(cell.column), {"product": _parts(cell)[-1]})
    if not re.fullmatch(r"[a-z][\w-]*(?: [\w-]+){0,3}", topic) or _HANGING.search(topic) or len(topic) < 4 or _FRAGMENT.match(topic):
        return "", {}, ""
    return "text", {"item": topic, "be": "are" if head_noun(topic).endswith("s") else "is", **who}, cell.answer


def _attribute_shape(cell: Candidate, item: str, zh: bool) -> tuple[str, dict[str, str], str]:
    """Rows that are things and columns that are their measures: the roles of row and column are exchanged."""
    if cell.value_type == TEXT or len(cell.answer) > _LONGEST_TEXT:
        return "", {}, ""
    name = _parts(cell)[-1] if not zh else item
    if not _bare_value(cell.answer):
        return "", {}, ""
    if not zh and re.match(r"(?:with|without|in|at|for|by|under|over|after|before|from|to|on)\b", name, re.I):
        return "measure_alone", {"item": f"{running(cell.column)} {from_the_reader(running(name))}"}, cell.answer
    if zh:
        return "measure", {"item": cell.column, "who": name, "bare": name}, cell.answer
    return "measure", {"item": running(cell.column), "product": name}, cell.answer


def _bare_value(answer: str) -> bool:
    """Whether a cell holds a value and hardly a word besides."""
    found = values(answer)
    rest = answer
    for value in reversed(found):
        rest = rest[: value.start] + rest[value.end :]
    words = re.findall(r"[^\W\d_]+", rest)
    return bool(FREE.fullmatch(answer)) or (bool(found) and len("".join(words)) <= 16 and not re.match(r"(?:or|and|plus)\b", answer, re.I))


def _says_enough(item: str, alone: bool) -> bool:
    """Whether an item names something one can ask the price of without its table in view."""
    words = [word for word in re.findall(r"[\w’'-]+", item) if len(word) > 2]
    if _SIZE.fullmatch(item) or re.match(r"(?:your|our|my|you)\b", item):
        return False
    if len(words) < 2 and not with_article(item).startswith(("a ", "an ")):
        return False
    return not (alone and is_measure(item, "en") and len(words) < 3 and "(" not in item)


def _tick_shape(item: str, zh: bool) -> tuple[str, dict[str, str]]:
    if zh:
        return "included", {"item": item}
    if match := _THIRD_PERSON.match(item):
        return "does", _action(match)
    if match := _STATE.match(item):
        return "is", {"state": match.group("rest")}
    return ("can", {"action": item[0].lower() + item[1:]}) if _DO.match(item) else ("included", {"item": item})


def _action(match: re.Match[str]) -> dict[str, str]:
    rest = match.group("rest")
    return {"action": f"{base_form(match.group('verb').lower())} {rest}", "actions": f"{match.group('verb').lower()} {rest}"}


def _row_facts(row: Sequence[Candidate], labels: Counter[str], noun: str, place: Place) -> Iterator[Fact]:
    """The inverse questions of a row: which columns are ticked, which one column holds a value no other holds."""
    zh = place.language == "zh"
    item = _item(row[0], labels, place.language)
    columns = [cell.column for cell in row]
    if len(row) < 3 or len(item) > _LONGEST_ITEM or any(is_generic(c) or is_measure(c, place.language) for c in columns):
        return
    if not _STATE.match(item) and (_SENTENCE_LIKE.search(item) or _FRAGMENT.match(item) or re.match(r"no\b", item)):
        return
    kind = _kind_of(columns, noun, zh)
    if not kind:
        return
    if all(cell.value_type == TICK for cell in row):
        ticked = [cell.column for cell in row if cell.answer in ("Yes", "是")]
        shape, words = _tick_shape(item, zh)
        if 0 < len(ticked) < len(row) and len(ticked) <= 4:
            words = dict(words, kinds=kind if zh else f"{kind}s")
            yield _which(f"which_{shape}", words, _joined(ticked, zh), row, place)
        return
    measured = is_measure(item, place.language)
    counts = Counter(cell.answer for cell in row)
    for cell in row:
        if cell.value_type in (AMOUNT, PERCENTAGE, COUNT) and counts[cell.answer] == 1 and len(cell.answer) <= 20:
            words = {"item": item, "kind": kind, "value": cell.answer}
            if cell.answer[:1].isdigit() or cell.answer[:1] in "$€£¥￥":
                yield _which("which_value" if measured else "which_price", words, cell.column, row, place)


def _which(shape: str, words: dict[str, str], final: str, row: Sequence[Candidate], place: Place) -> Fact:
    zh = place.language == "zh"
    if not zh and "item" in words:
        words = dict(words, item=_in_question(words["item"], shape))
    asked = [_render(template, words, zh) for template in TABLE[place.language][shape]]
    quotes = (Span(row[0].quote, row[0].start, row[0].end),)
    label = " – ".join(_parts(row[0]))
    over = "、".join(c.column for c in row) if zh else ", ".join(c.column for c in row)
    value = words.get("value") or ("有标记的列：" + final if zh else f"a tick for {final}")
    reasoning = table_reasoning(place, label, over, value, quotes, f"所以答案是{final}" if zh else f"so the answer is {final}")
    return Fact("which", place, tuple(shuffled(asked, row[0].row, final)), final, quotes, reasoning, row[0].row, final)


def _kind_of(columns: Sequence[str], noun: str, zh: bool) -> str:
    """What the columns are called together, from the word that most of them end in."""
    if zh:
        endings = Counter(column[-2:] for column in columns if len(column) > 2)
        best = endings.most_common(1)
        return best[0][0] if best and best[0][1] > 1 else "产品"
    if noun:
        return noun
    for word in ("plan", "account", "card", "package", "tier", "edition", "policy", "model", "room"):
        if sum(bool(re.search(rf"\b{word}\b", column, re.I)) for column in columns) * 2 > len(columns):
            return word
    return "option"


def _in_question(item: str, shape: str) -> str:
    """The item as its phrasing wants it: bare behind `the`, with its article elsewhere."""
    if shape.startswith("measure") or shape in ("which_value", "how_many"):
        return re.sub(r"^(?:the|a|an) ", "", item)
    return with_article(item)


def _render(template: str, words: dict[str, str], zh: bool) -> str:
    text = template.format_map(words)
    if zh:
        return text
    text = re.sub(r"\s+", " ", text).replace(" ?", "?").strip()
    return sentence_case(text)


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


