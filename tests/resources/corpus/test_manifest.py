"""Batches: a listing becomes the arrivals that turn what is known into what is listed, each frozen exactly once."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.corpus.manifest import (
    Entry,
    Listed,
    Manifest,
    Manifests,
    current_entries,
    document_id,
    plan_batches,
    sequence_of,
)
from resources.errors import RaftlineError

A, B = Listed("a.pdf", "1", 10), Listed("b.pdf", "2", 20)
KNOWN = {"a.pdf": Entry("a.pdf", "1", 10), "b.pdf": Entry("b.pdf", "2", 20)}


def entries(manifests: list[Manifest]) -> list[Entry]:
    return [entry for manifest in manifests for entry in manifest.entries]


@pytest.mark.parametrize(
    ("inventory", "known", "expected"),
    [
        pytest.param(None, KNOWN, [], id="a failed listing plans nothing"),
        pytest.param([], {}, [], id="nothing there, nothing known"),
        pytest.param([A, B], {}, [Entry("a.pdf", "1", 10), Entry("b.pdf", "2", 20)], id="first arrival"),
        pytest.param([A, B], KNOWN, [], id="nothing changed"),
        pytest.param(
            [],
            KNOWN,
            [Entry("a.pdf", "1", 0, tombstone=True), Entry("b.pdf", "2", 0, tombstone=True)],
            id="an empty folder withdraws everything",
        ),
        pytest.param([A, Listed("b.pdf", "3", 21)], KNOWN, [Entry("b.pdf", "3", 21)], id="a new version"),
        pytest.param([A], KNOWN, [Entry("b.pdf", "2", 0, tombstone=True)], id="one withdrawn"),
        pytest.param([], {"a.pdf": Entry("a.pdf", "1", 0, tombstone=True)}, [], id="withdrawn once only"),
        pytest.param(
            [A], {"a.pdf": Entry("a.pdf", "1", 0, tombstone=True)}, [Entry("a.pdf", "1", 10)], id="restored document"
        ),
        pytest.param(
            [A, Listed("c.pdf", "1", 10)],
            {},
            [Entry("a.pdf", "1", 10), Entry("c.pdf", "1", 10, duplicate_of="a.pdf")],
            id="two identical files: the first by name counts",
        ),
        pytest.param(
            [B, Listed("a-copy.pdf", "2", 20)],
            {"b.pdf": KNOWN["b.pdf"]},
            [Entry("a-copy.pdf", "2", 20, duplicate_of="b.pdf")],
            id="a copy with an earlier name does not take over a known document",
        ),
        pytest.param(
            [Listed("c.pdf", "1", 10)],
            {"a.pdf": KNOWN["a.pdf"], "c.pdf": Entry("c.pdf", "1", 10, duplicate_of="a.pdf")},
            [Entry("a.pdf", "1", 0, tombstone=True), Entry("c.pdf", "1", 10)],
            id="the copy stands in for a withdrawn original",
        ),
        pytest.param(
            [Listed("new-name.pdf", "1", 10)],
            {"a.pdf": KNOWN["a.pdf"]},
            [Entry("a.pdf", "1", 0, tombstone=True), Entry("new-name.pdf", "1", 10)],
            id="a renamed file is another document",
        ),
    ],
)
def test_a_listing_becomes_the_arrivals_it_differs_by(inventory, known, expected) -> None:
    assert entries(plan_batches(inventory, known, 1, 500)) == expected


NAMES = st.sampled_from([f"{letter}.pdf" for letter in "abcdefg"])
INVENTORY = st.dictionaries(NAMES, st.sampled_from("123"), max_size=7).map(
    lambda found: [Listed(uri, etag, int(etag)) for uri, etag in found.items()]
)


@given(st.lists(INVENTORY, min_size=1, max_size=5), st.integers(1, 4))
def test_whatever_happened_before_planned_batches_bring_the_known_to_the_listed(listings, limit) -> None:
    manifests: list[Manifest] = []
    for inventory in listings:
        planned = plan_batches(inventory, current_entries(manifests), len(manifests) + 1, limit)
        manifests += planned
        known = current_entries(manifests)
        living = {uri: entry.etag for uri, entry in known.items() if not entry.tombstone}
        assert living == {listed.uri: listed.etag for listed in inventory}
        assert plan_batches(inventory, known, len(manifests) + 1, limit) == []
        originals = [entry.etag for entry in known.values() if not entry.tombstone and not entry.duplicate_of]
        assert sorted(originals) == sorted({listed.etag for listed in inventory})
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
    inventory = [Listed(f"{n:02}.pdf", str(n), n) for n in range(7)]
    planned = plan_batches(inventory, {}, 5, 3)
    assert [(m.sequence, len(m.entries)) for m in planned] == [(5, 3), (6, 3), (7, 1)]


def test_the_key_of_a_batch_sorts_by_arrival_and_names_its_content() -> None:
    first, other = Manifest(9, (KNOWN["a.pdf"],)), Manifest(10, (KNOWN["a.pdf"],))
    assert first.key < other.key
    assert first.key.split("-")[1] == other.key.split("-")[1]
    assert Manifest(9, (KNOWN["b.pdf"],)).key != first.key
    assert sequence_of(other.key) == 10


def test_a_document_is_where_it_comes_from() -> None:
    assert document_id("a.pdf") == document_id("a.pdf") != document_id("sub/a.pdf")


def test_a_frozen_batch_is_read_back_as_it_was(tmp_path) -> None:
    manifests = Manifests(tmp_path)
    planned = plan_batches([A, Listed("费用 \n[/b].pdf", "9", 1)], {}, 1, 500)
    assert manifests.freeze(planned) == planned == manifests.load()
    assert manifests.get(planned[0].key) == planned[0]


def test_a_number_that_is_taken_is_not_taken_again_nor_any_after_it(tmp_path) -> None:
    manifests = Manifests(tmp_path)
    manifests.freeze([Manifest(2, (KNOWN["a.pdf"],))])
    mine = [Manifest(1, (KNOWN["b.pdf"],)), Manifest(2, (KNOWN["b.pdf"],)), Manifest(3, (KNOWN["b.pdf"],))]
    assert manifests.freeze(mine) == mine[:1]
    assert [m.entries[0].uri for m in manifests.load()] == ["b.pdf", "a.pdf"]
    assert not list(tmp_path.glob("*.tmp"))


def test_of_racing_threads_exactly_one_gets_each_number(tmp_path) -> None:
    manifests = Manifests(tmp_path)

    def take(writer: int) -> int:
        return len(manifests.freeze([Manifest(1, (Entry(f"{writer}.pdf", "1", 1),))]))

    for _ in range(10):
        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(take, range(8))) == 1
        (frozen,) = manifests.load()
        assert len(frozen.entries) == 1
        (tmp_path / "000001.json").unlink()


def test_of_two_racing_processes_exactly_one_gets_each_number(tmp_path) -> None:
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from resources.corpus.manifest import Entry, Manifest, Manifests\n"
        "store = Manifests(Path(sys.argv[1]))\n"
        "sys.stdin.readline()\n"
        "taken = [n for n in range(1, 200) if store.freeze([Manifest(n, (Entry(sys.argv[2], '1', 1),))])]\n"
        "print(*taken)\n"
    )
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path), name],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for name in ("one", "two")
    ]  # fmt: skip
    taken = [writer.communicate("go\n")[0].split() for writer in writers]
    assert sorted(map(int, taken[0] + taken[1])) == list(range(1, 200))


@pytest.mark.parametrize("key", ["", "typed-by-hand", "000001-00000000", "000002-aaaaaaaa", "../../etc-passwd"])
def test_a_key_typed_by_hand_has_no_manifest_and_the_message_says_what_to_do(tmp_path, key) -> None:
    manifests = Manifests(tmp_path)
    manifests.freeze([Manifest(1, (KNOWN["a.pdf"],))])
    with pytest.raises(RaftlineError, match="has no manifest"):
        manifests.get(key)


@pytest.mark.parametrize("text", ["", "{", '{"sequence": 1}', '{"sequence": 1, "entries": [{"colour": 1}]}', "[]"])
def test_a_manifest_that_cannot_be_read_is_named(tmp_path, text) -> None:
    (tmp_path / "000001.json").write_text(text)
    with pytest.raises(RaftlineError, match=r"000001\.json"):
        Manifests(tmp_path).load()
