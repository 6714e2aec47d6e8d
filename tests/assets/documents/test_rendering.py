"""Pages as pictures: within their limits, the same each time, and only where something is printed."""

import io

import pytest
from PIL import Image

from assets.documents.rendering import OVERLAP, View, page_pictures, render
from resources.errors import UnreadableDocument


def sizes(pictures: list[bytes]) -> list[tuple[int, int]]:
    return [Image.open(io.BytesIO(png)).size for png in pictures]


@pytest.mark.parametrize("side", [512, 1024, 1536])
def test_the_longer_side_of_a_page_has_as_many_pixels_as_asked_for(make_pdf, prose, side):
    [(width, height)] = sizes(page_pictures(make_pdf(prose("Fees", "Basic")), "a.pdf", 0, View(side)))
    assert height == side
    assert width == pytest.approx(side * 595 / 842, abs=1)


def test_two_halves_have_a_whole_pages_pixels_each_and_overlap(make_pdf, prose):
    data = make_pdf(prose("Fees", "Basic"))
    [whole], halves = sizes(page_pictures(data, "a.pdf", 0, View(800))), View(800, halves=True)
    for width, height in sizes(page_pictures(data, "a.pdf", 0, halves)):
        assert width * height == pytest.approx(whole[0] * whole[1], rel=0.01)
        assert max(width, height) < 1.4 * 800
    (_, cut), (begin, _) = halves.parts
    assert cut - begin == pytest.approx(OVERLAP)


def test_equal_pages_give_equal_pictures(make_pdf, prose):
    data = make_pdf(prose("Fees", "Basic"))
    assert render(data, 0, View(600)) == page_pictures(data, "a.pdf", 0, View(600))


def test_a_page_without_print_has_no_picture(make_pdf, prose):
    assert page_pictures(make_pdf(prose("Fees", "Basic"), []), "a.pdf", 1, View(1024)) == []


def test_a_file_that_is_no_pdf_inside_is_unreadable():
    with pytest.raises(UnreadableDocument):
        page_pictures(b"%PDF-1.7 nothing", "a.pdf", 0, View(1024))
