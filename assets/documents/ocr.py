"""Pages read by OCR: those without a text layer of their own, after a vision model had its turn, if one is configured.

MuPDF has Tesseract built in; what it needs are the language's data files. A page is rendered and read twice, at two
resolutions. Nothing else tells whether a reading is right, so the recalls of such a page say how far the two agree, and
every such page is flagged.
"""

import os
import re
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from assets.documents.extraction import SECONDS_PER_DOCUMENT
from assets.documents.inspection import Fault, in_child, open_pdf
from assets.documents.page_choice import is_scanned, witnesses_of
from assets.documents.pages import OCR
from assets.documents.parsing import Box, Page
from assets.documents.permissive.blocks import blocks_of
from assets.documents.permissive.glyphs import glyphs_of, runs_of
from assets.documents.permissive.lines import pieces_of
from assets.documents.permissive.reading import composed
from assets.documents.permissive.regions import regions_of
from assets.documents.transcription import VISION, Source
from assets.documents.transcripts import EMPTY
from assets.documents.witness import recalls
from resources.code_version import code_version, release
from resources.errors import UnreadableDocument
from resources.hashing import short_id
from resources.llm.resource import ModelsResource
from resources.options import ExtractionOptions

SCANS = "scans"
"""The part of the documents' fingerprint that says that scans are usable."""

SECONDS_PER_PAGE = 60.0
_DPI, _DPI_AGAIN, _DPI_BLANK = 300, 200, 36
_DARK, _RULE_INCHES, _THICK_INCHES = 200, 0.4, 0.04
_GLUED = re.compile(r"([$€£¥]\d[\d,]*\.\d\d)(\d{1,2})(?![\d.])")
_SUFFIX = ".traineddata"
_FOLDERS = (
    "/usr/share/tesseract-ocr/*/tessdata",
    "/usr/share/tessdata",
    "/usr/share/tesseract/tessdata",
    "/usr/local/share/tessdata",
    "/opt/homebrew/share/tessdata",
)


@dataclass(frozen=True)
class Ocr:
    """What OCR reads with: languages as Tesseract names them, and the folder that holds their data."""

    languages: str
    folder: str


@dataclass(frozen=True)
class Recognized:
    """The pages of every source, and how many were read, were empty, or could not be read, with the reasons."""

    pages: list[tuple[Page, ...]]
    read: int
    problems: list[str]


def ocr_of(options: ExtractionOptions) -> Ocr | None:
    """What OCR would read with; None where it is off or a language's data is not installed."""
    if options.ocr == "off":
        return None
    names = [name + _SUFFIX for name in options.ocr_languages.split("+")]
    folder = next((folder for folder in _folders() if all((folder / name).is_file() for name in names)), None)
    return Ocr(options.ocr_languages, str(folder)) if folder else None


def language_data(options: ExtractionOptions) -> str:
    """What to install, and where it is looked for."""
    packages = " ".join(f"tesseract-ocr-{name.lower().replace('_', '-')}" for name in options.ocr_languages.split("+"))
    return f"install it, in Debian `apt-get install {packages}`, or name its folder in TESSDATA_PREFIX"


def recognized_by(options: ExtractionOptions) -> dict[str, str]:
    """The part of a fingerprint that says that scans are read by OCR, and with what; nothing if they are not."""
    ocr = ocr_of(options)
    if ocr is None:
        return {}
    files = [Path(ocr.folder) / (name + _SUFFIX) for name in ocr.languages.split("+")]
    data = [_digest(file, file.stat().st_mtime_ns) for file in files]
    made_with = short_id(code_version(__name__, "assets.documents.permissive"), release("pymupdf"), data)
    return {OCR: f"{ocr.languages} {made_with}"}


def scans_by(models: ModelsResource, options: ExtractionOptions) -> dict[str, str]:
    """The part of the documents' fingerprint that says that scans can be read; nothing if they cannot."""
    if models.plays("transcriber"):
        return {SCANS: VISION}
    return {SCANS: OCR} if ocr_of(options) else {}


def recognize(ocr: Ocr, sources: Sequence[Source]) -> Recognized:
    """The sources' pages, those without text read by OCR. Pages from memory stay: what was decided about them then holds."""
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:  # its threads only wait for child processes
        tasks = [
            (at, place, pool.submit(_recognized, ocr, source, page))
            for at, source in enumerate(sources)
            for place, page in enumerate(source.pages)
            if _is_scan(page)
        ]
        pages = [list(source.pages) for source in sources]
        problems = []
        for at, place, task in tasks:
            page, problem = task.result()
            pages[at][place] = page
            problems += [problem] if problem else []
    return Recognized([tuple(some) for some in pages], len(tasks) - len(problems), problems)


def _is_scan(page: Page) -> bool:
    """Whether a page was parsed just now, has no text layer of its own, and no vision model read it."""
    return page.sight is not None and page.method != VISION and (not witnesses_of(page) or is_scanned(page))


def _recognized(ocr: Ocr, source: Source, page: Page) -> tuple[Page, str]:
    """The page as OCR reads it, or as it was with the reason."""
    try:
        found = in_child(
            read_picture, (source.read(), page.index, ocr), source.name, SECONDS_PER_DOCUMENT + SECONDS_PER_PAGE
        )
    except UnreadableDocument as error:
        return replace(page, note=f"not read by OCR: {error.reason}"), error.reason
    text, boxes, words, numbers = found
    if not text:
        return replace(page, note=""), EMPTY
    read = replace(page, markdown=text, method=OCR, boxes=boxes, word_recall=words, number_recall=numbers)
    return replace(read, note="", links=()), ""


def read_picture(data: bytes, index: int, ocr: Ocr) -> tuple[str, tuple[Box, ...], float, float] | Fault:
    """Child process: a page's markdown from its picture, its boxes, and how far a second reading agrees."""
    document = open_pdf(data)
    if isinstance(document, Fault):
        return document
    page = document[index]
    if page.get_pixmap(dpi=_DPI_BLANK, alpha=False, annots=False).is_unicolor:
        return "", (), 0.0, 0.0
    markdown, boxes = _reading(page, ocr, _DPI)
    again, _ = _reading(page, ocr, _DPI_AGAIN)
    words, numbers = recalls(markdown, again)
    return markdown, boxes, words, numbers


def _reading(page: Any, ocr: Ocr, dpi: int) -> tuple[str, tuple[Box, ...]]:
    """The words that Tesseract sees, put together as the permissive extractor does: by their places.

    It does not tell raised print from other print; an amount with more than two decimals carries the mark of a note.
    """
    import pypdfium2

    picture = _without_rules(page, dpi)
    scanned = pypdfium2.PdfDocument(picture.pdfocr_tobytes(compress=False, language=ocr.languages, tessdata=ocr.folder))
    glyphs = glyphs_of(scanned[0])
    blocks = blocks_of(regions_of(pieces_of(runs_of(glyphs))), {}, "")
    return composed([replace(block, text=_GLUED.sub(r"\1<sup>\2</sup>", block.text)) for block in blocks])


def _without_rules(page: Any, dpi: int) -> Any:
    """The page's picture without long thin lines: Tesseract loses what stands in the cells of a ruled table."""
    import numpy as np
    import pymupdf

    picture = page.get_pixmap(dpi=dpi, colorspace=pymupdf.csGRAY, alpha=False, annots=False)
    grey = np.frombuffer(picture.samples, np.uint8).reshape(picture.height, picture.stride)[:, : picture.width].copy()
    dark = grey < _DARK
    length, thickness = round(_RULE_INCHES * dpi), round(_THICK_INCHES * dpi)
    for lines, across in ((_long_runs(dark, length), False), (_long_runs(dark.T, length), True)):
        thin = lines & ~_long_runs(lines.T, thickness).T  # white words on a dark ground stay
        grey[thin.T if across else thin] = 255
    colours = np.repeat(grey[:, :, None], 3, axis=2)
    cleaned = pymupdf.Pixmap(pymupdf.csRGB, picture.width, picture.height, colours.tobytes(), False)
    cleaned.set_dpi(dpi, dpi)
    return cleaned


def _long_runs(dark: Any, length: int) -> Any:
    """Where, row by row, at least that many dark pixels follow each other."""
    import numpy as np

    if dark.shape[1] < length:
        return np.zeros_like(dark)
    counted = np.cumsum(np.pad(dark, ((0, 0), (1, 0))), axis=1, dtype=np.int32)
    starts = counted[:, length:] - counted[:, :-length] == length
    edges = np.zeros((dark.shape[0], dark.shape[1] + 1), np.int32)
    edges[:, : starts.shape[1]] += starts
    edges[:, length : length + starts.shape[1]] -= starts
    return np.cumsum(edges, axis=1)[:, :-1] > 0


def _folders() -> Iterable[Path]:
    named = os.environ.get("TESSDATA_PREFIX")
    if named:
        yield from (Path(named), Path(named) / "tessdata")
    for pattern in _FOLDERS:
        yield from sorted(Path("/").glob(pattern.lstrip("/")), reverse=True)


@cache
def _digest(path: Path, changed: int) -> str:
    """The hash of a file, for which a process that runs for long reads it once for each time that it `changed`."""
    return sha256(path.read_bytes()).hexdigest()
