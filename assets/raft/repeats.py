"""What the corpus says more than once: chunks that repeat most of another one, pages that nearly equal another document's.

Chunks are compared exactly, by containment: a short passage inside a long one would give an answer away, and a sketch of
their Jaccard similarity misses it. Pages are too many for that; MinHash with LSH (Broder 1997, through rensa) proposes
pairs, and each is verified on its words.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from assets.raft.similarity import NEAR_DUPLICATE, OVERLAP, overlapping, shingles
from resources.lake.lake import Lake
from resources.lake.tables import MARKDOWN_PAGES

CHUNK, PAGE = "chunk", "page"
Row = Mapping[str, Any]
Page = tuple[str, int]
"""A page by its document's id and its index."""

Related = Mapping[str, Mapping[str, float]]
"""For each chunk those that share at least `OVERLAP` of the shorter one's runs of words, with the share."""

_LEAST_WORDS = 20
"""Pages with fewer runs of words (covers, blanks) resemble each other and say nothing."""

_PERMUTATIONS = 128
_BANDS = 32
"""With four rows a band, a pair at the threshold of 0.8 is missed once in twenty million; of those at 0.4 half are proposed."""


def repeated_pages(lake: Lake, corpus: Sequence[Row]) -> list[dict[str, Any]]:
    """Rows of the pages of the corpus' documents that nearly equal a page of another one.

    Pages are read batch by batch, and once more where a sketch proposed a pair: their texts are not in memory together.
    """
    from rensa.rensa import RMinHash

    current = {(row["document_id"], row["version"]) for row in corpus}
    sketches = {}
    for page, text in _current_pages(lake, current):
        found = shingles(text)
        if len(found) >= _LEAST_WORDS:
            sketches[page] = RMinHash(_PERMUTATIONS, 0)
            sketches[page].update([" ".join(shingle) for shingle in found])
    pairs = _alike(sketches)
    wanted = {page for pair in pairs for page in pair}
    sets = {page: shingles(text) for page, text in _current_pages(lake, current) if page in wanted} if wanted else {}
    rows = []
    for one, other in pairs:
        share = len(sets[one] & sets[other]) / len(sets[one] | sets[other])
        if share >= NEAR_DUPLICATE:
            rows.append(_row(PAGE, page_name(one), page_name(other), one[0], other[0], share))
    return rows


def page_name(page: Page) -> str:
    """A page as `near_duplicates` names it: its document's id and its index."""
    return f"{page[0]}/{page[1]}"


def _current_pages(lake: Lake, current: AbstractSet[tuple[str, str]]) -> Iterator[tuple[Page, str]]:
    """The pages of these document versions, each once: a version may have arrived in several batches."""
    seen: set[Page] = set()
    for batch in lake.partitions(MARKDOWN_PAGES):
        rows = lake.read(MARKDOWN_PAGES, batch, ["document_id", "version", "page", "markdown"]).to_pylist()
        for row in rows:
            page = (row["document_id"], row["page"])
            if (row["document_id"], row["version"]) in current and page not in seen:
                seen.add(page)
                yield page, row["markdown"]


def _alike(sketches: Mapping[Page, Any]) -> list[tuple[Page, Page]]:
    """Pairs of pages of different documents whose sketches share a band, in order."""
    from rensa.rensa import RMinHashLSH

    index, names = RMinHashLSH(NEAR_DUPLICATE, _PERMUTATIONS, _BANDS), sorted(sketches)
    for key, name in enumerate(names):
        index.insert(key, sketches[name])
    return [
        (name, names[other])
        for key, name in enumerate(names)
        for other in sorted(index.query(sketches[name]))
        if other > key and names[other][0] != name[0]
    ]


def repeated_chunks(corpus: Sequence[Row]) -> list[dict[str, Any]]:
    """Rows of every pair of chunks that share at least `OVERLAP` of the shorter one's runs of words."""
    documents = {row["chunk_id"]: row["document_id"] for row in corpus}
    related = overlapping({row["chunk_id"]: row["text"] for row in corpus}, OVERLAP)
    return [
        _row(CHUNK, one, other, documents[one], documents[other], share)
        for one in sorted(related)
        for other, share in sorted(related[one].items())
        if one < other
    ]


def related_chunks(rows: Iterable[Row]) -> Related:
    """The relation of chunks that rows of `near_duplicates` record, both ways round."""
    related: dict[str, dict[str, float]] = defaultdict(dict)
    for row in rows:
        if row["kind"] == CHUNK:
            related[row["one"]][row["other"]] = related[row["other"]][row["one"]] = row["share"]
    return related


def _row(kind: str, one: str, other: str, one_document: str, other_document: str, share: float) -> dict[str, Any]:
    return {
        "kind": kind,
        "one": one,
        "other": other,
        "one_document": one_document,
        "other_document": other_document,
        "share": share,
    }
