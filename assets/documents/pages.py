"""Between pages as values and pages as rows: what is already known by content, and what a document became."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from assets.documents.extraction import Extracted
from assets.documents.links import Link
from assets.documents.parsing import Box, Page
from assets.documents.readers import READER
from resources.lake.lake import Lake
from resources.lake.tables import MARKDOWN_PAGES

FAILED = "failed"
OCR = "ocr"
"""The method of pages read by OCR, and the part of the fingerprint that says in which languages."""

TRANSCRIBER = "transcriber"
"""The part of the pages' fingerprint that says which model reads pages, with its prompts and settings."""

READERS = ("code", READER, TRANSCRIBER, OCR)
"""The parts of the pages' fingerprint that say who read them."""


class KnownPages(Mapping[str, Page]):
    """Every page that the same readers have read, in any batch, by the hash of its content.

    `made_from` is what the fingerprint of a batch must say of `READERS`: pages that others saw are not known, nor are those
    that were left as they were for a reason, which may have been one of their document.
    Only the hashes are held; a batch is read when the first of its pages is asked for. `versions` holds, by version, the
    page hashes of documents whose pages are all known, `objects` the page hash by the hash of a page's objects.
    """

    def __init__(self, lake: Lake, made_from: Mapping[str, str]):
        self._lake = lake
        self._batch_of: dict[str, str] = {}
        self._pages: dict[str, Page] = {}
        self.objects: dict[str, str] = {}
        hashes: dict[tuple[str, str], list[str]] = {}
        for batch in lake.partitions(MARKDOWN_PAGES):
            fingerprint = lake.fingerprint(MARKDOWN_PAGES.name, batch)
            if fingerprint and all(fingerprint.get(name, "") == made_from.get(name, "") for name in READERS):
                rows = lake.read(
                    MARKDOWN_PAGES, batch, ["version", "page", "page_sha", "object_sha", "error"]
                ).to_pylist()
                self._batch_of |= {row["page_sha"]: batch for row in rows if not row["error"]}
                self.objects |= {
                    row["object_sha"]: row["page_sha"] for row in rows if row["object_sha"] and not row["error"]
                }
                flawed = {row["version"] for row in rows if row["error"]}
                for row in sorted(rows, key=lambda row: row["page"]):
                    if row["version"] not in flawed:
                        hashes.setdefault((row["version"], batch), []).append(row["page_sha"])
        self.versions = {version: found for (version, _), found in hashes.items()}

    def __getitem__(self, page_sha: str) -> Page:
        if page_sha not in self._pages:
            rows = self._lake.rows(MARKDOWN_PAGES, self._batch_of[page_sha])
            self._pages |= {row["page_sha"]: _page(row) for row in rows if not row["error"]}
        return self._pages[page_sha]

    def __contains__(self, page_sha: object) -> bool:
        return page_sha in self._batch_of

    def __iter__(self) -> Iterator[str]:
        return iter(self._batch_of)

    def __len__(self) -> int:
        return len(self._batch_of)


def page_rows(document: Mapping[str, Any], extracted: Extracted) -> list[dict[str, Any]]:
    """The rows of one document. One that failed keeps a row per page with the reason and no text."""
    owner = {"document_id": document["document_id"], "version": document["version"]}
    if extracted.error:
        empty = {
            "markdown": "",
            "method": FAILED,
            "page_sha": "",
            "object_sha": "",
            "word_recall": 0.0,
            "number_recall": 0.0,
        }
        size = {"width": 0.0, "height": 0.0, "boxes": [], "links": [], "error": extracted.error.advice}
        return [owner | {"page": page} | empty | size for page in range(document["page_count"])]
    return [
        owner
        | {
            "page": page.index,
            "markdown": page.markdown,
            "method": page.method,
            "page_sha": page.page_sha,
            "object_sha": page.object_sha,
            "word_recall": page.word_recall,
            "number_recall": page.number_recall,
            "width": page.width,
            "height": page.height,
            "boxes": [asdict(box) for box in page.boxes],
            "links": [asdict(link) for link in page.links],
            "error": page.note or None,
        }
        for page in extracted.pages
    ]


def _page(row: Mapping[str, Any]) -> Page:
    return Page(
        row["page"],
        row["markdown"],
        row["method"],
        row["page_sha"],
        tuple(Box(**box) for box in row["boxes"]),
        row["width"],
        row["height"],
        row["word_recall"],
        row["number_recall"],
        links=tuple(Link(**link) for link in row["links"]),
        object_sha=row["object_sha"],
    )
