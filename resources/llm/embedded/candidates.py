"""What a document can answer: its sentences, values, list items, definitions and table cells, each self-contained.

The embedded teacher asks about candidates and the embedded reader chooses among them, so both see text alike.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache

from resources.llm.embedded.candidate import CELL, DEFINITION, ITEM_KIND, LIST, LONGEST_ANSWER, SENTENCE, Candidate
from resources.llm.embedded.markdown_blocks import HEADING, ITEM, NOTE, TABLE, blocks, context_end
from resources.llm.embedded.prose_candidates import item_candidates, lists_of, prose_candidates
from resources.llm.embedded.table_candidates import cell_candidates
from resources.llm.embedded.values import clean

__all__ = ["CELL", "DEFINITION", "ITEM_KIND", "LIST", "LONGEST_ANSWER", "SENTENCE", "Candidate", "candidates"]


@lru_cache(maxsize=4096)
def candidates(text: str) -> tuple[Candidate, ...]:
    """The candidates of a chunk, or of a document shown to a model (context line first), in reading order."""
    body = context_end(text)
    context = [part.strip() for part in text[:body].strip().split(" > ") if part.strip()]
    parts = blocks(text, body)
    notes = {block.mark: text[block.start : block.end].strip() for block in parts if block.kind == NOTE}
    lists = lists_of(text, parts)
    found: list[Candidate] = []
    path: list[tuple[int, str]] = []
    for position, block in enumerate(parts):
        heading = " > ".join(dict.fromkeys([*context, *(name for _, name in path)]))
        if block.kind == HEADING:
            name = clean(text[block.start : block.end])
            path = [*(kept for kept in path if kept[0] < block.level), (block.level, name)] if name else path
        elif block.kind == TABLE:
            found += cell_candidates(text, block, heading, notes)
        elif block.kind == ITEM:
            found += item_candidates(text, parts, position, lists, heading, notes)
        else:
            found += prose_candidates(text, block, heading, notes)
    return tuple(_distinct(found))


def _distinct(found: Iterable[Candidate]) -> Iterator[Candidate]:
    seen: set[tuple[str, str, int]] = set()
    for candidate in found:
        key = (candidate.text, candidate.answer, candidate.start)
        if key not in seen and candidate.quote.strip():
            seen.add(key)
            yield candidate
