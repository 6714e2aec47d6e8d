"""Pages as markdown: what is printed comes out, in place, the same every time."""

import hashlib

import pymupdf
import pytest

from assets.documents import extraction
from assets.documents.extraction import extract_many, extract_pages
from assets.documents.reasons import Reason, reason_of
from resources.errors import UnreadableDocument


@pytest.fixture(scope="module")
def fee_page(fee_table_pdf):
    [page] = extract_pages(fee_table_pdf, "fees.pdf")
    return page


@pytest.fixture(scope="module")
def guide(make_pdf, prose) -> bytes:
    return make_pdf(prose("Harbour", "harbour"), prose("Island", "island"), prose("Meadow", "meadow"))


@pytest.fixture(scope="module")
def guide_pages(guide):
    return extract_pages(guide, "guide.pdf")


def test_a_table_has_its_header_and_every_amount_in_its_cell(fee_page):
    assert "|Service|Basic|Plus|\n|---|---|---|\n" in fee_page.markdown
    assert "|Passbook|$2.00|$12.50|" in fee_page.markdown


def test_a_footnote_mark_stays_apart_from_the_amount(fee_page):
    assert "|Cash withdrawal|$5.00<sup>5</sup>|$1.25|" in fee_page.markdown
    assert "|Funds transfer|$1.00|$0.85<sup>6</sup>|" in fee_page.markdown
    assert "<sup>5</sup> Two withdrawals a month are free." in fee_page.markdown


def test_a_tick_is_never_read_as_a_digit(fee_page):
    assert "|Free cheques||✓|" in fee_page.markdown
    assert "|Text alerts|✓|✓|" in fee_page.markdown


def test_the_witness_finds_every_word_and_number(fee_page, guide_pages):
    assert [(page.word_recall, page.number_recall) for page in (fee_page, *guide_pages)] == [(1.0, 1.0)] * 4


def test_headings_are_headings(guide_pages):
    assert guide_pages[0].markdown.startswith("## Harbour\n\nThe harbour account is open")


def test_boxes_say_where_on_the_page_the_text_is(fee_page):
    texts = [fee_page.markdown[box.start : box.end] for box in fee_page.boxes]
    assert all(text and text == text.strip() for text in texts)
    table = next(box for box, text in zip(fee_page.boxes, texts, strict=True) if text.startswith("|"))
    assert (table.x0, table.y0) == pytest.approx((72, 110), abs=8)
    assert all(
        0 <= box.x0 < box.x1 <= fee_page.width and 0 <= box.y0 < box.y1 <= fee_page.height for box in fee_page.boxes
    )


def test_a_new_page_with_a_larger_title_changes_no_other_page(guide, guide_pages, prose):
    document = pymupdf.open(stream=guide)
    page = document.new_page(pno=0)
    page.insert_text((72, 200), "Everything about banking", fontsize=40, fontname="hebo")
    grown = extract_pages(document.tobytes(), "guide.pdf")
    assert [page.markdown for page in grown[1:]] == [page.markdown for page in guide_pages]
    assert [page.page_sha for page in grown[1:]] == [page.page_sha for page in guide_pages]


def test_metadata_and_file_structure_do_not_count_as_content(guide, guide_pages):
    document = pymupdf.open(stream=guide)
    document.set_metadata({"title": "Another title", "producer": "Another tool"})
    [result] = extract_many(
        [("guide.pdf", document.tobytes(garbage=4, deflate=True))], {page.page_sha: page for page in guide_pages}
    )
    assert (result.reused, result.parsed) == (3, 0)
    assert list(result.pages) == guide_pages


def test_only_a_changed_page_is_parsed_again(make_pdf, prose, guide_pages):
    changed = make_pdf(prose("Harbour", "harbour"), prose("Island", "atoll"), prose("Meadow", "meadow"))
    [result] = extract_many([("guide.pdf", changed)], {page.page_sha: page for page in guide_pages})
    assert (result.reused, result.parsed) == (2, 1)
    assert "atoll" in result.pages[1].markdown
    assert result.pages[2] == guide_pages[2]


def test_a_page_that_moved_is_reused_under_its_new_number(make_pdf, prose, guide_pages):
    [result] = extract_many(
        [("guide.pdf", make_pdf(prose("Meadow", "meadow")))], {page.page_sha: page for page in guide_pages}
    )
    assert (result.reused, result.pages[0].index) == (1, 0)


def test_order_and_result_do_not_depend_on_the_number_of_processes(guide, fee_table_pdf):
    documents = [("guide.pdf", guide), ("broken.pdf", guide[:300]), ("fees.pdf", fee_table_pdf), ("empty.pdf", b"")]
    one, two = (list(extract_many(documents, {}, processes)) for processes in (1, 2))
    assert [result.pages for result in one] == [result.pages for result in two]
    assert [(result.name, bool(result.error)) for result in two] == [
        ("guide.pdf", False), ("broken.pdf", True), ("fees.pdf", False), ("empty.pdf", True),
    ]  # fmt: skip


def test_a_page_of_several_documents_is_parsed_once(make_pdf, prose, guide, guide_pages):
    second = make_pdf(prose("Meadow", "meadow"), prose("Meadow", "meadow"), prose("Harbour", "atoll"))
    results = list(extract_many([("guide.pdf", guide), ("second.pdf", second)], {}, 2))
    assert sum(result.parsed for result in results) == 4
    assert list(results[0].pages) == guide_pages
    assert [(page.index, page.markdown[:9]) for page in results[1].pages] == [
        (0, "## Meadow"), (1, "## Meadow"), (2, "## Harbou"),
    ]  # fmt: skip


def test_a_page_that_failed_with_another_document_is_tried_with_its_own(guide, guide_pages):
    """The first document passes as the guide until its pages are parsed."""
    hashes = [page.page_sha for page in guide_pages]
    broken = b"%PDF-1.7 no document at all"
    versions = {hashlib.sha256(data).hexdigest(): hashes for data in (broken, guide)}
    first, second = extract_many([("broken.pdf", broken), ("guide.pdf", guide)], {}, 1, versions=versions)
    assert first.error is not None
    assert list(second.pages) == guide_pages


@pytest.fixture(scope="module")
def crossed() -> bytes:
    """24 pages crossed by 2,000 lines: fast to draw, while the layout library looks for tables in them for seconds."""
    document = pymupdf.open()
    drawn = document.get_new_xref()
    document.update_object(drawn, "<</Type/XObject/Subtype/Form/BBox[0 0 600 800]>>")
    starts = [(72 + step * 7 % 400, 100 + step * 13 % 500) for step in range(2000)]
    document.update_stream(drawn, " ".join(f"{x} {y} m {x + 20} {y} l S" for x, y in starts).encode())
    for number in range(24):
        page = document.new_page()
        page.insert_text((72, 90), f"Map {number} costs 4 dollars.", fontsize=11)
        resources = int(document.xref_get_key(page.xref, "Resources")[1].split()[0])
        document.xref_set_key(resources, "XObject", f"<</F {drawn} 0 R>>")
        content = page.get_contents()[0]
        document.update_stream(content, document.xref_stream(content) + b" q 0.2 w /F Do Q")
    return document.tobytes()


def test_a_page_that_hangs_ends_its_document_soon_however_many_it_has_and_no_other(monkeypatch, crossed, make_pdf):
    """One worker: of the document's tasks one hangs, and another may have begun when that is noticed."""
    monkeypatch.setattr(extraction, "CPU_SECONDS_WITHOUT_A_PAGE", 1)
    monkeypatch.setattr(extraction, "_MOST_PAGES", 8)
    begun = []
    parse = extraction.in_child

    def counted(function, args, *more):
        begun.append(function.__name__)
        return parse(function, args, *more)

    monkeypatch.setattr(extraction, "in_child", counted)
    short = make_pdf([(72, 90, "The account costs 4 dollars.", 11, "helv")])
    lost, read = extract_many([("crossed.pdf", crossed), ("short.pdf", short)], {}, 1)
    assert lost.error is not None
    assert reason_of(lost.error.reason) == Reason.TOO_SLOW
    assert "did not get on for 1 s of CPU" in lost.error.reason
    assert begun.count("parse_pages") <= 2 + 1
    assert [page.markdown for page in read.pages] == ["The account costs 4 dollars."]


def test_a_file_whose_pages_are_all_known_is_not_opened(guide_pages):
    known = {page.page_sha: page for page in guide_pages}
    versions = {hashlib.sha256(b"bytes").hexdigest(): list(known)}
    [result] = extract_many([("guide.pdf", b"bytes")], known, versions=versions)
    assert (list(result.pages), result.reused, result.parsed) == (guide_pages, 3, 0)


def test_a_head_above_nothing_but_a_picture_is_the_pages_text():
    document = pymupdf.open()
    page = document.new_page()
    page.insert_text((72, 90), "The Basic account costs 4 dollars a month.", fontsize=11)
    dot = pymupdf.Pixmap(pymupdf.csGRAY, pymupdf.IRect(0, 0, 8, 8))
    page.insert_image(pymupdf.Rect(72, 200, 400, 500), pixmap=dot)
    [read] = extract_pages(document.tobytes(), "a.pdf")
    assert read.markdown == "The Basic account costs 4 dollars a month."


def test_a_head_is_left_out_unless_it_states_an_amount(make_pdf):
    lines = [
        (72, 120 + 14 * line, f"The Basic account costs {line} dollars a month, at any time.", 10, "helv")
        for line in range(30)
    ]
    heads = ["Harbour Bank, guide to fees 7", "From May the fee is $9.99"]
    plain, priced = extract_pages(make_pdf(*[[(72, 40, head, 8, "helv"), *lines] for head in heads]), "a.pdf")
    assert "Harbour Bank" not in plain.markdown
    assert priced.markdown.startswith("From May the fee is $9.99")
    assert (priced.word_recall, priced.number_recall) == (1.0, 1.0)


def test_an_unreadable_document_is_raised_with_its_name():
    with pytest.raises(UnreadableDocument, match=r"notes\.pdf: not a PDF"):
        extract_pages(b"no pdf at all", "notes.pdf")


def test_text_that_looks_like_markup_stays_text(make_pdf):
    lines = ["# 5 Harbour Street", "<script>alert(1)</script> [/b] =SUM(A1)", "a|b|c and snake_case_name and 2**3"]
    texts = [(72, 100 + 40 * number, line, 11, "helv") for number, line in enumerate(lines)]
    [page] = extract_pages(make_pdf(texts), "hostile.pdf")
    assert "<script>alert(1)</script> [/b] =SUM(A1)" in page.markdown
    assert "snake_case_name" in page.markdown


def test_turned_and_cropped_pages_are_read_as_they_are_seen(guide, guide_pages):
    document = pymupdf.open(stream=guide)
    document[0].set_rotation(90)
    document[1].set_cropbox(pymupdf.Rect(0, 0, 595, 150))
    document[2].set_cropbox(pymupdf.Rect(0, 0, 595, 120))
    pages = extract_pages(document.tobytes(), "guide.pdf")
    assert "harbour account" in pages[0].markdown
    assert (pages[0].width, pages[0].height) == (guide_pages[0].height, guide_pages[0].width)
    assert "Island" in pages[1].markdown
    assert "90,000" not in pages[1].markdown
    assert "Meadow" in pages[2].markdown
    assert [(page.word_recall, page.number_recall) for page in pages] == [(1.0, 1.0)] * 3
