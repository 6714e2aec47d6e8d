"""How much of what a teacher saw is asked about: pages, headings, table rows and cells with an accepted question.

A row of a table counts when an accepted question quotes from it; a cell, when the final answer stands in it too.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from resources.llm.support import normalised

_SEPARATOR = re.compile(r"\|?(?:\s*:?-+:?\s*\|)+(?:\s*:?-+:?\s*)?")


@dataclass(frozen=True)
class Share:
    """How many of how many are asked about."""

    asked_about: int
    all: int

    def __str__(self) -> str:
        return f"{self.asked_about} of {self.all}" + (f" ({self.asked_about / self.all:.0%})" if self.all else "")


@dataclass(frozen=True)
class TableRow:
    """A body row of a Markdown table: characters `start:end` of its chunk, and its cells after the label."""

    start: int
    end: int
    cells: tuple[str, ...]


def coverage(chunks: Sequence[Mapping[str, Any]], rows: Sequence[Mapping[str, Any]]) -> dict[str, Share]:
    """The share of each kind of place in these chunks that has an accepted question among the rows of `qa_pairs`."""
    accepted: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        if row["accepted"]:
            accepted.setdefault(row["chunk_id"], []).append(row)
    pages: dict[object, bool] = {}
    headings: dict[object, bool] = {}
    table_rows: list[bool] = []
    cells: list[bool] = []
    for chunk in chunks:
        asked = accepted.get(chunk["chunk_id"], [])
        page = chunk["document_id"], chunk["page_start"]
        heading = chunk["document_id"], tuple(chunk["heading_path"])
        pages[page] = pages.get(page, False) or bool(asked)
        headings[heading] = headings.get(heading, False) or bool(asked)
        for line in body_rows(chunk["text"]):
            about = [question for question in asked if _quotes(question, line)]
            table_rows.append(bool(about))
            cells += (any(_answers(question, cell) for question in about) for cell in line.cells)
    found = {"pages": pages.values(), "headings": headings.values(), "table rows": table_rows, "table cells": cells}
    return {kind: Share(sum(values), len(values)) for kind, values in found.items()}


def body_rows(text: str) -> Iterator[TableRow]:
    """The rows under the headers of a text's Markdown tables."""
    position = 0
    inside = False
    for line in text.splitlines(keepends=True):
        start, position = position, position + len(line)
        if _SEPARATOR.fullmatch(line.strip()):
            inside = True
        elif not line.lstrip().startswith("|"):
            inside = False
        elif inside:
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            yield TableRow(start, start + len(line.rstrip()), tuple(filter(None, cells[1:])))


def _quotes(question: Mapping[str, Any], line: TableRow) -> bool:
    return any(quote["start"] < line.end and quote["end"] > line.start for quote in question["quotes"])


def _answers(question: Mapping[str, Any], cell: str) -> bool:
    final = normalised(question["final_answer"])
    return bool(final) and f" {final} " in f" {normalised(cell)} "
