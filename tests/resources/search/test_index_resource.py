"""The published index: its rows are the hashes of its files, and what is loaded is what was published."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from resources.search.index import SearchIndex
from resources.search.index_files import UnusableIndex
from resources.search.resource import IndexResource

TEXTS = ["The fee is $5.00.", "Interest is paid monthly.", "费用为五元。"]


def build(texts: list[str]) -> SearchIndex:
    vectors = [np.eye(len(texts), dtype=np.float32)[number] for number in range(len(texts))]
    return SearchIndex.build([f"c{number}" for number in range(len(texts))], texts, vectors)


@pytest.fixture
def resource(tmp_path: Path) -> IndexResource:
    return IndexResource(folder=str(tmp_path / "index"))


def test_every_published_file_is_a_row_with_its_hash(resource) -> None:
    rows = resource.publish(build(TEXTS))
    on_disk = {path.name: path for path in Path(resource.folder).rglob("*") if path.is_file()}
    assert rows
    for row in rows:
        content = on_disk[row["file"]].read_bytes()
        assert (row["sha256"], row["bytes"]) == (hashlib.sha256(content).hexdigest(), len(content))


def test_equal_content_is_published_as_equal_rows(resource, tmp_path) -> None:
    assert resource.publish(build(TEXTS)) == IndexResource(folder=str(tmp_path / "other")).publish(build(TEXTS))


def test_what_is_loaded_is_what_was_published_last(resource) -> None:
    resource.publish(build(TEXTS))
    resource.publish(build(TEXTS[:2]))
    found = resource.load().search("interest monthly", np.array([0, 1], dtype=np.float32), 5)
    assert found[0].chunk_id == "c1"
    assert {hit.chunk_id for hit in found} <= {"c0", "c1"}


def test_an_index_that_was_never_published_says_what_to_do(resource) -> None:
    with pytest.raises(UnusableIndex, match="`raftline refresh` builds it again"):
        resource.load()


def test_a_check_reads_the_files_once_for_each_state_of_theirs_and_finds_what_loading_finds(
    resource, monkeypatch
) -> None:
    reads: list[str] = []
    load = SearchIndex.load

    def counted(folder: Path) -> SearchIndex:
        reads.append(str(folder))
        return load(folder)

    monkeypatch.setattr(SearchIndex, "load", counted)
    with pytest.raises(UnusableIndex, match="there is none yet"):
        resource.check()
    resource.publish(build(TEXTS))
    for _ in range(3):
        resource.check()
    assert len(reads) == 1
    resource.publish(build(TEXTS[:2]))
    resource.check()
    assert len(reads) == 2
    vectors = next(Path(resource.folder).glob("*/vectors.npy"))
    content = vectors.read_bytes()
    vectors.write_bytes(content[:-1] + b"\x01")
    for _ in range(2):
        with pytest.raises(UnusableIndex, match="does not match its hash"):
            resource.check()
    vectors.write_bytes(content)
    resource.check()
    vectors.unlink()
    with pytest.raises(UnusableIndex, match="is missing"):
        resource.check()
