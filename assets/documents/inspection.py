"""The first look at a document: can it be used at all, how many pages, which title."""

import re
from dataclasses import dataclass
from typing import Any

from assets.documents.isolation import ChildDied, DeadlineExceeded, TaskRaised, run_isolated
from assets.documents.nursery import LAYOUT
from assets.documents.reasons import Reason, unreadable

_SECONDS = 20.0
_SECONDS_PER_MEGABYTE = 5.0
_MAGIC = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"II*\x00", "a TIFF image"),
    (b"MM\x00*", "a TIFF image"),
    (b"PK\x03\x04", "a ZIP archive or Office file"),
    (b"\xd0\xcf\x11\xe0", "an old Office file"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"{\\rtf", "an RTF file"),
    (b"%!PS", "a PostScript file"),
)


@dataclass(frozen=True)
class DocumentFacts:
    """A usable document: number of pages and the title in its metadata (empty if it has none)."""

    page_count: int
    title: str


@dataclass(frozen=True)
class Fault:
    """Why a document cannot be used and what to do about it, as it travels out of the child process."""

    reason: Reason
    detail: str
    hint: str


def inspected(look: Any, data: bytes, name: str, timeout: float | None = None, parsers: str = LAYOUT) -> DocumentFacts:
    """What a look that runs in a child finds out about a file; raises UnreadableDocument for one that cannot be used.

    Its first bytes are looked at before. The default deadline is 20 s and 5 s for every megabyte.
    """
    fault = refuse_by_signature(data)
    if fault:
        raise unreadable(name, fault.reason, fault.detail, fault.hint)
    return in_child(look, (data,), name, timeout or _SECONDS + _SECONDS_PER_MEGABYTE * len(data) / 1e6, parsers)


def in_child(
    function: Any,
    args: tuple[Any, ...],
    name: str,
    timeout: float,
    parsers: str = LAYOUT,
    patience: float | None = None,
) -> Any:
    """Run a parser function isolated; its Fault, a crash or a missed deadline becomes UnreadableDocument."""
    try:
        result = run_isolated(function, args, timeout, parsers=parsers, patience=patience)
    except DeadlineExceeded as error:
        hint = "its pages are too intricate: split the document, or print it to a new PDF"
        raise unreadable(name, Reason.TOO_SLOW, f"parsing {error}", hint) from error
    except ChildDied as error:
        raise unreadable(name, Reason.CRASHED, str(error), "print it to a new PDF") from error
    except TaskRaised as error:
        if error.kind in ("MemoryError", "FzErrorLimit") or "alloc" in error.message:
            raise unreadable(
                name, Reason.TOO_LARGE, "it needs more memory than is allowed", "split the file"
            ) from error
        raise unreadable(name, Reason.DAMAGED, str(error), "copy it again from its source") from error
    if isinstance(result, Fault):
        raise unreadable(name, result.reason, result.detail, result.hint)
    return result


def refuse_by_signature(data: bytes) -> Fault | None:
    """What the first bytes already rule out; MuPDF would open a PNG or a web page under a PDF name."""
    if not data:
        return Fault(Reason.EMPTY, "0 bytes", "copy it again")
    if b"%PDF-" in data[:1024]:
        return None
    kind = next((kind for magic, kind in _MAGIC if data.startswith(magic)), None)
    start = data[:512].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if kind is None and start.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        kind = "a web page (HTML)"
    if kind is None and start.startswith(b"<?xml"):
        kind = "an XML file"
    if kind is None and not any(byte < 9 for byte in data[:1024]):
        kind = "plain text"
    looks = f"it looks like {kind}" if kind else "its content is not recognised"
    return Fault(Reason.NOT_PDF, looks, "export it as PDF")


def open_pdf(data: bytes) -> Any:
    """The opened document, or a Fault. Owner-encrypted files that open with the empty password are fine."""
    import pymupdf

    document = pymupdf.open(stream=data, filetype="pdf")
    if not document.is_pdf:
        return Fault(Reason.NOT_PDF, "another format inside", "export it as PDF")
    if document.needs_pass and not document.authenticate(""):
        return Fault(Reason.ENCRYPTED, "it needs a password", "save a copy without password")
    if document.page_count == 0 and not document.is_repaired:
        return Fault(Reason.NO_PAGES, "there is nothing in it", "export it again")
    if document.page_count == 0:
        return Fault(Reason.DAMAGED, "no page can be found in it", "copy it again from its source")
    if document.is_repaired and b"%%EOF" not in data[-2048:]:  # its pages may be there without their content
        return Fault(Reason.DAMAGED, "its end is missing", "copy it again from its source")
    return document


def look_inside(data: bytes) -> DocumentFacts | Fault:
    """Child process: facts of a PDF with a text layer, or the reason against it."""
    facts, has_text = _facts(data)
    if isinstance(facts, Fault) or has_text:
        return facts
    hint = (
        "set `extraction.ocr: auto` and install Tesseract's data for the languages in `extraction.ocr_languages`, in Debian "
        "tesseract-ocr-eng and the like; or configure a transcriber; or add the result of ocrmypdf"
    )
    return Fault(Reason.NO_TEXT, "a scan?", hint)


def look_at_pages(data: bytes) -> DocumentFacts | Fault:
    """Child process: facts of a PDF, or the reason against it."""
    return _facts(data)[0]


def _facts(data: bytes) -> tuple[DocumentFacts | Fault, bool]:
    """The facts and whether there is any text. Every page is loaded: a broken one counts."""
    import pymupdf

    document = open_pdf(data)
    if isinstance(document, Fault):
        return document, False
    flags = pymupdf.TEXTFLAGS_TEXT | pymupdf.TEXT_IGNORE_ACTUALTEXT
    texts = []
    for page in document:
        if _is_lost(document, page.xref):
            detail = f"page {page.number + 1} cannot be loaded, it may be nested too deeply"
            return Fault(Reason.DAMAGED, detail, "print it to a new PDF"), False
        texts.append(page.get_text("text", flags=flags))
    title = (document.metadata or {}).get("title") or ""
    facts = DocumentFacts(document.page_count, " ".join(re.sub(r"[\x00-\x1f\x7f]", " ", title).split()))
    return facts, any(text.strip() for text in texts)


def _is_lost(document: Any, page: int) -> bool:
    """Whether a page's object cannot be loaded: MuPDF shows it as an empty page then."""
    import pymupdf

    try:
        document.xref_get_key(page, "Type")
    except pymupdf.mupdf.FzErrorBase:
        return True
    return False
