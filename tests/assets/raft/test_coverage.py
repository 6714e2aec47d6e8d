from typing import Any

from assets.raft.coverage import TableRow, body_rows, coverage

TABLE = "Fees\n\n|Item|Blue|Green|\n|---|:-:|--:|\n|Cash|$5.00|free|\n| Wire | $30.00 | |\n\nNo | table.\n"


def chunk(name: str, page: int, *headings: str, text: str = "Text.") -> dict[str, Any]:
    return {"chunk_id": name, "document_id": "d", "page_start": page, "heading_path": list(headings), "text": text}


def question(name: str, final: str, quote: str = "", text: str = "", accepted: bool = True) -> dict[str, Any]:
    start = text.index(quote) if quote else 0
    quotes = [{"text": quote, "start": start, "end": start + len(quote)}] if quote else []
    return {"chunk_id": name, "final_answer": final, "quotes": quotes, "accepted": accepted}


def shown(*arguments: Any) -> dict[str, str]:
    return {kind: str(share) for kind, share in coverage(*arguments).items()}


def test_rows_under_a_table_s_header_are_found_with_their_cells() -> None:
    rows = list(body_rows(TABLE))
    assert [row.cells for row in rows] == [("$5.00", "free"), ("$30.00",)]
    assert [TABLE[row.start : row.end] for row in rows] == ["|Cash|$5.00|free|", "| Wire | $30.00 | |"]
    assert isinstance(rows[0], TableRow)


def test_pages_headings_rows_and_cells_count_once_each_when_an_accepted_question_is_about_them() -> None:
    chunks = [chunk("a", 0, "Fees", text=TABLE), chunk("b", 0, "Notes"), chunk("c", 1, "Fees")]
    asked = [
        question("a", "$5.00", "|Cash|$5.00|free|", TABLE),
        question("a", "5.00", "Cash|$5.00", TABLE),
        question("c", "x", accepted=False),
    ]
    assert shown(chunks, asked) == {
        "pages": "1 of 2 (50%)",
        "headings": "1 of 2 (50%)",
        "table rows": "1 of 2 (50%)",
        "table cells": "1 of 3 (33%)",
    }


def test_nothing_seen_is_nothing_covered() -> None:
    assert shown([], []) == dict.fromkeys(("pages", "headings", "table rows", "table cells"), "0 of 0")
