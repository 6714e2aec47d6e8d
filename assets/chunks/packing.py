"""Blocks packed into chunks: page-bounded, tables whole, headings with their body, boundaries that resynchronise.

A run of text that is too large is cut at its best boundary, and both halves again. Boundaries of one rank compete
by a hash of the words around them, so an edit moves the boundaries next to it and no others; filling chunks from
the top would move every later boundary of the page.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate, pairwise
from operator import itemgetter
from typing import Any

from assets.chunks.blocks import (
    HEADING,
    ITEM,
    NOTES,
    TABLE,
    Block,
    Heading,
    path_after,
    split_blocks,
    split_rows,
    split_sentences,
)
from assets.documents.tables import is_section_row
from resources.hashing import content_hash, short_id
from resources.tokens import count_tokens

MAX_TOKENS = 400
_ROW = "row"
_SENTENCE, _SECTION_ROW, _TABLE_ROW, _HARD, _NEVER = 10, 11, 12, 13, 99
_BLOCK, _JOINED, _ITEMS = 7, 8, 9  # below the six heading levels


@dataclass(frozen=True)
class Piece:
    """One chunk of a page: `text` is `markdown[start:end]`, after a repeated table header where a table was cut."""

    start: int
    end: int
    text: str
    heading_path: tuple[str, ...]


@dataclass(frozen=True)
class _Atom:
    """The smallest piece that is never cut. `rank` says how well a chunk may begin here (low is good)."""

    kind: str
    start: int
    end: int
    rank: int
    tokens: int
    block: Block
    head: str = ""  # table header and section rows to repeat if a chunk begins here


def chunk_document(
    document_id: str, version: str, pages: Iterable[Mapping[str, Any]], max_tokens: int = MAX_TOKENS, title: str = ""
) -> list[dict[str, Any]]:
    """Rows of the `chunks` table for the `markdown_pages` rows of one document, in reading order.

    `title` is left out of heading paths: the context line names it anyway.
    """
    rows: list[dict[str, Any]] = []
    seen: Counter[str] = Counter()
    above: tuple[Heading, ...] = ()
    for page in sorted(pages, key=itemgetter("page")):
        for piece in chunk_page(page["markdown"], max_tokens, above):
            normal = normalised(piece.text)
            path = [one for one in piece.heading_path if normalised(one).casefold() != normalised(title).casefold()]
            rows.append(
                {
                    "chunk_id": short_id(document_id, normal, seen[normal]),
                    "document_id": document_id,
                    "version": version,
                    "page_start": page["page"],
                    "page_end": page["page"],
                    "char_start": piece.start,
                    "char_end": piece.end,
                    "heading_path": path,
                    "text": piece.text,
                    "tokens": count_tokens(piece.text),
                }
            )
            seen[normal] += 1
        above = path_after(split_blocks(page["markdown"]), above)
    return rows


def chunk_page(markdown: str, max_tokens: int = MAX_TOKENS, above: tuple[Heading, ...] = ()) -> list[Piece]:
    """The chunks of one page in order; `above` are the headings in force where the page begins.

    The limit holds for the text below a chunk's own headings. A table with its notes and a short introduction is
    kept whole up to two and a half times the limit: the notes are the conditions of its figures.
    """
    blocks = split_blocks(markdown)
    atoms = list(_atoms(markdown, blocks, max_tokens))
    pieces = []
    for first, last in _runs(markdown, atoms, max_tokens):
        start, end = atoms[first].start, atoms[last - 1].end
        end = start + len(markdown[start:end].rstrip())
        start += len(markdown[start:end]) - len(markdown[start:end].lstrip())
        path = _path(atoms[first:last], blocks, above)
        text = atoms[first].head + markdown[start:end]
        pieces.append(Piece(start, end, text, tuple(one.title for one in path if one.title)))
    return pieces


def _path(atoms: list[_Atom], blocks: list[Block], above: tuple[Heading, ...]) -> tuple[Heading, ...]:
    """The headings a chunk stands under.

    Where it begins in mid-section: that section's. Where it begins with a heading, and so shows the headings of all
    its sections: what they have in common, unless one section is three quarters of the chunk.
    """
    body = [atom for atom in atoms if atom.kind != HEADING] or atoms[-1:]
    tokens: Counter[tuple[Heading, ...]] = Counter()
    for atom in body:
        tokens[path_after([block for block in blocks if block.start <= atom.start], above)] += atom.tokens
    paths = list(tokens)
    if atoms[0].kind != HEADING:
        return paths[0]
    largest = max(paths, key=lambda path: tokens[path])
    if 4 * tokens[largest] >= 3 * tokens.total():
        return largest
    shared = next((depth for depth, level in enumerate(zip(*paths, strict=False)) if len(set(level)) > 1), None)
    return largest[: min(map(len, paths)) if shared is None else shared]


def normalised(text: str) -> str:
    """Text whose hash names a chunk: white space collapsed, heading depth ignored."""
    return " ".join(re.sub(r"^#{1,6}[ \t]+", "", text, flags=re.MULTILINE).split())


def _atoms(markdown: str, blocks: list[Block], max_tokens: int) -> Iterator[_Atom]:
    for index, block in enumerate(blocks):
        above = blocks[index - 1] if index else None
        rank = _rank(above, block)
        if block.kind == HEADING and all(later.kind == HEADING for later in blocks[index:]):
            rank = _NEVER  # a heading at the foot of a page stays with the text before it
        if block.kind == HEADING:
            yield _atom(markdown, block, HEADING, block.start, block.end, rank)
        elif block.kind == TABLE:
            yield from _table_atoms(markdown, block, rank, max_tokens)
        else:
            for number, (start, end) in enumerate(split_sentences(markdown, block)):
                parts = [(0, end - start)]
                if count_tokens(markdown[start:end]) > max_tokens:
                    parts = _cut(markdown[start:end], max_tokens)
                for part, (low, high) in enumerate(parts):
                    here = _HARD if part else _SENTENCE if number else rank
                    yield _atom(markdown, block, block.kind, start + low, start + high, here)


def _cut(text: str, limit: int) -> list[tuple[int, int]]:
    """Ranges that touch and cover a sentence too long for a chunk, cut between words where there are any."""
    from semantic_text_splitter import TextSplitter

    splitter = TextSplitter.from_tiktoken_model("gpt-3.5-turbo", limit, trim=False)
    starts = [start for start, _ in splitter.chunk_indices(text)]
    return list(pairwise([0, *starts[1:], len(text)]))


def _table_atoms(markdown: str, block: Block, rank: int, max_tokens: int) -> Iterator[_Atom]:
    """A table as one atom, or, where it is larger than a table may be, one atom per row."""
    header_end, rows = split_rows(markdown, block)
    if not rows or count_tokens(markdown[block.start : block.end]) <= _table_limit(max_tokens):
        yield _atom(markdown, block, TABLE, block.start, block.end, rank)
        return
    header = markdown[block.start : header_end]
    outer = inner = ""
    previous_is_section = True  # the first row stays with the header
    for number, (start, end) in enumerate(rows):
        line = markdown[start:end]
        section = is_section_row([cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1]])
        here = _NEVER if previous_is_section else _SECTION_ROW if section else _TABLE_ROW
        head = header + outer + ("" if section else inner)
        if number == 0:
            yield _atom(markdown, block, _ROW, block.start, end, rank)
        else:
            yield _atom(markdown, block, _ROW, start, end, here, head)
        if section:
            outer, inner = (inner, line) if previous_is_section and number else (outer, line)
        previous_is_section = section


def _atom(markdown: str, block: Block, kind: str, start: int, end: int, rank: int, head: str = "") -> _Atom:
    return _Atom(kind, start, end, rank, count_tokens(markdown[start:end]), block, head)


def _rank(above: Block | None, block: Block) -> int:
    """How well a chunk may begin with this block."""
    if above is None or above.kind == HEADING:
        return _NEVER
    if block.kind == HEADING:
        return block.level
    if block.kind == NOTES and above.kind == TABLE:
        return _JOINED
    if block.kind == ITEM:
        return _ITEMS
    return _BLOCK


def _runs(markdown: str, atoms: list[_Atom], max_tokens: int) -> list[tuple[int, int]]:
    """Ranges of atoms that make the chunks."""
    sums = [0, *accumulate(atom.tokens for atom in atoms)]
    done: list[tuple[int, int]] = []
    waiting = [(0, len(atoms))] if atoms else []
    while waiting:
        first, last = waiting.pop()
        whole = _is_chunk(markdown, atoms[first:last], max_tokens)
        middle = None if whole else _best_cut(markdown, atoms, sums, first, last, max_tokens)
        if middle is None:
            done.append((first, last))
        else:
            waiting += [(middle, last), (first, middle)]
    return done


def _is_chunk(markdown: str, atoms: list[_Atom], max_tokens: int) -> bool:
    body = next((index for index, atom in enumerate(atoms) if atom.kind != HEADING), len(atoms) - 1)
    text = atoms[0].head + markdown[atoms[body].start : atoms[-1].end]
    tables = {atom.block.start for atom in atoms if atom.block.kind == TABLE}
    aside = sum(atom.tokens for atom in atoms if atom.block.kind not in (TABLE, NOTES))
    whole_table = len(tables) == 1 and aside <= max_tokens // 4
    cut_table = any(atom.kind == _ROW for atom in atoms)
    return count_tokens(text) <= (_table_limit(max_tokens) if whole_table and not cut_table else max_tokens)


def _table_limit(max_tokens: int) -> int:
    return max_tokens * 5 // 2


def _best_cut(markdown: str, atoms: list[_Atom], sums: list[int], first: int, last: int, max_tokens: int) -> int | None:
    """The index of the atom that begins the second half; None where the run cannot be cut."""
    smallest = max_tokens // 5

    def key(index: int) -> tuple[int, int, str]:
        atom = atoms[index]
        slim = min(sums[index] - sums[first], sums[last] - sums[index]) < smallest
        words = (markdown[: atom.start].split()[-4:], markdown[atom.start : atom.start + 80].split()[:4])
        return _tier(atom.rank, slim), atom.rank, content_hash(*words)

    candidates = [index for index in range(first + 1, last) if atoms[index].rank != _NEVER]
    return min(candidates, key=key, default=None)


def _tier(rank: int, slim: bool) -> int:
    """Order of preference among kinds of boundaries; `slim`: one side would be very small."""
    if rank == _JOINED:
        return 4
    if rank < _BLOCK:
        return 2 if slim else 0
    if rank <= _ITEMS:
        return 3 if slim else 1
    return 2 * rank + slim
