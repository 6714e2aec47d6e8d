"""The pieces of a page that are never cut, each with how well a chunk may begin there."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from assets.chunks.blocks import HEADING, ITEM, NOTES, TABLE, Block, split_rows, split_sentences
from assets.documents.tables import is_section_row
from resources.tokens import count_tokens, cut

ROW = "row"
BLOCK, JOINED, ITEMS = 7, 8, 9  # ranks of beginnings, good ones first: below the six heading levels
SENTENCE, SECTION_ROW, TABLE_ROW, HARD, NEVER = 10, 11, 12, 13, 99


@dataclass(frozen=True)
class Atom:
    """The smallest piece that is never cut. `rank` says how well a chunk may begin here (low is good)."""

    kind: str
    start: int
    end: int
    rank: int
    tokens: int
    block: Block
    head: str = ""  # table header and section rows to repeat if a chunk begins here


def atoms_of(markdown: str, blocks: list[Block], max_tokens: int) -> Iterator[Atom]:
    """The atoms of a page's blocks in order."""
    for index, block in enumerate(blocks):
        above = blocks[index - 1] if index else None
        rank = _rank(above, block)
        if block.kind == HEADING and all(later.kind == HEADING for later in blocks[index:]):
            rank = NEVER  # a heading at the foot of a page stays with the text before it
        if block.kind == HEADING:
            yield _atom(markdown, block, HEADING, block.start, block.end, rank)
        elif block.kind == TABLE:
            yield from _table_atoms(markdown, block, rank, max_tokens)
        else:
            for number, (start, end) in enumerate(split_sentences(markdown, block)):
                parts = [(0, end - start)]
                if count_tokens(markdown[start:end]) > max_tokens:
                    parts = cut(markdown[start:end], max_tokens)
                for part, (low, high) in enumerate(parts):
                    here = HARD if part else SENTENCE if number else rank
                    yield _atom(markdown, block, block.kind, start + low, start + high, here)


def _table_atoms(markdown: str, block: Block, rank: int, max_tokens: int) -> Iterator[Atom]:
    """A table as one atom, or, where it is larger than a table may be, one atom per row."""
    header_end, rows = split_rows(markdown, block)
    if not rows or count_tokens(markdown[block.start : block.end]) <= table_limit(max_tokens):
        yield _atom(markdown, block, TABLE, block.start, block.end, rank)
        return
    header = markdown[block.start : header_end]
    outer = inner = ""
    previous_is_section = True  # the first row stays with the header
    for number, (start, end) in enumerate(rows):
        line = markdown[start:end]
        section = is_section_row([cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1]])
        here = NEVER if previous_is_section else SECTION_ROW if section else TABLE_ROW
        head = header + outer + ("" if section else inner)
        if number == 0:
            yield _atom(markdown, block, ROW, block.start, end, rank)
        else:
            yield _atom(markdown, block, ROW, start, end, here, head)
        if section:
            outer, inner = (inner, line) if previous_is_section and number else (outer, line)
        previous_is_section = section


def _atom(markdown: str, block: Block, kind: str, start: int, end: int, rank: int, head: str = "") -> Atom:
    return Atom(kind, start, end, rank, count_tokens(markdown[start:end]), block, head)


def _rank(above: Block | None, block: Block) -> int:
    """How well a chunk may begin with this block."""
    if above is None or above.kind == HEADING:
        return NEVER
    if block.kind == HEADING:
        return block.level
    if block.kind == NOTES and above.kind == TABLE:
        return JOINED
    if block.kind == ITEM:
        return ITEMS
    return BLOCK


def table_limit(max_tokens: int) -> int:
    """Up to how many tokens a table stays whole: a cut one needs its header again."""
    return max_tokens * 5 // 2
