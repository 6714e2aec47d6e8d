"""Which family of phrasings fits a table cell, the words that fill it, and the answer."""

import re
from collections.abc import Sequence

from resources.llm.embedded.candidates import Candidate
from resources.llm.embedded.teacher_fact import Place, choose
from resources.llm.embedded.teacher_grid import FRAGMENT, HANGING, adverbial, bare_value, label_parts, says_enough
from resources.llm.embedded.teacher_words import (
    base_form,
    from_the_reader,
    head_noun,
    is_generic,
    is_measure,
    running,
)
from resources.llm.embedded.values import AMOUNT, COUNT, FREE, PERCENTAGE, TEXT, TICK, UNAVAILABLE

_THIRD_PERSON = re.compile(
    r"^(?:also )?(?P<verb>(?:offer|allow|include|provide|cover|earn|pay|give|permit|require|"
    r"support|come|have|need|accept|reward|use)s|has)\s+(?P<rest>.+)$",
    re.I,
)


STATE = re.compile(r"^is\s+(?P<rest>.+)$", re.I)


_COUNT_ROW = re.compile(r"^(?:(?P<period>monthly|annual|yearly|daily|weekly)\s+)?number of\s+(?P<what>.+)$", re.I)


_PERIOD = {
    "monthly": "each month",
    "annual": "each year",
    "yearly": "each year",
    "daily": "each day",
    "weekly": "each week",
}


_DO = re.compile(
    r"^(?:earn|get|write|view|save|access|pay|send|receive|use|withdraw|transfer|open|order|choose|set|link|book|track"
    r"|download|watch|listen|cancel|change|share|invite|park|borrow|claim|collect|redeem|deposit|"
    r"block|log|raise|lower|freeze|see|check|report|end|stop|buy|sell|add|remove|sign|reset|"
    r"unlock)\s+[\w$]",
    re.IGNORECASE,
)


_MEASURED = re.compile(r"^[\w -]*\b(?:fee|charge|cost|price|rate|commission|discount|balance)s? for \w", re.I)


_NOUN_PHRASE = re.compile(
    r"^(?!(?:arrives|order|open|pay|call|bring|send|use|you|we|how|what|who|when|the kind|see)\b)[A-Za-z]", re.I
)


_PRICED = re.compile(r"\b(?:fees?|charges?|costs?|prices?)\b", re.I)


_MISHAP = re.compile(r"\b(?:late|overdue|missed|failed|returned|going over|lost|default|penalty|reminder)\b", re.I)


_LONGEST_TEXT = 120


def choose_shape(cell: Candidate, item: str, columns: Sequence[str], place: Place) -> tuple[str, dict[str, str], str]:
    """Which family of phrasings fits a cell, the words to fill in, and its final answer."""
    column, answer, zh = cell.column, cell.answer, place.language == "zh"
    if place.rows_are_things and cell.value_type != TICK:
        return _attribute_shape(cell, item, zh)
    alone = is_generic(column)
    if cell.value_type == TICK:
        return ("", {}, "") if alone or is_measure(item, place.language) else (*tick_shape(item, zh), answer)
    if UNAVAILABLE.fullmatch(answer):
        if (
            alone
            or re.fullmatch(r"n/?a\.?", answer, re.I)
            or _MISHAP.search(item)
            or is_measure(item, "zh" if zh else "en")
        ):
            return "", {}, ""
        return "available", {"item": item}, "否" if zh else "No"
    if (
        FREE.fullmatch(answer)
        and choose((True, False), cell.row, column)
        and not alone
        and not is_measure(item, "zh" if zh else "en")
    ):
        return "free", {"item": item}, "是" if zh else "Yes"
    if is_measure(column, "zh" if zh else "en") and not alone:
        return _attribute_shape(cell, item, zh)
    if cell.value_type in (AMOUNT, PERCENTAGE) or FREE.fullmatch(answer):
        measured = is_measure(item, "zh" if zh else "en") or (not zh and bool(_MEASURED.match(item)))
        name = "measure" if measured else "price"
        if not bare_value(answer) or (not zh and not says_enough(item, alone)):
            return "", {}, ""
        if (
            name == "price"
            and cell.value_type == PERCENTAGE
            and not zh
            and not alone
            and not _PRICED.search(place.section)
        ):
            name = "rate"
        measure = "" if zh or name == "measure" or alone else _measure_of(place.section)
        if measure:
            return "named", {"item": item, "measure": measure}, answer
        return (f"{name}_alone" if alone else name), {"item": item}, answer
    if cell.value_type == COUNT and (counted := _COUNT_ROW.match(item)):
        period = _PERIOD.get((counted.group("period") or "").casefold(), "")
        return "how_many", {"item": counted.group("what"), "period": period}, answer
    if is_measure(item, "zh" if zh else "en") and cell.value_type != TEXT and not alone:
        return "measure", {"item": item}, answer
    if (
        cell.value_type == TEXT
        and len(answer) <= (60 if zh else _LONGEST_TEXT)
        and not alone
        and not answer.endswith(".")
    ):
        return _text_shape(cell, item, columns, zh)
    return "", {}, ""


def _measure_of(section: str) -> str:
    """What a whole table measures if its heading says so: `Daily limits` makes every cell a daily limit."""
    return running(section).removesuffix("s") if is_measure(section, "en") and not _PRICED.search(section) else ""


def _text_shape(cell: Candidate, item: str, columns: Sequence[str], zh: bool) -> tuple[str, dict[str, str], str]:
    """A cell of words: what a product's row says about it, where the row is a plain noun phrase."""
    if zh:
        return "text", {"item": item}, cell.answer
    names = [column for column in columns if column]
    proper = sum(len(name.split()) > 1 and name.split()[-1][:1].isupper() for name in names) * 2 > len(names)
    if adverbial(cell.column) or (not proper and not _NOUN_PHRASE.match(cell.column)):
        return "", {}, ""
    if not proper and (
        len(label_parts(cell)[-1].split()) > 4 or re.search(r",|\b(?:did|not)\b", f"{cell.column} {cell.row}")
    ):
        return "", {}, ""
    topic, who = (item, {}) if proper else (from_the_reader(running(cell.column)), {"product": label_parts(cell)[-1]})
    if (
        not re.fullmatch(r"[a-z][\w-]*(?: [\w-]+){0,3}", topic)
        or HANGING.search(topic)
        or len(topic) < 4
        or FRAGMENT.match(topic)
    ):
        return "", {}, ""
    return "text", {"item": topic, "be": "are" if head_noun(topic).endswith("s") else "is", **who}, cell.answer


def _attribute_shape(cell: Candidate, item: str, zh: bool) -> tuple[str, dict[str, str], str]:
    """Rows that are things and columns that are their measures: the roles of row and column are exchanged."""
    if cell.value_type == TEXT or len(cell.answer) > _LONGEST_TEXT:
        return "", {}, ""
    name = label_parts(cell)[-1] if not zh else item
    named = len(cell.column.split()) > 1 and cell.column.split()[-1][:1].isupper() and not cell.column.isupper()
    if not zh and named and not is_measure(cell.column, "en"):
        return "", {}, ""
    if not cell.column or HANGING.search(cell.column) or (not zh and not _NOUN_PHRASE.match(cell.column)):
        return "", {}, ""
    if (
        not zh
        and cell.value_type == TEXT
        and len(cell.answer) <= _LONGEST_TEXT
        and not UNAVAILABLE.fullmatch(cell.answer)
    ):
        be = "are" if head_noun(cell.column).endswith("s") else "is"
        return (
            ("", {}, "")
            if len(name.split()) > 4 or re.search(r"\b(?:did|not)\b", name)
            else ("text", {"item": from_the_reader(running(cell.column)), "be": be, "product": name}, cell.answer)
        )
    if not bare_value(cell.answer):
        return "", {}, ""
    if not zh and cell.value_type == COUNT and head_noun(cell.column).endswith("s"):
        return "how_many", {"item": running(cell.column), "period": "", "product": name}, cell.answer
    if not zh and re.match(r"(?:with|without|in|at|for|by|under|over|after|before|from|to|on)\b", name, re.I):
        return "measure_alone", {"item": f"{running(cell.column)} {from_the_reader(running(name))}"}, cell.answer
    if zh:
        return "measure", {"item": cell.column, "who": name, "bare": name}, cell.answer
    return "measure", {"item": running(cell.column), "product": name}, cell.answer


def tick_shape(item: str, zh: bool) -> tuple[str, dict[str, str]]:
    if zh:
        return "included", {"item": item}
    if match := _THIRD_PERSON.match(item):
        return "does", _action(match)
    if match := STATE.match(item):
        return "is", {"state": match.group("rest")}
    return ("can", {"action": item[0].lower() + item[1:]}) if _DO.match(item) else ("included", {"item": item})


def _action(match: re.Match[str]) -> dict[str, str]:
    rest = match.group("rest")
    return {
        "action": f"{base_form(match.group('verb').lower())} {rest}",
        "actions": f"{match.group('verb').lower()} {rest}",
    }
