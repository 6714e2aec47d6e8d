"""Who reads PDFs, as the setting says: the layout extractor (PyMuPDF) or the permissive one (pdfium)."""

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from assets.documents import inspection, page_objects, parsing
from assets.documents.inspection import DocumentFacts, Fault, inspected
from assets.documents.nursery import LAYOUT, PDFIUM
from assets.documents.parsing import Page
from assets.documents.permissive import pdfium, reading
from resources.code_version import code_version, release
from resources.errors import SettingsError
from resources.hashing import short_id
from resources.options import ExtractionOptions

READER = "extractor"
"""The part of a fingerprint that says who read the documents."""


@dataclass(frozen=True)
class Reader:
    """An extractor as functions for the child process, and the libraries that the child finds imported.

    `page_hashes` also takes indexes where there are `object_hashes`, which tell cheaply what need not be hashed.
    """

    name: str
    parsers: str
    look_inside: Callable[[bytes], DocumentFacts | Fault]
    look_at_pages: Callable[[bytes], DocumentFacts | Fault]
    page_hashes: Callable[..., list[str] | Fault]
    parse_pages: Callable[[bytes, list[int], Sequence[str]], list[Page] | Fault]
    object_hashes: Callable[[bytes], list[str] | Fault] | None = None

    def inspect(self, *, scans: bool = False) -> Callable[..., DocumentFacts]:
        """The look that decides whether a document is usable; with `scans`, one without a text layer is."""
        return partial(_inspect, self.look_at_pages if scans else self.look_inside, self.parsers)


LAYOUT_READER = Reader(
    "layout",
    LAYOUT,
    inspection.look_inside,
    inspection.look_at_pages,
    parsing.page_hashes,
    parsing.parse_pages,
    page_objects.object_hashes,
)
PERMISSIVE_READER = Reader(
    reading.PERMISSIVE, PDFIUM, pdfium.look_inside, pdfium.look_at_pages, pdfium.page_hashes, reading.parse_pages
)


def reader_of(options: ExtractionOptions) -> Reader:
    """The reader that is set; raises `SettingsError` if its library is not installed."""
    if options.extractor == PERMISSIVE_READER.name:
        return PERMISSIVE_READER
    if importlib.util.find_spec("pymupdf") is None:
        raise SettingsError(
            "extraction.extractor: layout reads documents with PyMuPDF, which is not installed. Either install it with "
            "`pip install 'raftline[layout]'` (AGPL-3.0 or a commercial licence), or set `extraction.extractor: permissive` "
            "in raftline.yaml to read them with pdfium (BSD, Apache-2.0), which sees less of their tables"
        )
    return LAYOUT_READER


def read_by(options: ExtractionOptions) -> dict[str, str]:
    """The part of a fingerprint that says who reads documents, and with which code and libraries."""
    if options.extractor == PERMISSIVE_READER.name:
        made_with = [code_version("assets.documents.permissive"), release("pypdfium2")]
    else:
        made_with = [release(library) for library in ("pymupdf", "pymupdf4llm", "pymupdf-layout", "pypdfium2")]
    return {READER: f"{options.extractor} {short_id(made_with)}"}


def _inspect(look: Any, parsers: str, data: bytes, name: str, timeout: float | None = None) -> DocumentFacts:
    return inspected(look, data, name, timeout, parsers)
