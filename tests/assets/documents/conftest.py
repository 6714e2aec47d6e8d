"""PDFs made for the tests: pages of placed text, tables with rules, pictograms, footnote marks, scans."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pymupdf
import pytest

from assets.documents.rendering import View, page_pictures
from resources.llm.models import ChatModel
from resources.llm.resource import ModelsResource
from resources.llm.roles import Role

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


@pytest.fixture
def transcriber(emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ChatModel]:
    """The transcriber's role on the emulator."""
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", emulator.key)
    role = Role(provider="azure_openai", model="gpt-4o-2024-08-06", deployment="gpt-4o", endpoint=emulator.url)
    resource = ModelsResource(ledger_url=f"sqlite:///{tmp_path / 'ledger.db'}", roles={"transcriber": role})
    with resource.open("run") as opened:
        yield opened.chat("transcriber")


@pytest.fixture
def says(emulator) -> Callable[..., None]:
    """Sets what the emulator reads in the pictures of a page: `says(pdf, View(1024), "...")`, a text per picture."""
    known: dict[str, str] = {}

    def teach(data: bytes, view: View, *texts: str, index: int = 0) -> None:
        pictures = page_pictures(data, "a.pdf", index, view)
        known.update({hashlib.sha256(png).hexdigest(): text for png, text in zip(pictures, texts, strict=True)})
        emulator.configure(transcriptions=known)

    return teach


@pytest.fixture
def scan_of() -> Callable[[bytes], bytes]:
    """A PDF as a scanner makes one of a printed PDF: a picture per page and no text."""

    def scan(data: bytes) -> bytes:
        printed, scanned = pymupdf.open(stream=data, filetype="pdf"), pymupdf.open()
        for page in printed:
            sheet = scanned.new_page(width=page.rect.width, height=page.rect.height)
            sheet.insert_image(sheet.rect, stream=page.get_pixmap(dpi=100).tobytes("png"))
        return scanned.tobytes()

    return scan


@pytest.fixture(scope="session")
def healthy(make_pdf) -> bytes:
    """Two equal pages that nothing is wrong with."""
    page = [(72, 90, "The Basic account costs 4 dollars a month.", 11, "helv")]
    return make_pdf(page, page)


@pytest.fixture(scope="session")
def form_bomb(healthy) -> bytes:
    """Nine forms of which each draws the next ten times: a thousand million drawings from 5 KB."""
    document = pymupdf.open(stream=healthy)
    inner = 0
    for level in range(9):
        form = document.get_new_xref()
        resources = f"/Resources <</XObject <</F {inner} 0 R>>>>" if level else ""
        document.update_object(form, f"<</Type/XObject/Subtype/Form/BBox[0 0 9 9]{resources}>>")
        document.update_stream(form, b"/F Do " * 10 if level else b"BT ET")
        inner = form
    resources = int(document.xref_get_key(document[0].xref, "Resources")[1].split()[0])
    document.xref_set_key(resources, "XObject", f"<</F {inner} 0 R>>")
    document.update_stream(document[0].get_contents()[0], b"/F Do " * 10)
    return document.tobytes()
