"""A page's markdown as a flat run of blocks (headings, tables, notes, list items, paragraphs) with exact offsets."""

import re
from dataclasses import dataclass
from itertools import pairwise

HEADING = "heading"
TABLE = "table"
NOTES = "notes"
ITEM = "item"
CODE = "code"
PARAGRAPH = "paragraph"

_HEADING = re.compile(r"(#{1,6})[ \t]+(.*\S)")
_ITEM = re.compile(r"\s*(?:[-*+]|\d{1,3}[.)])\s")
_NOTE = re.compile(r"\s*<sup>[^<]{1,8}</sup>\s?\S")
_FENCE = re.compile(r"\s{0,3}(```|~~~)")
_SENTENCE_END = re.compile(
    r"(?<=[。！？；])[”’」』）]*\s*(?=\S)"
    r"|(?<![A-Z]\.[A-Z])(?<!\b[A-Z])(?<!\b(?:No|St|Mr|Dr|Ms|vs))(?<!\b(?:Inc|Ltd|Mrs|etc|Nov|Dec|Jan|Feb|Aug|Oct))"
    r"[.!?][\"”’)\]]*(?:<sup>[^<]*</sup>)?\s+(?=[\"“‘(\[<]*[A-Z0-9$€£¥])"
    r"|\n+(?=\S)"
)


@dataclass(frozen=True)
class Block:
    """Characters `start:end` of a page. `level` is the heading's depth, `title` its words; else 0 and empty."""

    kind: str
    start: int
    end: int
    level: int = 0
    title: str = ""


@dataclass(frozen=True)
class Heading:
    """A heading in force: depth 1 to 6 and its words without markup."""

    level: int
    title: str


def split_blocks(markdown: str) -> list[Block]:
    """The blocks of a page in order; together they hold every character that is not blank."""
    blocks: list[Block] = []
    position = 0
    fence = ""
    apart = True  # whether the line before ended its block
    for line in markdown.splitlines(keepends=True):
        start, position = position, position + len(line)
        stripped = line.strip()
        if fence:
            blocks[-1] = _grown(blocks[-1], position)
            fence = "" if stripped.startswith(fence) else fence
            apart = not fence
            continue
        if not stripped:
            apart = True
            continue
        opened = _FENCE.match(line)
        heading = _HEADING.match(line)
        kind = CODE if opened else HEADING if heading else _kind(line)
        if heading and not opened:
            blocks.append(Block(HEADING, start, position, len(heading[1]), heading_words(heading[2])))
        elif _continues(blocks, kind, apart):
            above = blocks[-1]
            blocks[-1] = Block(kind if above.kind == PARAGRAPH else above.kind, above.start, position)
        else:
            blocks.append(Block(kind, start, position))
        fence = opened[1] if opened else ""
        apart = kind == HEADING
    return blocks


def split_sentences(markdown: str, block: Block) -> list[tuple[int, int]]:
    """The sentences of a block as ranges that touch; western and Chinese punctuation, line ends."""
    cuts = [block.start + match.end() for match in _SENTENCE_END.finditer(markdown[block.start : block.end])]
    edges = [block.start, *cuts, block.end]
    return [(start, end) for start, end in pairwise(edges) if end > start]


def split_rows(markdown: str, block: Block) -> tuple[int, list[tuple[int, int]]]:
    """End of a table's header (its rule included) and the ranges of the rows below."""
    ranges, position = [], block.start
    for line in markdown[block.start : block.end].splitlines(keepends=True):
        ranges.append((position, position + len(line)))
        position += len(line)
    has_rule = len(ranges) > 1 and re.fullmatch(r"\|?(?:\s*:?-+:?\s*\|?)+", markdown[slice(*ranges[1])].strip())
    header = 2 if has_rule else 1
    return ranges[min(header, len(ranges)) - 1][1], ranges[header:]


def heading_words(title: str) -> str:
    """A heading without markup and footnote marks."""
    return " ".join(re.sub(r"<sup>[^<]*</sup>|[*`]+|<[^>]+>", "", title).split())


def path_after(blocks: list[Block], above: tuple[Heading, ...] = ()) -> tuple[Heading, ...]:
    """The headings in force below these blocks, outermost first."""
    for block in blocks:
        if block.kind == HEADING:
            above = (*(one for one in above if one.level < block.level), Heading(block.level, block.title))
    return above


def _kind(line: str) -> str:
    if line.lstrip().startswith("|"):
        return TABLE
    if _NOTE.match(line):
        return NOTES
    return ITEM if _ITEM.match(line) else PARAGRAPH


def _continues(blocks: list[Block], kind: str, apart: bool) -> bool:
    """Whether a line belongs to the block above: items stand alone, their wrapped lines do not.

    Lines above the first note (`Fees are charged in U.S. dollars.`) are part of the notes.
    """
    if apart or not blocks or kind in (ITEM, CODE):
        return False
    above = blocks[-1].kind
    return above == kind or (kind == PARAGRAPH and above in (ITEM, NOTES)) or (kind == NOTES and above == PARAGRAPH)


def _grown(block: Block, end: int) -> Block:
    return Block(block.kind, block.start, end, block.level, block.title)
