"""What the corpus knows of erased documents: enough to keep them out, and no more."""

from pathlib import Path

import pytest

from resources.corpus.erased import Erased, ErasedDocuments
from resources.corpus.manifest import Entry, Manifest, Manifests
from resources.corpus.resource import CorpusResource
from resources.errors import RaftlineError

ONE, TWO = Entry("one.pdf", "1" * 64, 10), Entry("two.pdf", "2" * 64, 10)


@pytest.fixture
def corpus(tmp_path: Path) -> CorpusResource:
    folder = tmp_path / "documents"
    folder.mkdir()
    return CorpusResource(documents=str(folder), state=str(tmp_path / "corpus"))


def test_a_batch_keeps_its_key_when_documents_of_it_are_erased(tmp_path) -> None:
    manifests = Manifests(tmp_path)
    [frozen] = manifests.freeze([Manifest(1, (ONE, TWO))])

    manifests.forget(["one.pdf"])

    [kept] = manifests.load()
    assert (kept.key, kept.entries) == (frozen.key, (TWO,))
    assert manifests.get(frozen.key) == kept
    assert "one.pdf" not in (tmp_path / "000001.json").read_text()


def test_a_batch_that_never_held_the_document_is_not_touched(tmp_path) -> None:
    manifests = Manifests(tmp_path)
    manifests.freeze([Manifest(1, (TWO,))])
    before = (tmp_path / "000001.json").read_bytes()

    manifests.forget(["one.pdf"])

    assert (tmp_path / "000001.json").read_bytes() == before


def test_erased_bytes_are_passed_over_under_any_name_and_new_bytes_are_not(corpus) -> None:
    folder = Path(corpus.documents)
    (folder / "one.pdf").write_bytes(b"secret")
    (folder / "copy.pdf").write_bytes(b"secret")
    [first] = corpus.scan(10)
    corpus.erased().add([Erased("d1", (first.entries[0].etag,), "2026-01-01")])
    corpus.manifests().forget(["one.pdf", "copy.pdf"])

    assert corpus.scan(10) == []

    (folder / "one.pdf").write_bytes(b"another text")
    [second] = corpus.scan(10)
    assert [entry.uri for entry in second.entries] == ["one.pdf"]


def test_a_document_erased_twice_has_one_entry_with_all_its_versions(tmp_path) -> None:
    erased = ErasedDocuments(tmp_path / "corpus" / "erased.json")
    erased.add([Erased("d1", ("v1",), "2026-01-01")])
    erased.add([Erased("d1", ("v2",), "2026-02-01"), Erased("d2", ("v3",), "2026-02-01")])

    assert erased.load() == [Erased("d1", ("v1", "v2"), "2026-02-01"), Erased("d2", ("v3",), "2026-02-01")]
    assert erased.versions() == {"v1", "v2", "v3"}


def test_a_damaged_list_stops_the_scan_instead_of_letting_documents_back(corpus) -> None:
    path = corpus.erased().path
    path.parent.mkdir(parents=True)
    path.write_text("[{")

    with pytest.raises(RaftlineError, match=r"erased\.json cannot be read"):
        corpus.scan(10)
