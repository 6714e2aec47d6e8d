"""PDFs made for benchmarks, and their plain conversion, which a child process can import."""

from typing import Any

_SERVICES = (
    "Cash withdrawal",
    "Funds transfer",
    "Cheque",
    "Bill payment",
    "Passbook",
    "Text alerts",
    "Draft",
    "Courier",
)


def convert(data: bytes) -> int:
    """Child process: plain layout extraction of a whole document in one call."""
    import pymupdf

    document: Any = pymupdf.open(stream=data, filetype="pdf")
    return len(document.to_markdown(page_chunks=True, use_ocr=False, header=False, footer=False, show_progress=False))


def text_pages(count: int, changed: int = -1) -> bytes:
    """A document of plain pages, each with words of its own; the changed one says something else."""
    import pymupdf

    document = pymupdf.open()
    for number in range(count):
        page = document.new_page()
        subject = "revised" if number == changed else "plain"
        page.insert_text(
            (72, 90),
            [
                f"On page {number}, line {line}, the {subject} account costs {number * line} dollars a month."
                for line in range(30)
            ],
            fontsize=11,
            lineheight=1.8,
        )
    return document.tobytes(deflate=True)


def generated(count: int) -> bytes:
    """A document of pages with a heading, prose and a ruled table of fees."""
    import pymupdf

    document = pymupdf.open()
    for number in range(count):
        page = document.new_page()
        page.insert_text((72, 80), f"Fees of plan {number}", fontsize=18, fontname="hebo")
        for line in range(8):
            text = f"Plan {number} has rule {line}: after {line + 2} withdrawals each costs {number + line} dollars."
            page.insert_text((72, 110 + 16 * line), text, fontsize=11)
        for row, service in enumerate(("Service", *_SERVICES)):
            for column, left in enumerate((72, 230, 340)):
                top = 270 + 22 * row
                page.draw_rect(pymupdf.Rect(left, top, left + (158, 110, 110)[column], top + 22), width=0.7)
                text = (service, f"${row}.{number:02}" if row else "Basic", f"${row + 1}.50" if row else "Plus")[column]
                page.insert_text((left + 6, top + 15), text, fontsize=11)
    return document.tobytes(deflate=True)
