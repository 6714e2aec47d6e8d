"""Blocks packed into chunks: page-bounded, tables whole, headings with their body, boundaries that resynchronise.

A run of text that is too large is cut at its best boundary, and both halves again. Boundaries of one rank compete
by a hash of the words around them, so an edit moves the boundaries next to it and no others; filling chunks from
the top would move every later boundary of the page.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import accumulate
from operator import itemgetter
from typing import Any

from assets.chunks.atoms import BLOCK, ITEMS, JOINED, NEVER, ROW, Atom, atoms_of, table_limit
from assets.chunks.blocks import HEADING, NOTES, TABLE, Block, Heading, path_after, split_blocks
from resources.hashing import content_hash, short_id
from resources.tokens import count_tokens

MAX_TOKENS = 400


@dataclass(frozen=True)
class Piece:
    """One chunk of a page: `text` is `markdown[start:end]`, after a repeated table header where a table was cut."""

    start: int
    end: int
    text: str
    heading_path: tuple[str, ...]


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
    atoms = list(atoms_of(markdown, blocks, max_tokens))
    pieces = []
    for first, last in _runs(markdown, atoms, max_tokens):
        start, end = atoms[first].start, atoms[last - 1].end
        end = start + len(markdown[start:end].rstrip())
        start += len(markdown[start:end]) - len(markdown[start:end].lstrip())
        path = _path(atoms[first:last], blocks, above)
        text = atoms[first].head + markdown[start:end]
        pieces.append(Piece(start, end, text, tuple(one.title for one in path if one.title)))
    return pieces


def _path(atoms: list[Atom], blocks: list[Block], above: tuple[Heading, ...]) -> tuple[Heading, ...]:
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


def _runs(markdown: str, atoms: list[Atom], max_tokens: int) -> list[tuple[int, int]]:
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


def _is_chunk(markdown: str, atoms: list[Atom], max_tokens: int) -> bool:
    body = next((index for index, atom in enumerate(atoms) if atom.kind != HEADING), len(atoms) - 1)
    text = atoms[0].head + markdown[atoms[body].start : atoms[-1].end]
    tables = {atom.block.start for atom in atoms if atom.block.kind == TABLE}
    aside = sum(atom.tokens for atom in atoms if atom.block.kind not in (TABLE, NOTES))
    whole_table = len(tables) == 1 and aside <= max_tokens // 4
    cut_table = any(atom.kind == ROW for atom in atoms)
    return count_tokens(text) <= (table_limit(max_tokens) if whole_table and not cut_table else max_tokens)


def _best_cut(markdown: str, atoms: list[Atom], sums: list[int], first: int, last: int, max_tokens: int) -> int | None:
    """The index of the atom that begins the second half; None where the run cannot be cut."""
    smallest = max_tokens // 5

    def key(index: int) -> tuple[int, int, str]:
        atom = atoms[index]
        slim = min(sums[index] - sums[first], sums[last] - sums[index]) < smallest
        words = (markdown[: atom.start].split()[-4:], markdown[atom.start : atom.start + 80].split()[:4])
        return _tier(atom.rank, slim), atom.rank, content_hash(*words)

    candidates = [index for index in range(first + 1, last) if atoms[index].rank != NEVER]
    return min(candidates, key=key, default=None)


def _tier(rank: int, slim: bool) -> int:
    """Order of preference among kinds of boundaries; `slim`: one side would be very small."""
    if rank == JOINED:
        return 4
    if rank < BLOCK:
        return 2 if slim else 0
    if rank <= ITEMS:
        return 3 if slim else 1
    return 2 * rank + slim
