"""Object stores as they fail: denied, down, half-way through a listing, cut off, changed while they are read."""

import hashlib
import threading
from typing import Any

import pytest

from resources.corpus.bucket import BucketSource
from resources.corpus.manifest import Listed
from resources.corpus.resource import CorpusResource
from resources.corpus.source import AccessDenied, SourceUnavailable
from resources.egress.policy import EgressDenied, EgressOptions
from resources.errors import UnreadableDocument


@pytest.fixture(params=["s3", "az"])
def bucket(request: pytest.FixtureRequest, make_bucket) -> Any:
    """A bucket and a container in turn, with five documents: two pages of a listing."""
    made = make_bucket(request.param)
    for number in range(5):
        made.put(f"{number}.pdf", f"text {number} ".encode() * 1000)
    made.call("reset")
    return made


def documents(source: BucketSource) -> list[Listed]:
    found = source.list().documents
    assert found is not None
    return list(found)


def test_listing_downloads_nothing(bucket) -> None:
    assert len(documents(BucketSource(bucket.url))) == 5
    assert not [request for request in bucket.served() if ".pdf?" in request]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"kind": "403"}, ["403 Forbidden AccessDenied", "give the credentials in A", "or change `documents`"]),
        ({"kind": "401"}, ["401 Unauthorized", "give the credentials"]),
        ({"kind": "404"}, ["404 Not Found", "create the"]),
        ({"kind": "500", "after": 1}, ["500 Internal Server Error", "look at the connection"]),
        ({"kind": "403", "after": 1}, ["403 Forbidden"]),
        ({"kind": "cut", "match": "list", "after": 1}, ["look at the connection"]),
    ],
    ids=["denied", "no credentials", "no bucket", "down at the second page", "denied at the second page", "cut off"],
)
def test_a_listing_that_fails_is_none_and_says_what_to_do(bucket, fault, words) -> None:
    bucket.fail(**fault)
    listing = BucketSource(bucket.url).list()
    assert listing.documents is None
    assert all(word in listing.problem for word in [bucket.url, "nothing withdrawn", *words])
    assert "http" not in listing.problem


def test_the_message_of_a_denied_listing_names_the_right_that_is_missing(bucket) -> None:
    bucket.fail("403")
    problem = BucketSource(bucket.url).list().problem
    assert ("s3:ListBucket" if bucket.url.startswith("s3") else "Storage Blob Data Reader") in problem


def test_a_store_that_does_not_answer_in_time_is_no_listing(bucket, monkeypatch) -> None:
    monkeypatch.setenv("AWS_TIMEOUT", "100ms")
    monkeypatch.setenv("AZURE_TIMEOUT", "100ms")
    bucket.fail("slow", seconds=0.4)
    assert BucketSource(bucket.url).list().documents is None


def test_a_hiccup_is_waited_for(bucket) -> None:
    bucket.fail("503", times=1)
    assert len(documents(BucketSource(bucket.url))) == 5


def test_a_failed_scan_withdraws_nothing_and_a_later_one_goes_on(bucket, tmp_path) -> None:
    corpus = CorpusResource(documents=bucket.url, state=str(tmp_path))
    corpus.scan(500)
    bucket.fail("403", after=1)
    with pytest.raises(SourceUnavailable, match="cannot be listed"):
        corpus.scan(500)
    bucket.call("reset")
    assert corpus.scan(500) == []
    assert len(corpus.manifests().load()) == 1


def test_a_download_that_is_cut_off_is_completed(bucket) -> None:
    source = BucketSource(bucket.url)
    bucket.fail("cut", match="2.pdf", times=1)
    assert source.read(documents(source)[2]) == b"text 2 " * 1000


def test_a_document_that_changes_while_it_is_read_is_not_put_together_from_two_versions(bucket) -> None:
    source = BucketSource(bucket.url)
    document = documents(source)[2]
    bucket.fail("cut", match="GET", times=1)
    bucket.fail("slow", match="GET", seconds=0.4)
    change = threading.Timer(0.1, bucket.put, ["2.pdf", b"TEXT 2 " * 1000])
    change.start()
    with pytest.raises(UnreadableDocument, match="changed since it was listed"):
        source.read(document)
    change.join()


@pytest.mark.parametrize("bucket", ["s3"], indirect=True)
def test_an_outage_while_reading_is_no_fault_of_the_document(bucket) -> None:
    source = BucketSource(bucket.url)
    [document, *_] = documents(source)
    bucket.fail("503", match="0.pdf")
    with pytest.raises(SourceUnavailable, match=r"0\.pdf could not be read \(503"):
        source.read(document)


def test_a_denied_and_an_archived_document_say_so(bucket) -> None:
    source = BucketSource(bucket.url)
    one, two, *_ = documents(source)
    bucket.fail("403", match="0.pdf")
    bucket.fail("archived", match="1.pdf")
    with pytest.raises(AccessDenied, match="the store denies reading it: 403 Forbidden"):
        source.read(one)
    with pytest.raises(UnreadableDocument, match="it is archived"):
        source.read(two)


def test_a_document_over_the_limit_is_not_downloaded(bucket) -> None:
    bucket.put("big.pdf", b"x" * 2_000_000)
    source = BucketSource(bucket.url, limit=1024**2)
    big = next(one for one in documents(source) if one.uri == "big.pdf")
    with pytest.raises(UnreadableDocument, match="too large: 2 MB, more than the 1 MB"):
        source.read(big)
    assert not [request for request in bucket.served() if request.startswith("GET") and "big.pdf" in request]


def test_a_large_document_arrives_whole_and_its_stamp_in_parts_differs_from_that_in_one(make_bucket) -> None:
    bucket = make_bucket("s3")
    data = bytes(range(256)) * 24_000
    bucket.put("one.pdf", data, use_multipart=False)
    bucket.put("parts.pdf", data, use_multipart=True, chunk_size=5 * 1024**2)
    source = BucketSource(bucket.url)
    one, parts = documents(source)
    assert one.etag != parts.etag
    assert "-2" in parts.etag
    assert {hashlib.sha256(source.read(document)).digest() for document in (one, parts)} == {
        hashlib.sha256(data).digest()
    }


def test_a_name_that_cannot_be_addressed_stops_the_scan_and_is_named(make_bucket) -> None:
    bucket = make_bucket("s3")
    bucket.send("PUT", "/in/a//b.pdf", b"x")
    listing = BucketSource(bucket.url).list()
    assert listing.documents is None
    assert "in/a//b.pdf" in listing.problem
    assert "rename or delete" in listing.problem


def test_a_store_whose_host_is_not_allowed_is_not_contacted(bucket, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://s3.example.com")
    monkeypatch.setenv("AZURE_STORAGE_ENDPOINT", "https://blobs.example.com")
    egress = EgressOptions(allow=["*.openai.azure.com"])
    corpus = CorpusResource(documents=bucket.url, state=str(tmp_path), egress=egress)
    with pytest.raises(
        EgressDenied, match=r"the document source may not contact \w+\.example\.com: .* or change documents"
    ):
        corpus.source()
