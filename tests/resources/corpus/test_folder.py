"""The document folder: what is hashed and what is remembered, links, names, and what cannot be listed."""

import errno
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from resources.corpus.batches import plan_batches
from resources.corpus.folder import FolderSource
from resources.corpus.manifest import Listed
from resources.corpus.source import SourceUnavailable
from resources.errors import UnreadableDocument

HOUR = 3600 * 10**9


@pytest.fixture
def source(folder: Path, tmp_path: Path) -> FolderSource:
    """The folder as it is seen an hour from now, when nothing in it is fresh."""
    return FolderSource(folder, tmp_path / "state" / "listing.json", now_ns=lambda: time.time_ns() + HOUR)


def documents(source: FolderSource) -> list[Listed]:
    found = source.list().documents
    assert found is not None
    return list(found)


def listed(source: FolderSource) -> list[str]:
    return [document.uri for document in documents(source)]


def test_a_folder_named_like_a_pdf_is_none(source, folder) -> None:
    (folder / "folder.pdf").mkdir()
    (folder / ".pdf").write_bytes(b"x")
    assert listed(source) == []


def test_a_folder_that_is_not_there_is_no_listing_and_the_message_says_what_to_do(tmp_path) -> None:
    listing = FolderSource(tmp_path / "gone", tmp_path / "listing.json").list()
    assert listing.documents is None
    assert listing.problem.endswith("mount or create it, or change `documents`")


def test_a_sub_folder_that_cannot_be_read_fails_the_listing_instead_of_withdrawing_its_documents(
    source, folder, monkeypatch
) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "a.pdf").write_bytes(b"x")
    scan = os.scandir

    def refusing(path):
        if Path(path).name == "sub":
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refusing)
    listing = source.list()
    assert listing.documents is None
    assert "Permission denied" in listing.problem


@pytest.fixture
def break_files(monkeypatch) -> Callable[..., None]:
    """Makes files fail with an error number when they are opened."""
    opened = Path.open

    def break_them(number: int, *names: str) -> None:
        def refusing(path, *arguments, **more):
            if path.name in names:
                raise OSError(number, os.strerror(number), str(path))
            return opened(path, *arguments, **more)

        monkeypatch.setattr(Path, "open", refusing)

    return break_them


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EIO], ids=errno.errorcode.get)
def test_a_file_that_cannot_be_read_is_refused_with_the_reason_and_holds_up_no_other(
    source, corpus, folder, break_files, number
) -> None:
    (folder / "a.pdf").write_bytes(b"one")
    (folder / "b.pdf").write_bytes(b"two")
    break_files(number, "a.pdf")
    one, two = documents(source)
    assert os.strerror(number) in one.refusal
    assert (two.uri, two.refusal) == ("b.pdf", "")
    assert len(corpus.scan(500)) == 1
    assert corpus.scan(500) == [], "a refusal is told once"
    break_files(0)
    [healed] = corpus.scan(500)
    assert [(entry.uri, entry.refusal) for entry in healed.entries] == [("a.pdf", "")]


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE], ids=errno.errorcode.get)
def test_where_no_file_can_be_read_the_disk_is_away_and_no_document_refused(
    source, folder, break_files, number
) -> None:
    for name in ("a.pdf", "b.pdf"):
        (folder / name).write_bytes(b"x")
    break_files(number, "a.pdf", "b.pdf")
    listing = source.list()
    assert listing.documents is None
    assert f"{os.strerror(number)}: {folder}" in listing.problem


def test_an_untouched_file_is_not_hashed_again(source, folder, tmp_path) -> None:
    (folder / "a.pdf").write_bytes(b"one")
    [before] = documents(source)
    memory = tmp_path / "state" / "listing.json"
    memory.write_text(memory.read_text().replace(before.etag, "remembered"))
    assert documents(source)[0].etag == "remembered"


def test_a_change_within_the_resolution_of_the_clock_is_seen(folder, tmp_path) -> None:
    source = FolderSource(folder, tmp_path / "listing.json")
    path = folder / "a.pdf"
    path.write_bytes(b"one")
    [before] = documents(source)
    times = path.stat()
    path.write_bytes(b"two")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert documents(source)[0].etag != before.etag


@pytest.mark.parametrize("moved", [-400 * HOUR, -1, 0, HOUR])
def test_whatever_the_clocks_do_changed_bytes_are_seen(source, folder, moved) -> None:
    path = folder / "a.pdf"
    path.write_bytes(b"one")
    [before] = documents(source)
    times = path.stat()
    path.write_bytes(b"two")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns + moved))
    assert documents(source)[0].etag != before.etag


def test_a_clock_that_ran_ahead_makes_no_new_version_of_equal_bytes(folder, tmp_path) -> None:
    path = folder / "a.pdf"
    path.write_bytes(b"one")
    os.utime(path, ns=(0, time.time_ns() + 400 * HOUR))
    source = FolderSource(folder, tmp_path / "listing.json")
    assert documents(source) == documents(source)


@pytest.mark.parametrize("torn", ["", "{", "[]", "null"])
def test_a_torn_memory_is_made_anew(source, folder, tmp_path, torn) -> None:
    (folder / "a.pdf").write_bytes(b"one")
    before = documents(source)
    (tmp_path / "state" / "listing.json").write_text(torn)
    assert documents(source) == before


@pytest.mark.parametrize("name", [b"caf\xe9.pdf", b"two\nlines.pdf", b"\x07\x1b[31m.pdf", b"..pdf", b"a..pdf"])
def test_a_hostile_file_name_is_listed_stored_and_read(source, corpus, folder, name) -> None:
    (folder / os.fsdecode(name)).write_bytes(b"content")
    [document] = documents(source)
    document.uri.encode()
    assert source.read(document) == b"content"
    [manifest] = corpus.scan(500)
    assert corpus.manifests().get(manifest.key).entries[0].uri == document.uri


def test_a_link_inside_the_folder_is_a_document_and_a_dangling_one_is_none(source, folder) -> None:
    (folder / "a.pdf").write_bytes(b"one")
    (folder / "b.pdf").symlink_to(folder / "a.pdf")
    (folder / "c.pdf").symlink_to(folder / "nowhere.pdf")
    (folder / "d.pdf").symlink_to(folder / "d.pdf")
    (folder / "round").symlink_to(folder)
    one, two = documents(source)
    assert (two.uri, two.version, two.refusal) == ("b.pdf", one.version, "")


@pytest.mark.parametrize("target", ["secret.pdf", "elsewhere"])
def test_a_link_out_of_the_folder_is_refused_with_a_reason_and_not_followed(source, corpus, folder, target) -> None:
    outside = folder.parent / "outside"
    (outside / "elsewhere").mkdir(parents=True)
    (outside / "secret.pdf").write_bytes(b"secret")
    (outside / "elsewhere" / "also.pdf").write_bytes(b"secret")
    (folder / target).symlink_to(outside / target)
    [refused] = documents(source)
    assert refused.uri == target
    assert "leads out of the document folder" in refused.refusal
    [manifest] = corpus.scan(500)
    assert manifest.entries[0].refusal == refused.refusal
    assert corpus.scan(500) == []


def test_a_file_over_the_limit_is_refused_when_it_is_read(folder, tmp_path) -> None:
    (folder / "a.pdf").write_bytes(b"x" * 2_000_000)
    source = FolderSource(folder, tmp_path / "listing.json", limit=1024**2)
    with pytest.raises(UnreadableDocument, match="too large: 2 MB, more than the 1 MB"):
        source.read(documents(source)[0])


def test_a_missing_folder_stops_a_scan_and_withdraws_nothing(corpus, folder) -> None:
    (folder / "a.pdf").write_bytes(b"one")
    corpus.scan(500)
    folder.rename(folder.with_name("unmounted"))
    with pytest.raises(SourceUnavailable, match=f"{folder} cannot be listed"):
        corpus.scan(500)
    assert len(corpus.manifests().load()) == 1


def test_an_empty_folder_in_the_place_of_the_one_with_the_documents_withdraws_nothing(source, folder, tmp_path) -> None:
    (folder / "a.pdf").write_bytes(b"one")
    assert listed(source) == ["a.pdf"]
    mounted = folder.rename(tmp_path / "mounted")
    folder.mkdir()
    for _ in range(2):
        listing = source.list()
        assert listing.documents is None
        assert "is not the folder that it was" in listing.problem
    folder.rmdir()
    mounted.rename(folder)
    assert listed(source) == ["a.pdf"]
    (folder / "a.pdf").unlink()
    assert listed(source) == [], "its last document was removed"


def test_another_folder_that_holds_documents_is_taken_as_it_is(source, folder, tmp_path) -> None:
    (folder / "a.pdf").write_bytes(b"one")
    assert listed(source) == ["a.pdf"]
    folder.rename(tmp_path / "before")
    folder.mkdir()
    (folder / "b.pdf").write_bytes(b"two")
    assert listed(source) == ["b.pdf"]
    (folder / "b.pdf").unlink()
    assert listed(source) == []


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read in /proc")
def test_a_folder_of_a_hundred_thousand_files_is_listed_in_seconds_and_some_kilobytes_for_each(source, folder) -> None:
    """The files are empty, which makes listing all there is to do. Measured: 3 and 1.5 s of CPU."""
    count = 100_000
    for number in range(count):
        os.close(os.open(f"{folder}/{number:06d} fees.pdf", os.O_CREAT | os.O_WRONLY))
    spent = []
    for _ in ("hashing", "remembering"):
        started, before = time.process_time(), resident()
        found = documents(source)
        spent.append(time.process_time() - started)
        assert len(found) == count
        assert resident() - before < 2500 * count
        sizes = [len(batch.entries) for batch in plan_batches(found, {}, 1, 700)]
        assert (sum(sizes), max(sizes)) == (count, 700)
        del found
    assert spent[0] < 20
    assert spent[1] < min(10, spent[0]), "the second listing hashes nothing"


def resident() -> int:
    """Bytes of memory that this process holds."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
