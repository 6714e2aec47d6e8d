import io

import pytest

from assets.evaluation.page_images import boxes_of_quote, highlighter, narrow_to_quote, render_highlight

LINES = ("Fees and charges", "Cash withdrawal costs $5.00", "Wire transfer costs $25.00", "Statements are free")
LEFT, TOP, STEP = 72, 100, 30
FRAME = (60.0, 80.0, 420.0, 220.0)
MARKDOWN = "|Service|Fee|\n|---|---|\n|Cash withdrawal costs|$5.00|\n|Wire transfer costs|$25.00|\n"


@pytest.fixture(scope="module")
def pdf() -> bytes:
    import pymupdf

    document = pymupdf.open()
    page = document.new_page(width=500, height=700)
    for index, line in enumerate(LINES):
        page.insert_text((LEFT, TOP + index * STEP), line, fontsize=11)
    return document.tobytes()


def test_a_quote_is_found_whatever_its_white_space() -> None:
    boxes = [
        {"start": 0, "end": 10, "x0": 1.0, "y0": 2.0, "x1": 3.0, "y1": 4.0},
        {"start": 10, "end": 30, "x0": 5.0, "y0": 6.0, "x1": 7.0, "y1": 8.0},
    ]
    assert boxes_of_quote("The first. The second\nsentence.", boxes, "The second sentence.") == [(5.0, 6.0, 7.0, 8.0)]
    assert boxes_of_quote("The first. The second\nsentence.", boxes, "The third sentence.") == []


def test_the_repeat_inside_the_chunk_is_the_one_that_is_marked() -> None:
    boxes = [
        {"start": 0, "end": 5, "x0": 0.0, "y0": 0.0, "x1": 1.0, "y1": 1.0},
        {"start": 6, "end": 11, "x0": 0.0, "y0": 9.0, "x1": 1.0, "y1": 10.0},
    ]
    assert boxes_of_quote("$5.00 $5.00", boxes, "$5.00", 6, 11) == [(0.0, 9.0, 1.0, 10.0)]


def test_a_box_around_a_table_is_narrowed_to_the_quoted_row(pdf) -> None:
    ((x0, y0, x1, y1),) = narrow_to_quote(pdf, 0, [FRAME], "|Cash withdrawal costs|$5.00|")

    baseline = TOP + STEP
    assert baseline - 14 < y0 < baseline < y1 + 4 < baseline + STEP
    assert LEFT - 2 < x0 < x1 < FRAME[2]


def test_a_box_without_the_quoted_words_stays_as_it_is(pdf) -> None:
    assert narrow_to_quote(pdf, 0, [FRAME], "mortgage") == [FRAME]


def test_the_mark_changes_the_picture_where_it_lies_and_equal_calls_give_equal_bytes(pdf) -> None:
    from PIL import Image

    marked = render_highlight(pdf, 0, [(100.0, 300.0, 200.0, 340.0)])
    picture = Image.open(io.BytesIO(marked)).convert("RGB")

    assert marked == render_highlight(pdf, 0, [(100.0, 300.0, 200.0, 340.0)])
    assert max(picture.size) == 900
    scale = 900 / 700
    assert picture.getpixel((int(150 * scale), int(320 * scale))) != (255, 255, 255)
    assert picture.getpixel((int(400 * scale), int(600 * scale))) == (255, 255, 255)


def test_a_chunk_and_a_quote_become_a_marked_page(pdf) -> None:
    chunk = {
        "chunk_id": "c",
        "document_id": "d",
        "version": "v",
        "title": "Guide",
        "page_start": 0,
        "char_start": 0,
        "char_end": len(MARKDOWN),
    }
    page = {
        "document_id": "d",
        "version": "v",
        "page": 0,
        "markdown": MARKDOWN,
        "boxes": [{"start": 0, "end": len(MARKDOWN), "x0": 60.0, "y0": 80.0, "x1": 420.0, "y1": 220.0}],
    }

    shown = highlighter([chunk], [page], {"v": pdf}.get)("c", "|Wire transfer costs|$25.00|")

    assert shown is not None and shown.marked
    assert (shown.title, shown.page) == ("Guide", 0)


@pytest.mark.parametrize("data", [None, b"", b"not a pdf"])
def test_a_page_that_cannot_be_rendered_has_no_picture(data) -> None:
    chunk = {
        "chunk_id": "c",
        "document_id": "d",
        "version": "v",
        "title": "Guide",
        "page_start": 0,
        "char_start": 0,
        "char_end": 5,
    }
    page = {"document_id": "d", "version": "v", "page": 0, "markdown": "Hello", "boxes": []}
    show = highlighter([chunk], [page], lambda version: data)

    assert show("c", "Hello") is None
    assert show("unknown", "Hello") is None
