"""Manifests: a batch is frozen exactly once, under the next number, and read back as it was."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from resources.corpus.manifest import Entry, Manifest, Manifests, document_id, sequence_of
from resources.errors import RaftlineError

KNOWN = {"a.pdf": Entry("a.pdf", "1", 10, "1"), "b.pdf": Entry("b.pdf", "2", 20, "2")}


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
    strange = Entry("费用 \n[/b].pdf", "e9", 1, duplicate_of="a.pdf", document_class="public")
    planned = [Manifest(1, (KNOWN["a.pdf"], strange), source="s3://bucket/prefix")]
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


@pytest.mark.parametrize(
    "text", ["", "{", '{"sequence": 1}', '{"sequence": 1, "entries": [{"colour": 1}], "source": ""}', "[]"]
)
def test_a_manifest_that_cannot_be_read_is_named(tmp_path, text) -> None:
    (tmp_path / "000001.json").write_text(text)
    with pytest.raises(RaftlineError, match=r"000001\.json"):
        Manifests(tmp_path).load()
