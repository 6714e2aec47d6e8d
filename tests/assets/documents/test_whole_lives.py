"""Whatever happens to documents, and in whatever order their batches are received: the corpus ends as that of a rebuild."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.documents.arrival import fetch, noting, receipts_of, receive_all, unchanged_of
from assets.documents.inspection import DocumentFacts
from dbt_like_sql.engine import execute
from dbt_like_sql.project import load_models
from resources.corpus.manifest import Listed, Manifest
from resources.corpus.resource import CorpusResource
from resources.corpus.source import AccessDenied, Listing, SourceUnavailable, changed, gone
from resources.errors import UnreadableDocument
from resources.lake.lake import Lake
from resources.lake.tables import CONTEXTUALIZED_CHUNKS, RAW_PDFS

BAD = "bad"
LIMIT = 2
[CORPUS] = [model for model in load_models() if model.name == "corpus"]


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class Place:
    """A source in memory: a folder, whose listing tells the bytes, or a store, which gives each upload a new stamp."""

    def __init__(self, tells_bytes: bool):
        self.tells_bytes = tells_bytes
        self.files: dict[str, tuple[str, str]] = {}
        self.denied: frozenset[str] = frozenset()
        self.away = False
        self._uploads = 0

    def put(self, day: Mapping[str, str]) -> None:
        for uri in [uri for uri in self.files if uri not in day]:
            del self.files[uri]
        for uri, text in day.items():
            if uri not in self.files or self.files[uri][1] != text:
                self._uploads += 1
                self.files[uri] = (sha(text) if self.tells_bytes else f"e{self._uploads}", text)

    def list(self) -> Listing:
        if self.away:
            return Listing(None, "it is away")
        return Listing(
            [
                Listed(uri, etag, len(text), sha(text) if self.tells_bytes else "")
                for uri, (etag, text) in sorted(self.files.items())
            ]
        )

    def read(self, document: Listed) -> bytes:
        if self.away:
            raise SourceUnavailable("it is away")
        if document.uri not in self.files:
            raise gone(document)
        if document.uri in self.denied:
            raise AccessDenied(document.uri, "denied", "grant the right")
        etag, text = self.files[document.uri]
        if etag != document.etag:
            raise changed(document)
        return text.encode()

    def readable(self, document: Listed) -> bool:
        try:
            self.read(document)
        except (UnreadableDocument, SourceUnavailable):
            return False
        return True


def inspect(data: bytes, uri: str) -> DocumentFacts:
    if data.startswith(BAD.encode()):
        raise UnreadableDocument(uri, "it is damaged", "copy it again")
    return DocumentFacts(1, "")


class Home:
    """What scans and runs make of a place."""

    def __init__(self, folder: Path, place: Place):
        self.place, self.lake = place, Lake(str(folder / "lake"))
        self.corpus = CorpusResource(documents="/nowhere", state=str(folder / "state"))
        self.waiting: list[Manifest] = []

    def scan(self) -> bool:
        """Whether there was anything new."""
        try:
            fresh = self.corpus.scan(LIMIT)
        except SourceUnavailable:
            return False
        self.waiting += fresh
        return bool(fresh)

    def receive(self, number: int) -> bool:
        """One of the batches that wait; whether it could be received."""
        if not self.waiting:
            return False
        manifest = self.waiting[number % len(self.waiting)]
        before, receipts, withheld = self.corpus.before(manifest), self.corpus.receipts(), {}
        read = noting(self.place.read, withheld)
        try:
            entries = fetch(manifest, before, receipts.of(manifest.sequence), read, self.lake)
            receipts.write(manifest.sequence, receipts_of(manifest, entries))
            unchanged = unchanged_of(entries, before, self.lake, manifest.key)
            rows = receive_all(entries, read, self.lake, inspect, unchanged)
        except SourceUnavailable:
            return False
        receipts.write(manifest.sequence, receipts_of(manifest, entries, withheld))
        self.lake.write(RAW_PDFS, rows, manifest.key)
        self.waiting.remove(manifest)
        return True

    def settle(self) -> None:
        """Everything is received, and the scans find nothing new."""
        for _ in range(20):
            while any(self.receive(number) for number in range(len(self.waiting))):
                pass
            if not self.scan():
                return
        pytest.fail("the scans never end")

    def current(self) -> dict[str, str]:
        """The version of every document in the corpus, as its SQL says."""
        rows = [
            row | {"batch": batch, "sequence": int(batch[:6])}
            for batch in self.lake.partitions(RAW_PDFS)
            for row in self.lake.rows(RAW_PDFS, batch)
        ]
        kinds = [pa.field("batch", pa.string()), pa.field("sequence", pa.int64())]
        wide = {table.name: pa.schema([*table.schema, *kinds]) for table in (RAW_PDFS, CONTEXTUALIZED_CHUNKS)}
        empty = {"heading_path": [], "page_start": 0, "page_end": 0, "char_start": 0, "char_end": 9, "tokens": 1}
        texts = dict.fromkeys(("text", "context", "contextual_text"), "x")
        chunks = [{**empty, **texts, **row, "chunk_id": row["document_id"]} for row in rows if row["status"] == "ok"]
        relations = {
            "raw_pdfs": pa.Table.from_pylist(rows, wide["raw_pdfs"]),
            "contextualized_chunks": pa.Table.from_pylist(chunks, wide["contextualized_chunks"]),
            "complete_batches": pa.table({"batch": pa.array(sorted({row["batch"] for row in rows}), pa.string())}),
        }
        return {row["uri"]: row["version"] for row in execute(CORPUS.file, relations).to_pylist()}


URIS = st.sampled_from([f"{letter}.pdf" for letter in "abcd"])
DAYS = st.dictionaries(URIS, st.sampled_from(["1", "2", "3", f"{BAD}1", f"{BAD}2"]), max_size=4)
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("day"), DAYS),
        st.tuples(st.just("denied"), st.frozensets(URIS, max_size=2)),
        st.tuples(st.just("away"), st.booleans()),
        st.tuples(st.just("scan"), st.none()),
        st.tuples(st.just("receive"), st.integers(0, 3)),
    ),
    max_size=14,
)


@given(EVENTS, DAYS, st.booleans())
@settings(max_examples=40, deadline=None)
def test_every_life_ends_where_a_rebuild_begins(events, last, tells_bytes) -> None:
    place = Place(tells_bytes)
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(CorpusResource, "source", lambda _: place)
        home, rebuilt = Home(Path(folder) / "home", place), Home(Path(folder) / "rebuilt", place)
        for what, value in events:
            if what == "day":
                place.put(value)
            elif what == "receive":
                home.receive(value)
            elif what == "scan":
                home.scan()
            else:
                setattr(place, what, value)
        place.away, place.denied = False, frozenset()
        place.put(last)
        home.settle()
        rebuilt.settle()
        assert (home.waiting, rebuilt.waiting) == ([], [])
        lived, afresh = home.current(), rebuilt.current()
    good = {uri for uri, text in last.items() if not text.startswith(BAD)}
    assert set(lived) <= set(last), "what is gone answers no more"
    assert sorted(version for uri, version in lived.items() if uri in good) == sorted(afresh.values())
    assert all(version == sha(last[uri]) for uri, version in lived.items() if uri in good)
