"""PDFs made for the tests: pages of placed text, tables with rules, pictograms, footnote marks."""

from collections.abc import Callable

import pymupdf
import pytest

MakePdf = Callable[..., bytes]


@pytest.fixture(scope="session")
def make_pdf() -> MakePdf:
    """A PDF from pages of placed texts `(x, y, text, size, font)`; further arguments go to `tobytes`."""

    def make(*pages: list[tuple], title: str = "", **saving) -> bytes:
        document = pymupdf.open()
        for texts in pages:
            page = document.new_page()
            for x, y, text, size, font in texts:
                page.insert_text((x, y), text, fontsize=size, fontname=font)
        document.set_metadata({"title": title})
        return document.tobytes(**saving)

    return make


@pytest.fixture(scope="session")
def prose() -> Callable[[str, str], list[tuple]]:
    """A page with a heading and two paragraphs about a subject."""

    def page(heading: str, subject: str) -> list[tuple]:
        lines = [
            f"The {subject} account is open to everybody who lives in the country.",
            "It costs 4 dollars a month and is closed free of charge.",
            f"Deposits to a {subject} account are insured up to 90,000 dollars.",
        ]
        body = [(72, 130 + 14 * number, line, 11, "helv") for number, line in enumerate(lines)]
        return [(72, 90, heading, 18, "hebo"), *body]

    return page


@pytest.fixture(scope="session")
def fee_table_pdf() -> bytes:
    """A page with a ruled fee table: amounts with raised footnote marks, ticks in ZapfDingbats, notes below."""
    document = pymupdf.open()
    page = document.new_page()
    page.insert_text((72, 80), "Fees of the savings accounts", fontsize=18, fontname="hebo")
    rows = [
        ("Service", "Basic", "Plus"),
        ("Cash withdrawal", "$5.00|5", "$1.25"),
        ("Funds transfer", "$1.00", "$0.85|6"),
        ("Free cheques", "", "@3"),
        ("Text alerts", "@4", "@4"),
        ("Passbook", "$2.00", "$12.50"),
    ]
    left, top, height, widths = 72, 110, 22, (180, 110, 110)
    edges = [left, left + widths[0], left + widths[0] + widths[1], left + sum(widths)]
    for number, row in enumerate(rows):
        y = top + height * number
        for column, cell in enumerate(row):
            page.draw_rect(pymupdf.Rect(edges[column], y, edges[column + 1], y + height), width=0.7)
            x = edges[column] + 6
            if cell.startswith("@"):
                page.insert_text((x, y + 15), cell[1:], fontsize=11, fontname="zadb")
                continue
            amount, _, mark = cell.partition("|")
            page.insert_text((x, y + 15), amount, fontsize=11, fontname="helv" if number else "hebo")
            if mark:
                x += pymupdf.get_text_length(amount, fontname="helv", fontsize=11)
                page.insert_text((x, y + 11), mark, fontsize=6.5, fontname="helv")
    notes = [("5", "Two withdrawals a month are free."), ("6", "Free between accounts of one owner.")]
    for number, (mark, text) in enumerate(notes):
        y = top + height * len(rows) + 24 + 14 * number
        page.insert_text((72, y - 3), mark, fontsize=6, fontname="helv")
        page.insert_text((77, y), text, fontsize=8.5, fontname="helv")
    return document.tobytes()
