"""Which pages are sent to a vision model, and in which pictures."""

from dataclasses import replace

import pytest

from assets.documents.page_choice import is_dense, text_shown, views, wanted, witnesses_of
from assets.documents.parsing import Box, Page, Sight
from assets.documents.rendering import View
from resources.options import TranscriptionOptions

PAGE = Page(0, "Words.", "layout", "sha", (), 595.0, 842.0, 1.0, 1.0, sight=Sight("Words of the page 7\n", 0.0))
FLAGGED = TranscriptionOptions()


def table(rows: int, columns: int, height: float) -> Page:
    lines = ["|" + "|".join(f"c{row}" for _ in range(columns)) + "|" for row in range(rows)]
    text = "\n".join([lines[0], "|" + "---|" * columns, *lines[1:]])
    return replace(PAGE, markdown=text, boxes=(Box(0, len(text), 72.0, 72.0, 500.0, 72.0 + height),))


@pytest.mark.parametrize(
    ("page", "sent"),
    [
        (PAGE, False),
        (replace(PAGE, word_recall=0.94), True),
        (replace(PAGE, number_recall=0.99), True),
        (replace(PAGE, sight=Sight("", 1.0)), True),
        (replace(PAGE, sight=Sight("Scanned with care", 0.95)), True),
        (replace(PAGE, sight=Sight("word " * 30, 0.95)), False),
        (replace(PAGE, sight=Sight("\ue001\ue002 \ue003 a", 0.0)), True),
        (replace(PAGE, sight=None, word_recall=0.1), False),
    ],
)
def test_flagged_pages_are_those_that_lost_something_or_have_no_text_layer(page, sent):
    assert wanted(page, FLAGGED) is sent
    assert wanted(page, TranscriptionOptions(pages="all")) is (page.sight is not None)


def test_a_number_that_stands_alone_may_be_missing():
    numbered = Sight("17\nFees of 5 dollars\n \n18\n", 0.0)
    assert witnesses_of(replace(PAGE, sight=numbered)) == [numbered.text, "Fees of 5 dollars"]
    assert witnesses_of(replace(PAGE, sight=Sight("17\n", 0.0))) == ["17\n"]
    assert witnesses_of(PAGE) == ["Words of the page 7\n"]


def test_what_a_picture_shows_is_known_where_the_text_layer_is_the_pages():
    assert text_shown(replace(PAGE, sight=Sight("Fees.", 0.1, "Account 123"))) == "Account 123\nFees."
    for scan in (Sight("", 1.0), Sight("Scanned with care", 0.95), Sight("\ue001\ue002", 0.0)):
        assert text_shown(replace(PAGE, sight=scan)) is None


def test_dense_tables_have_many_cells_or_low_rows():
    assert is_dense(table(rows=40, columns=7, height=500), 1024)
    assert is_dense(table(rows=20, columns=3, height=220), 1024)
    assert not is_dense(table(rows=20, columns=3, height=220), 2048)
    assert not is_dense(table(rows=8, columns=4, height=120), 1024)
    assert not is_dense(PAGE, 1024)


def test_a_second_picture_shows_the_page_from_closer():
    dense = table(rows=40, columns=7, height=500)
    never, always = TranscriptionOptions(halves="never"), TranscriptionOptions(halves="always")
    assert views(PAGE, FLAGGED) == [View(1024), View(1024, halves=True)]
    assert views(dense, FLAGGED) == [View(1024, halves=True), View(1536, halves=True)]
    assert views(dense, never) == [View(1024), View(1536)]
    assert views(PAGE, always) == [View(1024, halves=True), View(1536, halves=True)]


def test_a_scan_has_three_tries():
    scan = replace(PAGE, sight=Sight("", 1.0))
    for halves in ("auto", "never", "always"):
        tries = views(scan, TranscriptionOptions(halves=halves))
        assert len(set(tries)) == 3
