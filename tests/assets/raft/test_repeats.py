"""What the corpus says twice: the recorded relation decides splits and datasets as a fresh search would."""

import random

import pytest

from assets.raft.bank import build_bank, contamination
from assets.raft.composition import compose
from assets.raft.recipes import DatasetRecipe, Recipe
from assets.raft.repeats import related_chunks, repeated_chunks, repeated_pages
from resources.lake.tables import MARKDOWN_PAGES

WORDS = [f"{first}{second}" for first in ("ba", "de", "ku", "lo", "mi") for second in ("nar", "tov", "sel", "pik")]
RECIPE = Recipe(name="one", dataset=DatasetRecipe(k=3, p=0.6))


def page(document: str, number: int, markdown: str, version: str = "v1") -> dict:
    return {
        "document_id": document, "version": version, "page": number, "markdown": markdown, "method": "layout",
        "page_sha": "", "object_sha": "", "word_recall": 1.0, "number_recall": 1.0, "width": 600.0, "height": 800.0,
        "boxes": [], "links": [], "error": None,
    }  # fmt: skip


def prose(seed: int, length: int = 120) -> list[str]:
    source = random.Random(seed)
    return [source.choice(WORDS) + str(source.randrange(50)) for _ in range(length)]


def changed(text: list[str], places: int) -> list[str]:
    """The same text with so many words replaced, far apart."""
    step = len(text) // max(1, places)
    return [f"other{index}" if places and index % step == 0 else word for index, word in enumerate(text)]


@pytest.fixture
def corpus_of():
    """Rows of `corpus` that make these document versions current."""
    return lambda *documents: [
        {"chunk_id": f"{name}{version}", "document_id": name, "version": version, "text": f"{name} {version}"}
        for name, version in documents
    ]


@pytest.mark.parametrize("seed", range(8))
def test_the_recorded_relation_gives_the_same_bank_and_the_same_rows(world, seed):
    made = world(seed)
    rows = repeated_chunks(made.chunks)
    related = related_chunks(random.Random(seed).sample(rows, len(rows)))
    bank = build_bank(made.generated, made.external, made.chunks, {}, related=related)
    assert bank == build_bank(made.generated, made.external, made.chunks, {})
    assert contamination(bank.rows, made.chunks, related) == []
    assert compose(bank.rows, made.chunks, RECIPE, {}, related) == compose(bank.rows, made.chunks, RECIPE, {})


def test_a_short_passage_inside_a_long_one_is_recorded(world):
    long = " ".join(prose(1))
    chunks = [
        {"chunk_id": "long", "document_id": "a", "text": long},
        {"chunk_id": "short", "document_id": "b", "text": " ".join(prose(1)[20:40])},
        {"chunk_id": "other", "document_id": "c", "text": " ".join(prose(2))},
    ]
    [row] = repeated_chunks(chunks)
    assert (row["one"], row["other"], row["one_document"], row["other_document"]) == ("long", "short", "a", "b")
    assert row["share"] == 1.0


def test_nearly_equal_pages_of_two_documents_are_found_and_others_are_not(lake, corpus_of):
    text = prose(3)
    lake.write(
        MARKDOWN_PAGES,
        [
            page("a", 0, " ".join(text)),
            page("a", 1, " ".join(text)),  # a repeat within the document
            page("b", 4, " ".join(changed(text, 2))),
            page("c", 0, " ".join(changed(text, 30))),
            page("d", 0, "Notes"),
            page("e", 0, "Notes"),
        ],
        "0001",
    )
    lake.write(MARKDOWN_PAGES, [page("b", 4, " ".join(prose(9)), "v2"), page("f", 0, " ".join(text), "old")], "0002")
    found = repeated_pages(
        lake, corpus_of(("a", "v1"), ("b", "v1"), ("c", "v1"), ("d", "v1"), ("e", "v1"), ("f", "v2"))
    )
    assert [(row["one"], row["other"]) for row in found] == [("a/0", "b/4"), ("a/1", "b/4")]
    assert all(0.8 <= row["share"] < 1 for row in found)


def test_a_new_version_that_says_something_else_ends_the_relation(lake, corpus_of):
    text = " ".join(prose(3))
    lake.write(MARKDOWN_PAGES, [page("a", 0, text), page("b", 0, text)], "0001")
    lake.write(MARKDOWN_PAGES, [page("b", 0, " ".join(prose(4)), "v2")], "0002")
    assert len(repeated_pages(lake, corpus_of(("a", "v1"), ("b", "v1")))) == 1
    assert repeated_pages(lake, corpus_of(("a", "v1"), ("b", "v2"))) == []


@pytest.mark.parametrize("places", [0, 1, 2, 3])
def test_no_pair_above_the_threshold_is_missed(lake, corpus_of, places):
    """LSH may miss by chance what the words say: over 60 seeded pairs it misses none."""
    rows = [
        page(f"{side}{seed:02}", 0, " ".join(changed(prose(seed), places if side == "b" else 0)))
        for seed in range(60)
        for side in "ab"
    ]
    lake.write(MARKDOWN_PAGES, rows, "0001")
    found = repeated_pages(lake, corpus_of(*((row["document_id"], "v1") for row in rows)))
    assert {(row["one"], row["other"]) for row in found} == {(f"a{seed:02}/0", f"b{seed:02}/0") for seed in range(60)}
