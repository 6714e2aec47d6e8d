"""Small PDFs made on the spot, healthy and broken."""

from collections.abc import Sequence
from pathlib import Path

MARGIN = 72.0
SIZES = {"# ": 22.0, "## ": 15.0}


def make_pdf(path: Path, pages: Sequence[Sequence[str]], title: str = "", password: str = "") -> Path:
    """A PDF of text lines; `# ` and `## ` make headings. The same arguments give the same bytes."""
    import pymupdf

    document = pymupdf.open()
    for lines in pages:
        page = document.new_page()
        y = MARGIN
        for line in lines:
            size = next((size for mark, size in SIZES.items() if line.startswith(mark)), 11.0)
            font = "hebo" if size > 11 else "helv"
            page.insert_text((MARGIN, y), line.lstrip("# "), fontsize=size, fontname=font)
            y += 2.2 * size
    document.set_metadata({"title": title})
    lock = {"encryption": pymupdf.PDF_ENCRYPT_AES_256, "user_pw": password, "owner_pw": password} if password else {}
    path.parent.mkdir(parents=True, exist_ok=True)
    document.save(path, garbage=4, deflate=True, no_new_id=True, **lock)
    return path


def make_table_pdf(path: Path, title: str, heading: str, rows: Sequence[Sequence[str]]) -> Path:
    """A PDF with a title, a heading and a ruled table; the first row is its header."""
    import pymupdf

    document = pymupdf.open()
    page = document.new_page()
    page.insert_text((MARGIN, MARGIN), heading, fontsize=20, fontname="hebo")
    width, height, top = 150.0, 26.0, 120.0
    for number, row in enumerate(rows):
        for column, text in enumerate(row):
            cell = pymupdf.Rect(0, 0, width, height) + (MARGIN + column * width, top + number * height) * 2
            page.draw_rect(cell, width=0.7)
            page.insert_text((cell.x0 + 4, cell.y0 + 17), text, fontsize=9, fontname="hebo" if not number else "helv")
    document.set_metadata({"title": title})
    path.parent.mkdir(parents=True, exist_ok=True)
    document.save(path, garbage=4, deflate=True, no_new_id=True)
    return path


def make_empty_pdf(path: Path) -> Path:
    """A PDF whose one page shows nothing that can be read: the shape of a scan."""
    import pymupdf

    document = pymupdf.open()
    document.new_page().draw_rect(pymupdf.Rect(80, 80, 400, 500), fill=(0.8, 0.8, 0.8))
    path.parent.mkdir(parents=True, exist_ok=True)
    document.save(path, no_new_id=True)
    return path


def make_png(path: Path) -> Path:
    """A PNG image, whatever the path is called."""
    import pymupdf

    pixels = pymupdf.Pixmap(pymupdf.csRGB, pymupdf.IRect(0, 0, 40, 40))
    pixels.clear_with(200)
    path.write_bytes(pixels.tobytes("png"))
    return path
