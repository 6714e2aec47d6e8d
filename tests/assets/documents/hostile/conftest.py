"""Files that break, bloat or stall PDF readers, made on the spot; none of them holds anything but what it is named for."""

import io
import zipfile
import zlib
from collections.abc import Callable

import pymupdf
import pytest

AES_256 = 5
WORDS = [(72, 90, "The Basic account costs 4 dollars a month.", 11, "helv")]


@pytest.fixture(scope="session")
def inflated() -> Callable[[bytes, int], bytes]:
    """A zlib stream of that many MiB made of one repeated text, written without ever holding it."""

    def stream(text: bytes, megabytes: int) -> bytes:
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        block = packer.compress((text * (1 + (1 << 20) // len(text)))[: 1 << 20]) + packer.flush(zlib.Z_FULL_FLUSH)
        return b"\x78\xda" + block * megabytes + b"\x03\x00" + bytes(4)

    return stream


@pytest.fixture(scope="session")
def written() -> Callable[..., bytes]:
    """A PDF of these objects, the first of which is the catalogue: dictionaries, or (dictionary, stream)."""

    def write(*objects: str | tuple[str, bytes], startxref: int | None = None) -> bytes:
        data = bytearray(b"%PDF-1.7\n")
        places = []
        for number, one in enumerate(objects, start=1):
            places.append(len(data))
            dictionary, stream = (one, b"") if isinstance(one, str) else one
            data += f"{number} 0 obj\n{dictionary}\n".encode()
            data += b"stream\n" + stream + b"\nendstream\n" if stream else b""
            data += b"endobj\n"
        table = len(data)
        data += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
        data += b"".join(f"{place:010d} 00000 n \n".encode() for place in places)
        data += f"trailer\n<</Size {len(objects) + 1}/Root 1 0 R>>\n".encode()
        return bytes(data + f"startxref\n{table if startxref is None else startxref}\n%%EOF\n".encode())

    return write


@pytest.fixture(scope="session")
def pictured(healthy, inflated) -> bytes:
    """A page with a picture of 30,000 by 5,000 pixels, which are 19 MB in a file of 20 KB."""
    width, height = 30_000, 5_000
    document = pymupdf.open(stream=healthy)
    dot = pymupdf.Pixmap(pymupdf.csGRAY, pymupdf.IRect(0, 0, 8, 8))
    image = document[0].insert_image(pymupdf.Rect(72, 200, 400, 500), pixmap=dot)
    document.update_object(
        image,
        f"<</Type/XObject/Subtype/Image/Width {width}/Height {height}/BitsPerComponent 1/ColorSpace/DeviceGray>>",
    )
    document.update_stream(image, inflated(b"\x5a\xff\x00", width * height // 8 // 2**20 + 1), compress=False)
    document.xref_set_key(image, "Filter", "/FlateDecode")
    return document.tobytes()


@pytest.fixture(scope="session")
def heavy(make_pdf) -> list[bytes]:
    """Two small documents with 300 KB that no page shows: whoever keeps them is noticed."""
    made = []
    for number in range(2):
        document = pymupdf.open(
            stream=make_pdf([(72, 90, f"Account number {number} costs {number} dollars.", 11, "helv")])
        )
        ballast = document.get_new_xref()
        document.update_object(ballast, "<<>>")
        document.update_stream(ballast, bytes(300_000), compress=False)
        made.append(document.tobytes())
    return made


@pytest.fixture(scope="session")
def hostile(healthy, form_bomb, pictured, inflated, written, make_pdf) -> dict[str, bytes]:
    """The corpus by file name."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("word/document.xml", "<w/>")
    cyclic = pymupdf.open(stream=healthy)
    tree = int(cyclic.xref_get_key(cyclic.pdf_catalog(), "Pages")[1].split()[0])
    cyclic.xref_set_key(tree, "Kids", f"[{tree} 0 R]")
    script = pymupdf.open(stream=healthy)
    action = "<</S/JavaScript/JS(while \\(true\\) {} app.launchURL\\('http://evil.example'\\))>>"
    script.xref_set_key(script.pdf_catalog(), "OpenAction", action)
    font = "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"
    catalog, pages = "<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[3 0 R]/Count 1>>"
    page = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 300]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>{}>>>>"
    text = b"BT /F 11 Tf 20 200 Td (It costs 4 dollars a month.) Tj ET"
    bloated = inflated(b"q Q BT ET ", 2048)
    levels = 3000
    nested = [
        f"<</Type/Pages/Count 1/Kids[{number + 1} 0 R]{f'/Parent {number - 1} 0 R' if number > 2 else ''}>>"
        for number in range(2, levels)
    ]
    shown = f"/Contents {levels + 1} 0 R/Resources<</Font<</F {levels + 2} 0 R>>>>"
    leaf = f"<</Type/Page/Parent {levels - 1} 0 R/MediaBox[0 0 300 300]{shown}>>"
    return {
        "empty.pdf": b"",
        "cut.pdf": healthy[: len(healthy) * 6 // 10],
        "locked.pdf": make_pdf(WORDS, encryption=AES_256, owner_pw="o", user_pw="u"),
        "cyclic.pdf": cyclic.tobytes(),
        "form bomb.pdf": form_bomb,
        "flate bomb.pdf": written(
            catalog, pages, page.format(""), (f"<</Length {len(bloated)}/Filter/FlateDecode>>", bloated), font
        ),
        "30000 pixels.pdf": pictured,
        "page.html.pdf": b"<!DOCTYPE html><html><body>fees</body></html>",
        "picture.pdf": pymupdf.Pixmap(pymupdf.csRGB, pymupdf.IRect(0, 0, 20, 20)).tobytes("png"),
        "archive.pdf": archive.getvalue(),
        "1000 pages.pdf": make_pdf(*[WORDS] * 1000),
        "script.pdf": script.tobytes(),
        "wrong xref.pdf": written(
            catalog, pages, page.format(""), (f"<</Length {len(text)}>>", text), font, startxref=7
        ),
        "no pages.pdf": written("<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[]/Count 0>>"),
        "deep tree.pdf": written(catalog, *nested, leaf, (f"<</Length {len(text)}>>", text), font),
        "deep array.pdf": written(
            catalog, pages, page.format(f"/X {'[' * 100_000}{']' * 100_000}"), (f"<</Length {len(text)}>>", text), font
        ),
        "line\nbreak\r\x1b[31m.pdf": make_pdf(WORDS, title="Fees\r\nand charges"),
    }
