"""Table cells as the teacher needs them: what is a product and what a property of it, labels in running words."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from resources.llm.embedded.candidates import Candidate
from resources.llm.embedded.teacher_fact import Place, Span
from resources.llm.embedded.teacher_words import (
    from_the_reader,
    is_generic,
    is_measure,
    running,
    with_article,
)
from resources.llm.embedded.values import FREE, values

_CHANNEL = re.compile(
    r"\b(?:ABM|ATM|branch|telephone|phone|online|mobile|app|counter|teller|machine|mail|post|kiosk|web|internet)\b",
    re.I,
)


_UNIT = re.compile(r"\s*[(（](?:per|每)[^()（）]*[)）]\s*$", re.I)


_SIZE = re.compile(
    r"(?:extra |super |very )?(?:small|medium|large|big)|standard|basic|single|double|regular|express|normal", re.I
)


FRAGMENT = re.compile(
    r"^[(/&]|^\d+ (?:days?|months?|years?|hours?)\b|^(?:in|of|to|from|and|or|if|at|on|but|the|per|"
    r"with|by|for|when|after|before"
    r"|inside|outside|between|among|requested|picked|delivered|sent|held|paid|up|over|under|within|each|every|plus|also|does|not)\b",
    re.IGNORECASE,
)


HANGING = re.compile(r"\b(?:on|of|to|for|the|an?|and|or|with|at|by|in|from|per)$|[(,/–—-]$", re.I)


_THING = re.compile(
    r"\b(?:card|account|plan|product|destination|country|region|room|model|name|loan|deposit|"
    r"offer|package|type)s?$|目的地|产品|账户|名称|卡种|国家|地区|类型",
    re.I,
)


_MATTER = re.compile(r"\b(?:service|item|feature|benefit|fee|charge|activity|transaction)s?$|项目|服务|功能|收费", re.I)


WHERE = re.compile(
    r"^(?:in|on|at|by|from|via|through|up to|over|under|within|outside|inside|with|without|during|before|after)\b", re.I
)


_LONGEST_NAME = 60


def header_above(start: int, text: str) -> Span | None:
    """The header line of the table that holds the cell at `start`."""
    found = list(re.finditer(r"^\|[^\n]*\|[ \t]*$(?=\n\s*\|?\s*:?-{2,})", text[:start], re.MULTILINE))
    return Span(found[-1].group(0), found[-1].start(), found[-1].end()) if found else None


def rows_are_things(cells: Sequence[Candidate], text: str, language: str) -> bool:
    """Whether rows are products and columns their properties, by the header above the labels, else by the columns."""
    if not cells:
        return False
    header = header_above(cells[0].start, text)
    corner = header.text.split("|")[1].strip(" *_") if header else ""
    if _THING.search(corner):
        return True
    columns = list(dict.fromkeys(cell.column for cell in cells))
    measured = sum(is_measure(column, language) and not is_generic(column) for column in columns)
    return not _MATTER.search(corner) and len(columns) > 1 and measured * 3 >= len(columns)


def unqualified(cells: Sequence[Candidate]) -> list[Candidate]:
    """The cells with their rows' plain labels: words of a neighbouring cell are no part of a label."""
    lines: dict[int, set[str]] = {}
    for cell in cells:
        lines.setdefault(cell.start, set()).add(cell.answer)
    return [replace(cell, row=_plain_label(cell.row, lines[cell.start])) for cell in cells]


def _plain_label(row: str, neighbours: set[str]) -> str:
    for answer in sorted(neighbours, key=len, reverse=True):
        if answer and row.endswith(f", {answer}"):
            return _plain_label(row.removesuffix(f", {answer}"), neighbours)
    return row


def column_name(header: str) -> str:
    """A column's own name, without the arrows and stray letters that layout leaves in headers."""
    return re.sub(r"^[a-z] (?=[A-Z])", "", header.split(">")[-1].strip(" .…"))


def is_named(cell: Candidate) -> bool:
    row = cell.row.strip()
    enough = len(row) >= 2 and any(character.isalpha() for character in row)
    whole = not HANGING.search(cell.answer) and not re.search(r"[a-z] - [a-z]|\.\.\.|…", row + " " + cell.answer)
    whole = whole and not HANGING.search(cell.column) and not cell.column.lower().endswith(" within")
    return enough and whole and len(cell.column) <= _LONGEST_NAME


def label_parts(cell: Candidate) -> list[str]:
    """The groups above a row and its label, hyphens that a line break tore apart put together."""
    return [re.sub(r"(?<=[a-z])- (?=[a-z])", "-", part).strip(" :：") for part in cell.row.split(" > ")]


def product_noun(columns: Sequence[str], place: Place) -> str:
    """What the columns are kinds of when they do not say: `account` under a heading about accounts."""
    if place.language == "zh" or any(is_generic(c) or is_measure(c, "en") for c in columns if c) or len(columns) < 2:
        return ""
    if any(re.search(r"\b(?:plan|package|card|account)s?$", column, re.I) for column in columns):
        return ""
    for noun in ("account", "plan", "card", "package"):
        if re.search(rf"\b{noun}s?\b", f"{place.section} {place.title}", re.I):
            return noun
    return ""


def row_phrase(cell: Candidate, labels: Counter[str], language: str) -> str:
    """The row in running words, with its groups where the label alone would be one of several or says too little."""
    *groups, label = label_parts(cell)
    groups = [_UNIT.sub("", group) for group in groups]
    item = _UNIT.sub("", label)
    if language == "zh":
        return f"{groups[-1]}{item}" if groups and (labels[label] > 1 or len(item) <= 2) else item
    if match := re.match(r"^(?P<topic>[A-Z][\w ]{2,25}): (?P<rest>\w.*)$", item):
        rest = running(match.group("rest"))
        item = (
            rest
            if match.group("topic").casefold() in ("plus", "note", "or")
            else f"{rest} ({running(match.group('topic'))})"
        )
    item = from_the_reader(running(item))
    if (match := re.match(r"^(?P<thing>.+), (?P<measure>\w+(?: \w+)?)$", item)) and is_measure(match["measure"], "en"):
        item = f"{match['measure']} for {match['thing']}"
    short = len(item.split()) < (4 if is_measure(item, "en") else 2)
    vague = labels[label] > 1 or short or bool(FRAGMENT.match(item)) or bool(_SIZE.fullmatch(item))
    if not groups or not vague:
        return item
    channel = groups[-1]
    measures = [group for group in groups if is_measure(group, "en")]
    if measures and not is_measure(item, "en"):
        others = [running(group) for group in groups if group not in measures]
        thing = f"{item} {others[-1]}" if others and _SIZE.fullmatch(item) else item
        return f"{running(measures[-1])} for {thing.removeprefix('for ')}"
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


def adverbial(column: str) -> str:
    """A column as an adverbial: `in the app`, `through the app`; empty if it names a product."""
    if WHERE.match(column):
        return from_the_reader(column[0].lower() + column[1:])
    if re.fullmatch(r"app|web ?bank|website|web|internet", column, re.I):
        return f"in the {column.lower()}"
    if re.fullmatch(r"telephone|phone|post|mail", column, re.I):
        return f"by {column.lower()}"
    return _via(column) if re.fullmatch(r"branch|counter|ABM|ATM|online", column, re.I) else ""


def bare_value(answer: str) -> bool:
    """Whether a cell holds a value and hardly a word besides."""
    found = values(answer)
    rest = answer
    for value in reversed(found):
        rest = rest[: value.start] + rest[value.end :]
    words = re.findall(r"[^\W\d_]+", rest)
    return bool(FREE.fullmatch(answer)) or (
        bool(found) and len("".join(words)) <= 16 and not re.match(r"(?:or|and|plus)\b", answer, re.I)
    )


def says_enough(item: str, alone: bool) -> bool:
    """Whether an item names something one can ask the price of without its table in view."""
    words = [word for word in re.findall(r"[\w’'-]+", item) if len(word) > 2]
    if _SIZE.fullmatch(item) or re.match(r"(?:your|our|my|you)\b", item):
        return False
    if len(words) < 2 and not with_article(item).startswith(("a ", "an ")):
        return False
    return not (alone and is_measure(item, "en") and len(words) < 3 and "(" not in item)


def common_kind(columns: Sequence[str], noun: str, zh: bool) -> str:
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
