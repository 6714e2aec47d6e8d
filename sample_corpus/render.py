"""The printing press of the sample corpus: HTML sources in, the same PDF bytes on every run out.

One `<section>` of a source is one page, so a changed sentence changes one page and no other. Sources are well-formed
XML: `<tick/>` is a ZapfDingbats tick, `<section class="columns">` sets everything below its `<header>` in two columns.
`sources/second` holds only what the second state of the folder adds, and `changes.json` what it changes and drops.

Run it with `python sample_corpus/render.py` after an edit and commit the PDFs with the sources.
"""

import argparse
import copy
import io
import json
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pymupdf

HERE = Path(__file__).resolve().parent
SOURCES = HERE / "sources"
STATES = ("first", "second")
PRINTED = {"author": "Larkmere Bank", "creationDate": "D:20260302090000Z", "modDate": "D:20260302090000Z"}
"""Metadata of every file: a real clock would give new bytes, and so new versions, on each run."""

WIDTH, HEIGHT = 595.0, 842.0
LEFT, RIGHT, TOP, BOTTOM = 54.0, 541.0, 68.0, 788.0
GUTTER = 20.0
PAGE_OF = {"en": "Page {page} of {pages}", "zh": "第 {page} 页 / 共 {pages} 页"}


@dataclass(frozen=True)
class Source:
    """A parsed source: what stands in the PDF's metadata and margins, and one element per page."""

    title: str
    language: str
    running: str
    edition: str
    pages: tuple[ET.Element, ...]


@dataclass
class Marks:
    """What the layout of one page found for later: headings with their level, link areas, tick places."""

    outline: list[tuple[int, str]] = field(default_factory=list)
    links: list[tuple[Sequence[float], str]] = field(default_factory=list)
    ticks: list[Sequence[float]] = field(default_factory=list)


class PageOverflowError(ValueError):
    """A section that is longer than its page."""


def sources_of(state: str) -> dict[str, str]:
    """PDF name to source text of one state of the folder; the second state builds on the first."""
    found = {path.stem: path.read_text(encoding="utf-8") for path in (SOURCES / "first").glob("*.html")}
    if state == "second":
        found |= {path.stem: path.read_text(encoding="utf-8") for path in (SOURCES / "second").glob("*.html")}
        changes = json.loads((SOURCES / "second" / "changes.json").read_text(encoding="utf-8"))
        for name, replacements in changes["replaced"].items():
            for old, new in replacements.items():
                if found[name].count(old) != 1:
                    raise ValueError(f"{name}: {old!r} must occur exactly once to be replaced")
                found[name] = found[name].replace(old, new)
        for name in changes["withdrawn"]:
            del found[name]
    return {f"{name}.pdf": found[name] for name in sorted(found)}


def read_source(text: str) -> Source:
    """Parses one HTML source."""
    root = ET.fromstring(text)
    named = {meta.get("name"): meta.get("content", "") for meta in root.iter("meta")}
    title = root.findtext("head/title", default="").strip()
    return Source(title, root.get("lang", "en"), named["running"], named["edition"], tuple(root.iter("section")))


def render_document(text: str) -> bytes:
    """The PDF of one source."""
    import pymupdf

    source = read_source(text)
    buffer = io.BytesIO()
    writer = pymupdf.DocumentWriter(buffer)
    marks = [_layout_page(writer, source, number) for number in range(len(source.pages))]
    writer.close()
    with pymupdf.open("pdf", buffer.getvalue()) as document:
        for page, found in zip(document, marks, strict=True):
            _finish_page(document, page, found)
        document.set_toc(_outline(marks))
        document.set_metadata({**PRINTED, "title": source.title, "subject": source.edition})
        document.subset_fonts()
        return document.tobytes(garbage=4, deflate=True, use_objstms=1, no_new_id=True)


def render_state(state: str) -> dict[str, bytes]:
    """All PDFs of one state of the folder by file name."""
    return {name: render_document(text) for name, text in sources_of(state).items()}


def _story(body: str) -> "pymupdf.Story":
    import pymupdf

    css = (SOURCES / "style.css").read_text(encoding="utf-8")
    return pymupdf.Story(f"<html><body>{body}</body></html>", user_css=css, archive=pymupdf.Archive(str(SOURCES)))


def _html(elements: Sequence[ET.Element]) -> str:
    """The HTML of some elements, with an empty named span where each tick belongs."""
    clones = copy.deepcopy(list(elements))
    for clone in clones:
        for number, tick in enumerate(clone.iter("tick")):
            tick.tag = "span"
            tick.set("id", f"tick-{number}")
            tick.text = "\u00a0"
    return "".join(ET.tostring(clone, encoding="unicode", method="html") for clone in clones)


def _layout_page(writer: "pymupdf.DocumentWriter", source: Source, number: int) -> Marks:
    """Sets one section on a new page and returns its marks."""
    section = source.pages[number]
    marks = Marks()
    device = writer.begin_page((0, 0, WIDTH, HEIGHT))
    footer = PAGE_OF[source.language].format(page=number + 1, pages=len(source.pages))
    for text, side, top in (
        ("Larkmere Bank", "left", 36.0),
        (source.running, "right", 36.0),
        (source.edition, "left", 803.0),
        (footer, "right", 803.0),
    ):
        _place(_story(f'<p class="running {side}">{text}</p>'), device, [(LEFT, top, RIGHT, top + 20)], Marks())
    if section.get("class") == "columns":
        header = [child for child in section if child.tag == "header"]
        rest = [child for child in section if child.tag != "header"]
        top = _place(_story(_html(header)), device, [(LEFT, TOP, RIGHT, BOTTOM)], marks) + 6
        columns = _balanced(lambda: _story(_html(rest)), top)
        _place(_story(_html(rest)), device, columns, marks)
    else:
        try:
            _place(_story(_html(list(section))), device, [(LEFT, TOP, RIGHT, BOTTOM)], marks)
        except PageOverflowError as error:
            raise PageOverflowError(f"{source.title}: page {number + 1} does not fit") from error
    writer.end_page()
    return marks


def _place(story: "pymupdf.Story", device: Any, areas: Sequence[tuple[float, ...]], marks: Marks) -> float:
    """Draws a story into the areas one after the other; returns where the last one ended."""
    import pymupdf

    bottom = 0.0
    for area in areas:
        more, filled = story.place(pymupdf.Rect(area))
        story.element_positions(lambda position: _note(position, marks))
        story.draw(device)
        bottom = filled[3]
        if not more:
            return bottom
    raise PageOverflowError("text left over")


def _balanced(new_story: Callable[[], "pymupdf.Story"], top: float) -> list[tuple[float, ...]]:
    """Two columns of the least equal height that hold the story."""
    import pymupdf

    middle = (LEFT + RIGHT) / 2
    for bottom in range(int(top) + 60, int(BOTTOM) + 1, 4):
        columns = [(LEFT, top, middle - GUTTER / 2, bottom), (middle + GUTTER / 2, top, RIGHT, bottom)]
        story = new_story()
        more = 1
        for column in columns:
            more, _ = story.place(pymupdf.Rect(column))
            story.draw(None)
        if not more:
            return columns
    raise PageOverflowError("the columns do not fit")


def _note(position: Any, marks: Marks) -> None:
    """Sorts one element position of the layout into the marks of its page."""
    if position.heading and position.open_close & 1 and position.text:
        marks.outline.append((position.heading, position.text.strip()))
    elif position.href:
        marks.links.append((position.rect, position.href))
    elif (position.id or "").startswith("tick-") and position.rect[2] > position.rect[0]:
        marks.ticks.append(position.rect)


def _finish_page(document: "pymupdf.Document", page: "pymupdf.Page", marks: Marks) -> None:
    """Adds what a story cannot: rules in the margins, link areas and ticks."""
    import pymupdf

    teal = (0.06, 0.30, 0.29)
    page.draw_rect(pymupdf.Rect(0, 0, WIDTH, 10), color=None, fill=teal, overlay=False)
    for height in (54.0, 796.0):
        page.draw_line((LEFT, height), (RIGHT, height), color=(0.55, 0.71, 0.67), width=0.7)
    for area, address in _joined(marks.links):
        page.insert_link({"kind": pymupdf.LINK_URI, "from": area, "uri": address})
    if marks.ticks:
        # By hand, as in many bank PDFs: code 0x33 of ZapfDingbats, which careless readers take for the digit 3.
        page.insert_font(fontname="zadb")
        shown = "".join(
            f" 1 0 0 1 {(x0 + x1) / 2 - 3.6:.2f} {HEIGHT - y1 + 1.6:.2f} Tm (3) Tj" for x0, _, x1, y1 in marks.ticks
        )
        stream = document.get_new_xref()
        document.update_object(stream, "<<>>")
        document.update_stream(stream, f"q BT /zadb 9.6 Tf 0.06 0.3 0.29 rg{shown} ET Q".encode())
        contents = " ".join(f"{xref} 0 R" for xref in [*page.get_contents(), stream])
        document.xref_set_key(page.xref, "Contents", f"[{contents}]")


def _joined(links: Sequence[tuple[Sequence[float], str]]) -> list[tuple["pymupdf.Rect", str]]:
    """Link areas, with the words of one link on one line joined."""
    import pymupdf

    joined: list[tuple[pymupdf.Rect, str]] = []
    for rect, address in links:
        area = pymupdf.Rect(rect)
        if joined and joined[-1][1] == address and abs(joined[-1][0].y0 - area.y0) < 1:
            joined[-1] = (joined[-1][0] | area, address)
        else:
            joined.append((area, address))
    return joined


def _outline(marks: Sequence[Marks]) -> list[list[Any]]:
    """The table of contents; a level is never more than one below its predecessor, as PDF demands."""
    entries: list[list[Any]] = []
    for number, found in enumerate(marks, start=1):
        for level, text in found.outline:
            entries.append([min(level, entries[-1][0] + 1 if entries else 1), text, number])
    return entries


def main() -> None:
    """Writes both states beside the sources, or under `--output`."""
    parser = argparse.ArgumentParser(description="Render the sample corpus.")
    parser.add_argument("--output", type=Path, default=HERE, help="folder that receives first/ and second/")
    output = parser.parse_args().output
    for state in STATES:
        folder = output / state
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in render_state(state).items():
            (folder / name).write_bytes(content)
            print(f"{state}/{name}: {len(content)} bytes")


if __name__ == "__main__":
    main()
