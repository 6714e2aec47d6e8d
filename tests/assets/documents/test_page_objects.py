"""What a page is built from: a change is seen on exactly the pages that show it, and nothing else is a change."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pymupdf
import pytest

from assets.documents.extraction import extract_many
from assets.documents.page_objects import object_hashes
from assets.documents.parsing import page_hashes

CONTENTS = (
    b"BT /F0 11 Tf 72 700 Td (Plain words) Tj ET",
    b"BT /F1 11 Tf 72 700 Td (Set in Courier) Tj ET q 200 0 0 200 72 300 cm /Im0 Do Q",
    b"BT /F0 11 Tf 72 700 Td (With a stamp) Tj ET /Fm0 Do",
    b"BT /F0 11 Tf 72 700 Td (With a link) Tj ET",
)


@dataclass(frozen=True)
class Book:
    """Four pages with one table of resources, of which each names its own, and the numbers of its objects."""

    data: bytes
    pages: tuple[int, ...]
    courier: int
    picture: int
    form: int


@pytest.fixture(scope="module")
def book() -> Book:
    document = pymupdf.open()

    def put(text: str, stream: bytes | None = None) -> int:
        number = document.get_new_xref()
        document.update_object(number, text)
        if stream is not None:
            document.update_stream(number, stream)
        return number

    helvetica, courier = (put(f"<</Type/Font/Subtype/Type1/BaseFont/{name}>>") for name in ("Helvetica", "Courier"))
    image = "<</Type/XObject/Subtype/Image/Width 2/Height 2/BitsPerComponent 8/ColorSpace/DeviceGray>>"
    picture = put(image, b"\x00\x40\x80\xff")
    own = f"/Resources<</Font<</F0 {helvetica} 0 R>>>>"
    form = put(f"<</Type/XObject/Subtype/Form/BBox[0 0 600 800]{own}>>", b"BT /F0 20 Tf 72 400 Td (Stamped) Tj ET")
    fonts, drawn = f"/F0 {helvetica} 0 R/F1 {courier} 0 R", f"/Im0 {picture} 0 R/Fm0 {form} 0 R"
    table = put(f"<</Font<<{fonts}>>/XObject<<{drawn}>>>>")
    pages = tuple(document.new_page().xref for _ in CONTENTS)
    for number, content in zip(pages, CONTENTS, strict=True):
        document.xref_set_key(number, "Resources", f"{table} 0 R")
        document.xref_set_key(number, "Contents", f"{put('<<>>', content)} 0 R")
    area = pymupdf.Rect(72, 130, 200, 150)
    document[3].insert_link({"kind": pymupdf.LINK_URI, "from": area, "uri": "https://a.example"})
    return Book(document.tobytes(), pages, courier, picture, form)


def text(document: Any, book: Book) -> None:
    document.update_stream(document[0].get_contents()[0], CONTENTS[0].replace(b"Plain", b"Other"))


def font(document: Any, book: Book) -> None:
    document.xref_set_key(book.courier, "BaseFont", "/Times-Bold")


def picture(document: Any, book: Book) -> None:
    document.update_stream(book.picture, b"\xff\xff\x00\x00")


def form(document: Any, book: Book) -> None:
    document.update_stream(book.form, b"BT /F0 20 Tf 72 400 Td (Revoked) Tj ET")


def link(document: Any, book: Book) -> None:
    page = document[3]
    [found] = page.get_links()
    page.update_link({**found, "uri": "https://b.example"})


def annotation(document: Any, book: Book) -> None:
    document[0].add_rect_annot(pymupdf.Rect(100, 100, 300, 300))


def size(document: Any, book: Book) -> None:
    document[1].set_cropbox(pymupdf.Rect(0, 0, 500, 700))


def helvetica(document: Any, book: Book) -> None:
    document.xref_set_key(book.courier - 1, "BaseFont", "/Times-Bold")


def metadata(document: Any, book: Book) -> None:
    document.set_metadata({"title": "Another title", "producer": "Another tool"})
    document.xref_set_key(document.pdf_catalog(), "Lang", "(de)")


def outline(document: Any, book: Book) -> None:
    document.set_toc([[1, "Stamps", 3]])


@pytest.mark.parametrize(
    ("change", "shown_on"),
    [
        (text, {0}), (font, {1}), (picture, {1}), (form, {2}), (link, {3}), (annotation, {0}), (size, {1}),
        (helvetica, {0, 2, 3}), (metadata, set()), (outline, {2}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("hashes", [object_hashes, page_hashes])
def test_a_change_is_seen_on_exactly_the_pages_that_show_it(
    book: Book, hashes: Callable[[bytes], list[str]], change: Callable[[Any, Book], None], shown_on: set[int]
) -> None:
    document = pymupdf.open(stream=book.data)
    change(document, book)
    before, after = hashes(book.data), hashes(document.tobytes(garbage=3))
    assert all(before)
    assert {index for index, (old, new) in enumerate(zip(before, after, strict=True)) if old != new} == shown_on


def test_pages_that_move_into_an_encrypted_file_keep_their_hash(book: Book) -> None:
    document = pymupdf.open(stream=book.data)
    document.move_page(0, 3)
    document.new_page(0)
    moved = document.tobytes(garbage=4, encryption=pymupdf.PDF_ENCRYPT_AES_128, owner_pw="o")
    first, *others = object_hashes(book.data)
    assert object_hashes(moved)[1:3] == others[:2]
    assert first in object_hashes(moved)


@pytest.mark.parametrize("resources", ["null", "<</XObject<</F0 {form} 0 R>>>>"])
def test_a_page_whose_form_borrows_its_resources_or_draws_itself_has_no_hash(book: Book, resources: str) -> None:
    document = pymupdf.open(stream=book.data)
    document.xref_set_key(book.form, "Resources", resources.format(form=book.form))
    before, after = object_hashes(book.data), object_hashes(document.tobytes())
    assert [bool(found) for found in after] == [True, True, False, True]
    assert after[:2] == before[:2]


def test_a_page_of_known_objects_is_not_looked_at(book: Book) -> None:
    [first] = extract_many([("book.pdf", book.data)], {}, 1)
    known = {page.page_sha: page for page in first.pages}
    objects = {page.object_sha: page.page_sha for page in first.pages}
    assert objects == dict(zip(object_hashes(book.data), page_hashes(book.data), strict=True))
    swapped = dict(zip(objects, reversed(objects.values()), strict=True))
    [again] = extract_many([("book.pdf", book.data)], known, 1, objects=swapped)
    assert [page.markdown for page in again.pages] == [page.markdown for page in reversed(first.pages)]
    assert (again.parsed, again.reused) == (0, 4)
