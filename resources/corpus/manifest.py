"""Batches: immutable arrival sets, planned by a pure function and frozen as numbered manifest files."""

import json
import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from resources.errors import RaftlineError
from resources.hashing import canonical_json, content_hash, short_id


@dataclass(frozen=True)
class Listed:
    """A document as its source lists it. `etag` changes whenever the bytes do."""

    uri: str
    etag: str
    size: int


@dataclass(frozen=True)
class Entry:
    """A change of one document: a new version, a withdrawal (tombstone), or a copy of another document."""

    uri: str
    etag: str
    size: int
    tombstone: bool = False
    duplicate_of: str = ""


@dataclass(frozen=True)
class Manifest:
    """A batch: what arrived together, under a sequence number that orders all batches."""

    sequence: int
    entries: tuple[Entry, ...]

    @property
    def key(self) -> str:
        """The partition key: the sequence number, then a hash of the content."""
        return f"{self.sequence:06d}-{content_hash([asdict(entry) for entry in self.entries])[:8]}"

    def summary(self) -> str:
        """What the batch brings, in words."""
        withdrawn = sum(entry.tombstone for entry in self.entries)
        parts = {"new or changed": len(self.entries) - withdrawn, "withdrawn": withdrawn}
        return ", ".join(f"{count} {name}" for name, count in parts.items() if count)

    def to_json(self) -> str:
        return canonical_json({"sequence": self.sequence, "entries": [asdict(entry) for entry in self.entries]})


def document_id(uri: str) -> str:
    """A document's identity is where it comes from; its versions are its bytes."""
    return short_id("document", uri)


def sequence_of(batch: str) -> int:
    """The sequence number in a batch's partition key."""
    return int(batch.split("-", 1)[0])


def current_entries(manifests: Iterable[Manifest]) -> dict[str, Entry]:
    """The latest entry of every document ever seen, tombstones included."""
    latest: dict[str, Entry] = {}
    for manifest in sorted(manifests, key=lambda m: m.sequence):
        latest.update({entry.uri: entry for entry in manifest.entries})
    return latest


def plan_batches(
    inventory: Sequence[Listed] | None, known: Mapping[str, Entry], next_sequence: int, max_documents: int
) -> list[Manifest]:
    """The batches that turn what is known into what is listed.

    A failed listing is None and plans nothing; an empty one withdraws everything. Of several documents with
    the same etag one counts and the others are its duplicates: the one that counts already, else the first by URI.
    """
    if inventory is None:
        return []
    first_by_etag: dict[str, str] = {}
    wanted: dict[str, Entry] = {}
    for listed in sorted(inventory, key=lambda item: (not _counts(known.get(item.uri), item.etag), item.uri)):
        original = first_by_etag.setdefault(listed.etag, listed.uri)
        copy_of = "" if original == listed.uri else original
        wanted[listed.uri] = Entry(listed.uri, listed.etag, listed.size, duplicate_of=copy_of)
    changed = [entry for uri, entry in wanted.items() if known.get(uri) != entry]
    withdrawn = [
        Entry(uri, entry.etag, 0, tombstone=True)
        for uri, entry in sorted(known.items())
        if uri not in wanted and not entry.tombstone
    ]
    entries = sorted([*changed, *withdrawn], key=lambda entry: entry.uri)
    return [
        Manifest(next_sequence + number, tuple(entries[start : start + max_documents]))
        for number, start in enumerate(range(0, len(entries), max_documents))
    ]


def _counts(entry: Entry | None, etag: str) -> bool:
    return entry is not None and entry.etag == etag and not entry.tombstone and not entry.duplicate_of


class Manifests:
    """The numbered manifest files of a home. A number is taken exactly once, whoever comes first."""

    def __init__(self, folder: Path):
        self._folder = folder

    def load(self) -> list[Manifest]:
        """All manifests by sequence. Raises `RaftlineError` naming a file that cannot be read."""
        return [self._read(path) for path in sorted(self._folder.glob("[0-9]*.json"))]

    def get(self, batch: str) -> Manifest:
        """The manifest behind a partition key. Raises `RaftlineError` if the key was typed by hand."""
        number = batch.split("-", 1)[0]
        path = self._folder / f"{number}.json"
        manifest = self._read(path) if number.isdigit() and path.is_file() else None
        if manifest is None or manifest.key != batch:
            raise RaftlineError(
                f"batch {batch!r} has no manifest: batches are made by the document sensor, the job "
                "scan_documents or `raftline refresh`; delete this partition and use one of them"
            )
        return manifest

    def freeze(self, manifests: Sequence[Manifest]) -> list[Manifest]:
        """Writes manifests; stops at the first number another scan took meanwhile."""
        self._folder.mkdir(parents=True, exist_ok=True)
        written = []
        for manifest in manifests:
            path = self._folder / f"{manifest.sequence:06d}.json"
            draft = path.with_suffix(f".{os.getpid()}-{threading.get_ident()}.tmp")
            draft.write_text(manifest.to_json(), encoding="utf-8")
            try:
                os.link(draft, path)
            except FileExistsError:
                break
            finally:
                draft.unlink()
            written.append(manifest)
        return written

    @staticmethod
    def _read(path: Path) -> Manifest:
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            return Manifest(data["sequence"], tuple(Entry(**entry) for entry in data["entries"]))
        except (ValueError, KeyError, TypeError) as error:
            raise RaftlineError(f"manifest {path} cannot be read ({error}); restore it from a backup") from error
