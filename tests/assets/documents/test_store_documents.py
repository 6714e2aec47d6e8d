"""Documents from object stores through the first assets: arrival, copies, the same bytes again, trouble, erasure."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from assets.documents.assets import markdown_pages, raw_pdfs
from assets.partitions import document_batches
from orchestration.wiring import build_resources
from resources.corpus.erased import Erased
from resources.corpus.manifest import document_id
from resources.lake.tables import MARKDOWN_PAGES, RAW_PDFS

NEEDED = ("lake", "corpus", "models", "options")


class House:
    """A home whose documents lie in a bucket."""

    def __init__(self, bucket: Any, resources: dict[str, Any]):
        self.bucket = bucket
        self.resources = {name: resources[name] for name in NEEDED}
        self.corpus = resources["corpus"]
        self.lake = resources["lake"].open()

    def take_in(self) -> dict[str, tuple[str, str]]:
        """Scans once and makes the one batch that is new: status and error by path."""
        [manifest] = self.corpus.scan(500)
        assert self.make(manifest.key).success
        return {row["uri"]: (row["status"], row["error"] or "") for row in self.lake.rows(RAW_PDFS, manifest.key)}

    def make(self, batch: str) -> dg.ExecuteInProcessResult:
        with dg.DagsterInstance.ephemeral() as instance:
            instance.add_dynamic_partitions(document_batches.name or "", [batch])
            return dg.materialize(
                [raw_pdfs, markdown_pages],
                resources=self.resources,
                partition_key=batch,
                instance=instance,
                raise_on_error=False,
            )

    def batches(self) -> list[str]:
        return [manifest.key for manifest in self.corpus.manifests().load()]


@pytest.fixture
def pdfs(make_pdf, prose) -> tuple[bytes, bytes]:
    """Two documents of a page each."""
    return make_pdf(prose("Fees", "fee"), title="Fees"), make_pdf(prose("Loans", "loan"), title="Loans")


@pytest.fixture(params=["s3", "az"])
def house(request: pytest.FixtureRequest, project, make_bucket, pdfs) -> House:
    """A bucket and a container in turn, with two documents."""
    bucket = make_bucket(request.param)
    bucket.put("fees.pdf", pdfs[0])
    bucket.put("sub/loans.pdf", pdfs[1])
    return House(bucket, build_resources(project(documents=bucket.url)))


def test_a_bucket_becomes_a_batch_with_versions_pages_and_origin(house) -> None:
    house.bucket.put("copy of fees.pdf", house.corpus.source().read(house.corpus.source().list().documents[0]))
    house.bucket.put("web page.pdf", b"<html>")
    rows = house.take_in()
    assert rows["copy of fees.pdf"] == ("ok", "")
    assert rows["fees.pdf"] == ("duplicate", "same bytes as copy of fees.pdf, which is used instead")
    assert rows["sub/loans.pdf"] == ("ok", "")
    assert rows["web page.pdf"][0] == "unreadable"
    [batch] = house.batches()
    assert house.corpus.manifests().get(batch).source == house.bucket.url
    pages = house.lake.rows(MARKDOWN_PAGES, batch)
    assert len(pages) == 2
    assert all(house.lake.has_blob(page["version"]) for page in pages)
    assert house.corpus.scan(500) == []
    house.bucket.delete("copy of fees.pdf")
    assert house.take_in() == {"copy of fees.pdf": ("withdrawn", ""), "fees.pdf": ("ok", "")}


def test_the_same_bytes_uploaded_again_are_no_new_version(house, pdfs) -> None:
    house.take_in()
    house.bucket.put("fees.pdf", pdfs[0])
    if house.bucket.url.startswith("s3"):  # the stamp is made from the bytes
        assert house.corpus.scan(500) == []
        return
    assert house.take_in() == {"fees.pdf": ("unchanged", "")}
    assert house.lake.rows(MARKDOWN_PAGES, house.batches()[1]) == []
    house.bucket.put("fees.pdf", pdfs[0])
    assert house.take_in() == {"fees.pdf": ("unchanged", "")}
    house.bucket.put("fees.pdf", pdfs[1])
    assert house.take_in()["fees.pdf"][0] == "duplicate"


def test_a_document_in_parts_with_known_bytes_is_a_copy_and_a_copy_again_is_unchanged(
    project, make_bucket, make_pdf, prose
) -> None:
    data = make_pdf(prose("Fees", "fee")) + b"\n% padding" * 600_000 + b"\n%%EOF\n"
    bucket = make_bucket("s3")
    bucket.put("a.pdf", data, use_multipart=False)
    house = House(bucket, build_resources(project(documents=bucket.url)))
    assert house.take_in() == {"a.pdf": ("ok", "")}
    bucket.put("a.pdf", data, use_multipart=True, chunk_size=5 * 1024**2)
    bucket.put("b.pdf", data, use_multipart=True, chunk_size=6 * 1024**2)
    rows = house.take_in()
    assert (rows["a.pdf"][0], rows["b.pdf"][0]) == ("unchanged", "duplicate")


@pytest.mark.parametrize("house", ["az"], indirect=True)
def test_a_document_that_changes_after_the_scan_waits_for_the_next_one_and_holds_up_no_other(house, pdfs) -> None:
    [manifest] = house.corpus.scan(500)
    house.bucket.put("fees.pdf", pdfs[0] + b"\n% edited")
    assert house.make(manifest.key).success
    rows = {row["uri"]: row for row in house.lake.rows(RAW_PDFS, manifest.key)}
    assert rows["sub/loans.pdf"]["status"] == "ok"
    assert rows["fees.pdf"]["error"] == "changed since it was listed (the next scan brings the new version)"
    assert house.take_in() == {"fees.pdf": ("ok", "")}


@pytest.mark.parametrize("house", ["s3"], indirect=True)
def test_a_batch_whose_store_goes_down_fails_and_is_done_when_it_is_back(house) -> None:
    [manifest] = house.corpus.scan(500)
    house.bucket.fail("503", match="loans.pdf")
    assert not house.make(manifest.key).success
    assert house.lake.version(RAW_PDFS, manifest.key) is None
    house.bucket.call("reset")
    assert house.make(manifest.key).success
    assert {row["status"] for row in house.lake.rows(RAW_PDFS, manifest.key)} == {"ok"}


def test_a_document_that_may_not_be_read_is_read_by_a_later_scan_that_may(house) -> None:
    house.bucket.fail("403", match="fees.pdf")
    denied = house.take_in()
    assert denied["sub/loans.pdf"] == ("ok", "")
    assert denied["fees.pdf"][1].startswith("the store denies reading it: 403 Forbidden")
    assert "each scan looks whether it can be read by then" in denied["fees.pdf"][1]
    [batch] = house.batches()
    assert house.corpus.scan(500) == [], "it is denied still"
    assert house.make(batch).success, "made again, its batch has the same row"
    assert house.corpus.scan(500) == []

    house.bucket.call("reset")
    assert house.take_in() == {"fees.pdf": ("ok", "")}
    assert house.corpus.scan(500) == []
    house.bucket.fail("403", match="fees.pdf")
    assert house.corpus.scan(500) == [], "what was read once need not be readable"


@pytest.mark.parametrize("house", ["s3"], indirect=True)
def test_what_was_archived_or_away_when_its_batch_was_read_comes_with_a_later_scan_under_its_old_stamp(
    house, pdfs
) -> None:
    house.bucket.put("more.pdf", pdfs[0] + b"\n% more")
    house.bucket.fail("archived", match="fees.pdf")
    [manifest] = house.corpus.scan(500)
    house.bucket.delete("sub/loans.pdf")
    assert house.make(manifest.key).success
    errors = {row["uri"]: row["error"] or "" for row in house.lake.rows(RAW_PDFS, manifest.key)}
    assert errors["fees.pdf"].startswith("it is archived (restore it; each scan looks")
    assert errors["sub/loans.pdf"].startswith("gone from the source since it was listed")
    house.bucket.call("reset")
    house.bucket.put("sub/loans.pdf", pdfs[1])
    assert house.take_in() == {"fees.pdf": ("ok", ""), "sub/loans.pdf": ("ok", "")}


@pytest.mark.parametrize("house", ["s3"], indirect=True)
def test_a_batch_that_is_made_again_downloads_nothing_even_if_the_store_has_changed(house) -> None:
    house.take_in()
    [batch] = house.batches()
    before = house.lake.version(RAW_PDFS, batch)
    house.bucket.delete("fees.pdf")
    house.bucket.call("reset")
    assert house.make(batch).success
    assert house.lake.version(RAW_PDFS, batch) == before
    assert house.bucket.served() == []


@pytest.mark.parametrize("house", ["az"], indirect=True)
def test_an_erased_document_that_is_still_in_the_store_stays_out_under_any_name(house, pdfs) -> None:
    house.take_in()
    [manifest] = house.corpus.manifests().load()
    [entry, _] = manifest.entries
    version = house.corpus.receipts().of(1)["fees.pdf"].version
    house.corpus.erased().add([Erased(document_id("fees.pdf"), (version,), "2026-01-01", (entry.etag,))])
    house.corpus.manifests().forget(["fees.pdf"])
    house.corpus.receipts().forget(["fees.pdf"])
    house.lake.delete_blob(version)
    assert house.corpus.scan(500) == []
    house.bucket.put("again.pdf", pdfs[0])
    assert house.take_in()["again.pdf"][1].startswith("these bytes were erased from this home")
    assert not house.lake.has_blob(version)


def test_a_home_that_moves_from_a_folder_to_a_bucket_does_no_work_again(
    project: Callable, make_bucket, pdfs, tmp_path: Path
) -> None:
    settings = project()
    settings.documents_folder.mkdir(parents=True)
    (settings.documents_folder / "fees.pdf").write_bytes(pdfs[0])
    bucket = make_bucket("s3")
    bucket.put("fees.pdf", pdfs[0])
    assert House(bucket, build_resources(settings)).take_in() == {"fees.pdf": ("ok", "")}
    moved = House(bucket, build_resources(project(documents=bucket.url)))
    assert moved.take_in() == {"fees.pdf": ("unchanged", "")}
    assert House(bucket, build_resources(project())).corpus.scan(500) == []
