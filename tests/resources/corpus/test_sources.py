"""What every document source does, whether a folder, an S3 bucket or an Azure container."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from resources.corpus.manifest import Manifest
from resources.errors import UnreadableDocument

LONG = "x" * 100
NAMES = ["a.pdf", "B.PDF", "sub/deep/a b.pdf", "费用.pdf", "\u00e9.pdf", "e\u0301.pdf", "100%20.pdf", "[b]+?#&<'.pdf",
         f"{LONG}/{LONG}/{LONG}.pdf"]  # fmt: skip


def test_pdfs_are_found_at_any_depth_under_any_name_and_read_back(place) -> None:
    for name in NAMES:
        place.put(name, name.encode())
    for name in ("notes.txt", "pdf", "x.pdf.bak"):
        place.put(name, b"x")
    found = place.listed()
    assert sorted(one.uri for one in found) == sorted(NAMES)
    assert all(one.size == len(one.uri.encode()) for one in found)
    assert {place.source.read(one).decode() for one in found} == set(NAMES)


def test_a_source_without_documents_is_an_empty_listing(place) -> None:
    assert place.listed() == []


def test_the_stamp_changes_with_the_bytes_and_only_a_folder_knows_these_before_reading(place) -> None:
    place.put("a.pdf", b"one")
    [before] = place.listed()
    place.put("a.pdf", b"two")
    [after] = place.listed()
    assert before.etag != after.etag
    assert bool(before.version) is (place.kind == "folder")


def test_what_changed_or_went_after_the_listing_is_not_handed_out(place) -> None:
    place.put("a.pdf", b"one")
    place.put("b.pdf", b"two")
    one, two = place.listed()
    place.put("a.pdf", b"ONE")
    place.delete("b.pdf")
    with pytest.raises(UnreadableDocument, match="changed since it was listed"):
        place.source.read(one)
    with pytest.raises(UnreadableDocument, match="gone from the source"):
        place.source.read(two)


def test_where_a_document_lies_is_told(place) -> None:
    assert place.source.where("sub/a.pdf") == f"{place.corpus.documents}/sub/a.pdf"


def test_arrivals_edits_and_withdrawals_are_batches_that_say_where_they_came_from(place) -> None:
    place.put("a.pdf", b"one")
    place.put("b.pdf", b"two")
    [first] = place.corpus.scan(500)
    assert place.corpus.scan(500) == []
    place.put("a.pdf", b"new")
    place.delete("b.pdf")
    [second] = place.corpus.scan(500)
    assert [(one.uri, one.tombstone) for one in second.entries] == [("a.pdf", False), ("b.pdf", True)]
    assert (first.source, second.source) == (place.corpus.documents,) * 2
    assert place.corpus.manifests().load() == [first, second]
    assert [one.document_class for one in first.entries] == ["internal", "internal"]


def test_two_scans_at_once_make_one_batch(place) -> None:
    for name in ("a.pdf", "b.pdf", "c.pdf", "d.pdf"):
        place.put(name, name.encode())
    together = threading.Barrier(4)

    def scan(_: int) -> list[Manifest]:
        together.wait()
        return place.corpus.scan(500)

    with ThreadPoolExecutor(4) as pool:
        frozen = [one for manifests in pool.map(scan, range(4)) for one in manifests]
    assert len(frozen) == len(place.corpus.manifests().load()) == 1


def test_a_scan_whose_listing_is_older_than_another_s_batch_changes_nothing(place) -> None:
    place.put("a.pdf", b"one")
    listing = type(place.source).list
    patched = pytest.MonkeyPatch()

    def slow(source):
        found = listing(source)
        patched.undo()
        place.put("b.pdf", b"two")
        assert len(place.corpus.scan(500)) == 1
        return found

    patched.setattr(type(place.source), "list", slow)
    assert place.corpus.scan(500) == []
    assert place.corpus.scan(500) == []
    [manifest] = place.corpus.manifests().load()
    assert [one.uri for one in manifest.entries] == ["a.pdf", "b.pdf"]
