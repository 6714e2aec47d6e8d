"""Pages put together from the places of their characters, on PDFs made here."""

import pymupdf
import pytest

from assets.documents.permissive.pdfium import look_inside, page_hashes


def placed(*texts: tuple, **more) -> bytes:
    """A page of texts `(x, y, text, size, font)`, and pages of the same kind in `more`."""
    document = pymupdf.open()
    for page_texts in (texts, *more.get("pages", ())):
        page = document.new_page()
        for x, y, text, size, font in page_texts:
            page.insert_text((x, y), text, fontsize=size, fontname=font)
    return document.tobytes()


def test_headings_paragraphs_and_lists_are_told_from_size_and_place(read, make_pdf, prose):
    lines = ["• one account", "• two cards"]
    listed = [(72, 200 + 14 * number, line, 11, "helv") for number, line in enumerate(lines)]
    [page] = read(make_pdf([*prose("Fees", "Basic"), *listed]))
    assert page.markdown == (
        "## Fees\n\nThe Basic account is open to everybody who lives in the country. It costs 4 dollars a month and is closed "
        "free of charge. Deposits to a Basic account are insured up to 90,000 dollars.\n\n- one account\n- two cards"
    )
    assert (page.word_recall, page.number_recall, page.method) == (1.0, 1.0, "permissive")


def test_a_fee_table_has_its_cells_its_footnotes_apart_and_its_ticks(read, fee_table_pdf):
    [page] = read(fee_table_pdf)
    assert page.markdown == (
        "## Fees of the savings accounts\n\n"
        "|Service|Basic|Plus|\n|---|---|---|\n"
        "|Cash withdrawal|$5.00<sup>5</sup>|$1.25|\n"
        "|Funds transfer|$1.00|$0.85<sup>6</sup>|\n"
        "|Free cheques||✓|\n"
        "|Text alerts|✓|✓|\n"
        "|Passbook|$2.00|$12.50|\n\n"
        "<sup>5</sup> Two withdrawals a month are free.\n"
        "<sup>6</sup> Free between accounts of one owner."
    )


def test_boxes_are_where_the_words_stand_on_the_page(read, fee_table_pdf):
    [page] = read(fee_table_pdf)
    boxes = {page.markdown[box.start : box.end].split("\n")[0]: box for box in page.boxes}
    table = boxes["|Service|Basic|Plus|"]
    assert (table.x0, table.y0) >= (72, 110)
    assert (table.x1, table.y1) <= (72 + 400, 110 + 6 * 22)
    assert boxes["## Fees of the savings accounts"].y1 < table.y0
    assert (page.width, page.height) == (595.0, 842.0)


def test_columns_are_read_one_after_the_other(read):
    left = [f"left column line {number} goes on and on in prose" for number in ("one", "two", "three", "four")]
    right = [line.replace("left", "right") for line in left]
    texts = [(54, 100 + 14 * number, line, 9, "helv") for number, line in enumerate(left)]
    texts += [(320, 100 + 14 * number, line, 9, "helv") for number, line in enumerate(right)]
    [page] = read(placed(*sorted(texts, key=lambda text: text[1])))
    assert page.markdown == " ".join(left) + "\n\n" + " ".join(right)


def test_rows_of_words_that_no_gutter_parts_are_no_table(read):
    texts = [(54, 100, "one", 10, "helv"), (200, 100, "two and something that is long", 10, "helv")]
    texts += [(54, 120, "three and something that is longer than that", 10, "helv"), (300, 140, "four", 10, "helv")]
    [page] = read(placed(*texts))
    assert "|" not in page.markdown


def test_heads_and_page_numbers_that_repeat_are_left_out_and_numbers_that_do_not_count_pages_are_kept(read):
    def page(number: int) -> list[tuple]:
        body = (72, 200, f"Body of page {number}.", 11, "helv")
        return [(72, 40, "The guide", 9, "helv"), body, (72, 820, str(number), 9, "helv"), (300, 820, "25", 9, "helv")]

    first, second, third = read(placed(*page(1), pages=[page(2), page(3)]))
    assert [one.markdown for one in (first, second, third)] == [f"Body of page {n}.\n\n25" for n in (1, 2, 3)]
    assert first.sight is not None
    assert "The guide" in first.sight.heads


def test_a_page_of_a_head_alone_is_a_page(read):
    head = [(72, 40, "The guide", 9, "helv")]
    assert [page.markdown for page in read(placed(*head, pages=[head]))] == ["The guide", "The guide"]


def test_a_word_that_a_line_end_divides_is_whole_and_a_hyphened_one_keeps_its_hyphen(read):
    texts = [(72, 100, "The terms are compre-", 11, "helv"), (72, 114, "hensive and self-", 11, "helv")]
    [page] = read(placed(*texts, (72, 128, "explanatory.", 11, "helv")))
    assert page.markdown == "The terms are comprehensive and self-explanatory."


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_a_turned_page_is_read_as_it_is_shown(read, rotation):
    document = pymupdf.open()
    page = document.new_page(width=600, height=400)
    page.set_rotation(rotation)
    for number, line in enumerate(["The account costs", "4 dollars a month."]):
        page.insert_text(
            pymupdf.Point(80, 100 + 14 * number) * page.derotation_matrix, line, fontsize=11, rotate=rotation
        )
    [found] = read(document.tobytes())
    assert found.markdown == "The account costs 4 dollars a month."
    [box] = found.boxes
    assert box.x0 == pytest.approx(80, abs=2)
    assert box.y1 == pytest.approx(114, abs=4)


def test_links_lie_on_their_words(read):
    document = pymupdf.open()
    page = document.new_page()
    page.insert_text((72, 100), "Visit our pages for the rates.", fontsize=11)
    left = 72 + pymupdf.get_text_length("Visit ", fontsize=11)
    area = pymupdf.Rect(left, 88, left + pymupdf.get_text_length("our pages", fontsize=11) - 1, 104)
    for target in ("https://bank.example/rates", "javascript:alert(1)"):
        page.insert_link({"kind": pymupdf.LINK_URI, "from": area, "uri": target})
    [found] = read(document.tobytes())
    [link] = found.links
    assert (found.markdown[link.start : link.end], link.target) == ("our pages", "https://bank.example/rates")


def test_what_is_printed_decides_the_hash_and_the_metadata_do_not(make_pdf):
    first = page_hashes(make_pdf([(72, 100, "It costs $4.00.", 11, "helv")], title="One"))
    same = page_hashes(make_pdf([(72, 100, "It costs $4.00.", 11, "helv")], title="Two", garbage=4, deflate=True))
    other = page_hashes(make_pdf([(72, 100, "It costs $4.10.", 11, "helv")], title="One"))
    moved = page_hashes(make_pdf([(72, 103, "It costs $4.00.", 11, "helv")], title="One"))
    assert first == same
    assert first not in (other, moved)


def test_a_scan_is_refused_with_the_ways_out(scan_of, make_pdf):
    fault = look_inside(scan_of(make_pdf([(72, 100, "It costs $4.00.", 11, "helv")])))
    assert "no OCR" in fault.hint
    assert "transcriber" in fault.hint
