"""The document folder: what it lists, what it cannot list, and what a scan makes of it."""

import os
from pathlib import Path

import pytest

from resources.corpus.source import CorpusResource, FolderSource
from resources.errors import RaftlineError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pdfs" / "sub").mkdir(parents=True)
    return tmp_path / "pdfs"


@pytest.fixture
def source(folder: Path, tmp_path: Path) -> FolderSource:
    return FolderSource(folder, tmp_path / "state" / "listing.json")


@pytest.fixture
def corpus(folder: Path, tmp_path: Path) -> CorpusResource:
    return CorpusResource(folder=str(folder), state=str(tmp_path / "state"))


def listed(source: FolderSource) -> list[str]:
    return [document.uri for document in source.list() or []]


def test_pdfs_are_found_at_any_depth_by_relative_path_whatever_their_case(source, folder) -> None:
    for name in ("b.PDF", "sub/a.pdf", "notes.txt", "pdf"):
        (folder / name).write_bytes(b"x")
    (folder / "folder.pdf").mkdir()
    assert listed(source) == ["b.PDF", "sub/a.pdf"]


def test_a_folder_that_is_not_there_is_no_listing_at_all(tmp_path) -> None:
    assert FolderSource(tmp_path / "gone", tmp_path / "listing.json").list() is None


def test_an_empty_folder_is_an_empty_listing(source) -> None:
    assert source.list() == []


def test_a_sub_folder_that_cannot_be_read_fails_the_listing_instead_of_withdrawing_its_documents(
    source, folder, monkeypatch
) -> None:
    (folder / "sub" / "a.pdf").write_bytes(b"x")
    scan = os.scandir

    def refusing(path):
        if Path(path).name == "sub":
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refusing)
    assert source.list() is None


def test_the_etag_follows_the_bytes(source, folder) -> None:
    (folder / "a.pdf").write_bytes(b"one")
    [before] = source.list()
    (folder / "a.pdf").write_bytes(b"two!")
    [after] = source.list()
    assert before.etag != after.etag
    assert after.size == 4


def test_an_untouched_file_is_not_hashed_again(source, folder, tmp_path) -> None:
    (folder / "a.pdf").write_bytes(b"one")
    source.list()
    memory = tmp_path / "state" / "listing.json"
    memory.write_text(memory.read_text().replace(source.list()[0].etag, "remembered"))
    assert source.list()[0].etag == "remembered"


@pytest.mark.parametrize("torn", ["", "{", "[]", "null"])
def test_a_torn_memory_is_made_anew(source, folder, tmp_path, torn) -> None:
    (folder / "a.pdf").write_bytes(b"one")
    before = source.list()
    (tmp_path / "state" / "listing.json").write_text(torn)
    assert source.list() == before


@pytest.mark.parametrize("name", [b"caf\xe9.pdf", b"[b]bold =1+1 <i>.pdf", "费用.pdf".encode(), b"two\nlines.pdf"])
def test_a_hostile_file_name_is_listed_stored_and_read(source, corpus, folder, name) -> None:
    (folder / os.fsdecode(name)).write_bytes(b"content")
    [document] = source.list()
    document.uri.encode()
    assert source.read(document.uri) == b"content"
    [manifest] = corpus.scan(500)
    assert corpus.manifests().get(manifest.key).entries[0].uri == document.uri


def test_a_dangling_link_is_no_document(source, folder) -> None:
    (folder / "a.pdf").symlink_to(folder / "nowhere.pdf")
    assert source.list() == []


def test_a_scan_freezes_what_is_new_once(corpus, folder) -> None:
    (folder / "a.pdf").write_bytes(b"one")
    [first] = corpus.scan(500)
    assert corpus.scan(500) == []
    (folder / "b.pdf").write_bytes(b"two")
    [second] = corpus.scan(500)
    assert [manifest.sequence for manifest in corpus.manifests().load()] == [1, 2]
    assert [entry.uri for entry in second.entries] == ["b.pdf"]
    assert first.key < second.key


def test_a_missing_folder_stops_a_scan_and_withdraws_nothing(corpus, folder) -> None:
    (folder / "a.pdf").write_bytes(b"one")
    corpus.scan(500)
    folder.rename(folder.with_name("unmounted"))
    with pytest.raises(RaftlineError, match=f"{folder} cannot be listed"):
        corpus.scan(500)
    assert len(corpus.manifests().load()) == 1
