"""The first look at a document: can it be used at all, how many pages, which title."""

import re
from dataclasses import dataclass
from typing import Any

from assets.documents.isolation import ChildDied, DeadlineExceeded, TaskRaised, run_isolated
from resources.errors import UnreadableDocument

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

    reason: str
    hint: str = ""


def inspect_pdf(data: bytes, name: str, timeout: float | None = None) -> DocumentFacts:
    """Page count and title of a PDF that can be used; raises UnreadableDocument for every other file.

    The default deadline is 20 s and 5 s for every megabyte.
    """
    fault = refuse_by_signature(data)
    if fault:
        raise UnreadableDocument(name, fault.reason, fault.hint)
    return in_child(look_inside, (data,), name, timeout or _SECONDS + _SECONDS_PER_MEGABYTE * len(data) / 1e6)


def in_child(function: Any, args: tuple[Any, ...], name: str, timeout: float) -> Any:
    """Run a parser function isolated; its Fault, a crash or a missed deadline becomes UnreadableDocument."""
    try:
        result = run_isolated(function, args, timeout)
    except DeadlineExceeded as error:
        hint = "its pages are too intricate: split the document, or print it to a new PDF"
        raise UnreadableDocument(name, f"parsing took longer than {timeout:.0f} s", hint) from error
    except ChildDied as error:
        raise UnreadableDocument(name, f"the PDF parser failed on it: {error}", "print it to a new PDF") from error
    except TaskRaised as error:
        if error.kind == "MemoryError" or "alloc" in error.message:
            raise UnreadableDocument(name, "parsing needs more memory than is allowed", "split the file") from error
        raise UnreadableDocument(name, f"truncated or damaged: {error}", "copy it again from its source") from error
    if isinstance(result, Fault):
        raise UnreadableDocument(name, result.reason, result.hint)
    return result


def refuse_by_signature(data: bytes) -> Fault | None:
    """What the first bytes already rule out; MuPDF would open a PNG or a web page under a PDF name."""
    if not data:
        return Fault("the file is empty (0 bytes)", "copy it again")
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
    return Fault(f"not a PDF: {looks}", "export it as PDF")


def open_pdf(data: bytes) -> Any:
    """The opened document, or a Fault. Owner-encrypted files that open with the empty password are fine."""
    import pymupdf

    document = pymupdf.open(stream=data, filetype="pdf")
    if not document.is_pdf:
        return Fault("not a PDF inside", "export it as PDF")
    if document.needs_pass and not document.authenticate(""):
        return Fault("encrypted: it needs a password", "save a copy without password")
    if document.page_count == 0:
        return Fault("truncated or damaged: no page can be found in it", "copy it again from its source")
    if document.is_repaired and b"%%EOF" not in data[-2048:]:  # its pages may be there without their content
        return Fault("truncated or damaged: its end is missing", "copy it again from its source")
    return document


def look_inside(data: bytes) -> DocumentFacts | Fault:
    """Child process: facts of a PDF, or the reason against it. Every page is loaded: a broken one counts."""
    import pymupdf

    document = open_pdf(data)
    if isinstance(document, Fault):
        return document
    flags = pymupdf.TEXTFLAGS_TEXT | pymupdf.TEXT_IGNORE_ACTUALTEXT
    texts = [page.get_text("text", flags=flags) for page in document]
    if not any(text.strip() for text in texts):
        return Fault("no text layer: a scan?", "run OCR first, for instance ocrmypdf, and add the result")
    title = (document.metadata or {}).get("title") or ""
    return DocumentFacts(document.page_count, " ".join(re.sub(r"[\x00-\x1f\x7f]", " ", title).split()))
