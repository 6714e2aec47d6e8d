"""Chains of thought in our own words: where the answer stands, the quote word for word, and what follows from it."""

from resources.llm.embedded.teacher_fact import Place, Span, choose
from resources.llm.raft_text import quoted

_TABLE = {
    "en": (
        "{where} has a table row for {row}. It reads {quote}. Under {column} the entry is {value}, {so}.",
        "The question is about {row} under {column}. {where} gives this row: {quote}. In the column {column} stands {value}, {so}.",
        "I look for the row {row} in {place} and read the column {column}: {quote}. That cell says {value}, {so}.",
    ),
    "zh": (
        "{where}的表格中有“{row}”一行：{quote}。在“{column}”一列写着{value}，{so}。",
        "问题涉及“{row}”和“{column}”。{where}列出：{quote}。对应的内容是{value}，{so}。",
    ),
}
_TEXT = {
    "en": (
        "{where} states: {quote}. {so}.",
        "This is covered in {place}, which says {quote}. {so}.",
        "The relevant words are in {place}: {quote}. {so}.",
    ),
    "zh": ("{where}写道：{quote}。{so}。", "相关内容见{where}：{quote}。{so}。"),
}


def table_reasoning(place: Place, row: str, column: str, value: str, quotes: tuple[Span, ...], so: str) -> str:
    """The reasoning for one cell."""
    text = choose(_TABLE[place.language], "table", row, column, value)
    return _fill(text, place, quotes, row=f"“{row}”" if place.language == "en" else row,
                 column=f"“{column}”" if place.language == "en" else column, value=value, so=so)  # fmt: skip


def text_reasoning(place: Place, quotes: tuple[Span, ...], so: str) -> str:
    """The reasoning for words that stand together: a sentence, a list, a table's header and one of its rows."""
    return _fill(choose(_TEXT[place.language], "text", quotes[0].text), place, quotes, so=so)


def _fill(template: str, place: Place, quotes: tuple[Span, ...], **words: str) -> str:
    where = _where(place)
    joined = ("，" if place.language == "zh" else " and ").join(quoted(quote.text) for quote in quotes)
    values = dict(words, place=where, where=where[:1].upper() + where[1:], quote=joined)
    return template.format(**values)


def _where(place: Place) -> str:
    if place.language == "zh":
        section = f"“{place.section}”部分" if place.section and place.section != place.title else ""
        return (f"《{place.title}》" if place.title else "文档") + section
    section = f"the section “{place.section}”" if place.section and place.section != place.title else ""
    if section and place.title:
        return f"{section} of {place.title}"
    return section or place.title or "the document"
