"""Batches are planned: a listing becomes the arrivals that turn what is known into what is listed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.corpus.batches import current_entries, originals, plan_batches
from resources.corpus.manifest import Entry, Listed, Manifest
from resources.corpus.received import Received


def listed(uri: str, version: str, size: int) -> Listed:
    """A document as a folder lists it: its stamp is the hash of its bytes."""
    return Listed(uri, version, size, version)


def entry(uri: str, version: str, size: int, **more) -> Entry:
    return Entry(uri, version, size, version, **more)


def stored(uri: str, etag: str) -> Listed:
    """A document as an object store lists it: its bytes are unknown."""
    return Listed(uri, etag, 10)


A, B = listed("a.pdf", "1", 10), listed("b.pdf", "2", 20)
KNOWN = {"a.pdf": entry("a.pdf", "1", 10), "b.pdf": entry("b.pdf", "2", 20)}


def entries(manifests: list[Manifest]) -> list[Entry]:
    return [one for manifest in manifests for one in manifest.entries]


@pytest.mark.parametrize(
    ("inventory", "known", "expected"),
    [
        pytest.param(None, KNOWN, [], id="a failed listing plans nothing"),
        pytest.param([], {}, [], id="nothing there, nothing known"),
        pytest.param([A, B], {}, [entry("a.pdf", "1", 10), entry("b.pdf", "2", 20)], id="first arrival"),
        pytest.param([A, B], KNOWN, [], id="nothing changed"),
        pytest.param(
            [],
            KNOWN,
            [entry("a.pdf", "1", 0, tombstone=True), entry("b.pdf", "2", 0, tombstone=True)],
            id="an empty folder withdraws everything",
        ),
        pytest.param([A, listed("b.pdf", "3", 21)], KNOWN, [entry("b.pdf", "3", 21)], id="a new version"),
        pytest.param([A], KNOWN, [entry("b.pdf", "2", 0, tombstone=True)], id="one withdrawn"),
        pytest.param([], {"a.pdf": entry("a.pdf", "1", 0, tombstone=True)}, [], id="withdrawn once only"),
        pytest.param(
            [A], {"a.pdf": entry("a.pdf", "1", 0, tombstone=True)}, [entry("a.pdf", "1", 10)], id="restored document"
        ),
        pytest.param(
            [A, listed("c.pdf", "1", 10)],
            {},
            [entry("a.pdf", "1", 10), entry("c.pdf", "1", 10, duplicate_of="a.pdf")],
            id="two identical files: the first by name counts",
        ),
        pytest.param(
            [B, listed("a-copy.pdf", "2", 20)],
            {"b.pdf": KNOWN["b.pdf"]},
            [entry("a-copy.pdf", "2", 20, duplicate_of="b.pdf")],
            id="a copy with an earlier name does not take over a known document",
        ),
        pytest.param(
            [listed("c.pdf", "1", 10)],
            {"a.pdf": KNOWN["a.pdf"], "c.pdf": entry("c.pdf", "1", 10, duplicate_of="a.pdf")},
            [entry("a.pdf", "1", 0, tombstone=True), entry("c.pdf", "1", 10)],
            id="the copy stands in for a withdrawn original",
        ),
        pytest.param(
            [listed("new-name.pdf", "1", 10)],
            {"a.pdf": KNOWN["a.pdf"]},
            [entry("a.pdf", "1", 0, tombstone=True), entry("new-name.pdf", "1", 10)],
            id="a renamed file is another document",
        ),
    ],
)
def test_a_listing_becomes_the_arrivals_it_differs_by(inventory, known, expected) -> None:
    assert entries(plan_batches(inventory, known, 1, 500)) == expected


NAMES = st.sampled_from([f"{letter}.pdf" for letter in "abcdefg"])
INVENTORY = st.dictionaries(NAMES, st.sampled_from("123"), max_size=7).map(
    lambda found: [listed(uri, etag, int(etag)) for uri, etag in found.items()]
)


@given(st.lists(INVENTORY, min_size=1, max_size=5), st.integers(1, 4))
def test_whatever_happened_before_planned_batches_bring_the_known_to_the_listed(listings, limit) -> None:
    manifests: list[Manifest] = []
    for inventory in listings:
        planned = plan_batches(inventory, current_entries(manifests), len(manifests) + 1, limit)
        manifests += planned
        known = current_entries(manifests)
        living = {uri: one.etag for uri, one in known.items() if not one.tombstone}
        assert living == {one.uri: one.etag for one in inventory}
        assert plan_batches(inventory, known, len(manifests) + 1, limit) == []
        originals = [one.etag for one in known.values() if not one.tombstone and not one.duplicate_of]
        assert sorted(originals) == sorted({one.etag for one in inventory})
        assert all(known[e.duplicate_of].etag == e.etag for e in known.values() if e.duplicate_of and not e.tombstone)
        assert all(len(manifest.entries) <= limit for manifest in planned)
    assert [manifest.sequence for manifest in manifests] == list(range(1, len(manifests) + 1))


@given(INVENTORY, INVENTORY, st.randoms())
def test_the_order_of_a_listing_does_not_matter(before, inventory, shuffle) -> None:
    known = current_entries(plan_batches(before, {}, 1, 500))
    shuffled = inventory[:]
    shuffle.shuffle(shuffled)
    assert plan_batches(inventory, known, 7, 3) == plan_batches(shuffled, known, 7, 3)


def test_a_large_arrival_becomes_several_batches() -> None:
    inventory = [listed(f"{n:02}.pdf", str(n), n) for n in range(7)]
    planned = plan_batches(inventory, {}, 5, 3)
    assert [(m.sequence, len(m.entries)) for m in planned] == [(5, 3), (6, 3), (7, 1)]


@pytest.mark.parametrize(
    ("inventory", "known", "expected"),
    [
        pytest.param([stored("a.pdf", "e1")], {"a.pdf": Entry("a.pdf", "e1", 10)}, [], id="never received, unchanged"),
        pytest.param([stored("a.pdf", "e1")], {"a.pdf": Entry("a.pdf", "e1", 10, "1")}, [], id="the stamp is known"),
        pytest.param(
            [stored("a.pdf", "e2")],
            {"a.pdf": Entry("a.pdf", "e1", 10, "1")},
            [Entry("a.pdf", "e2", 10)],
            id="a new stamp is a new version until its bytes are here",
        ),
        pytest.param(
            [stored("a.pdf", "e"), stored("b.pdf", "e")],
            {},
            [Entry("a.pdf", "e", 10), Entry("b.pdf", "e", 10)],
            id="equal stamps of two documents prove nothing",
        ),
        pytest.param(
            [stored("a.pdf", "e1"), stored("b.pdf", "e2")],
            {"a.pdf": Entry("a.pdf", "e1", 10, "1"), "b.pdf": Entry("b.pdf", "e2", 10, "1", duplicate_of="a.pdf")},
            [],
            id="a copy that was found on arrival stays one",
        ),
        pytest.param(
            [stored("b.pdf", "e2")],
            {"a.pdf": Entry("a.pdf", "e1", 10, "1"), "b.pdf": Entry("b.pdf", "e2", 10, "1", duplicate_of="a.pdf")},
            [Entry("a.pdf", "e1", 0, "1", tombstone=True), Entry("b.pdf", "e2", 10, "1")],
            id="and stands in for its original with the bytes that are known",
        ),
        pytest.param(
            [Listed("a.pdf", "1", 10, "1")],
            {"a.pdf": Entry("a.pdf", "e1", 10, "1")},
            [],
            id="the same bytes from another kind of source are no news",
        ),
        pytest.param(
            [Listed("a.pdf", "r", 0, refusal="a link")],
            {"a.pdf": Entry("a.pdf", "1", 10, "1")},
            [Entry("a.pdf", "r", 0, refusal="a link")],
            id="a document that became a link is refused, not withdrawn",
        ),
        pytest.param(
            [Listed("a.pdf", "r", 0, refusal="a link")], {"a.pdf": Entry("a.pdf", "r", 0, refusal="a link")}, [],
            id="a refusal is told once",
        ),
    ],
)  # fmt: skip
def test_an_object_store_tells_the_bytes_only_once_they_are_here(inventory, known, expected) -> None:
    assert entries(plan_batches(inventory, known, 1, 500)) == expected


def test_what_was_received_completes_what_was_listed() -> None:
    manifests = [Manifest(1, (Entry("a.pdf", "e1", 10), Entry("b.pdf", "e2", 10)))]
    known = current_entries(manifests, {1: {"b.pdf": Received("1", "a.pdf")}})
    assert known == {"a.pdf": Entry("a.pdf", "e1", 10), "b.pdf": Entry("b.pdf", "e2", 10, "1", duplicate_of="a.pdf")}


def test_of_equal_documents_the_one_that_counted_goes_on_counting() -> None:
    known = {"z.pdf": entry("z.pdf", "1", 10)}
    assert originals([listed("a.pdf", "1", 10), listed("z.pdf", "1", 10), listed("b.pdf", "2", 1)], known) == [
        "z.pdf",
        "",
        "",
    ]
    assert originals([stored("a.pdf", "e"), stored("b.pdf", "e")], {}) == ["", ""]


def test_a_batch_says_where_it_came_from_and_how_sensitive_its_documents_are() -> None:
    [manifest] = plan_batches([A], {}, 1, 10, "s3://bucket", lambda uri: "restricted" if uri == "a.pdf" else "public")
    assert (manifest.source, manifest.entries[0].document_class) == ("s3://bucket", "restricted")
    assert plan_batches([A], current_entries([manifest]), 2, 10, "s3://other", lambda uri: "public") == []
