"""Batches: immutable arrival sets, frozen as numbered manifest files."""

import json
import os
import threading
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from resources.errors import RaftlineError
from resources.files import write_whole
from resources.hashing import canonical_json, content_hash, short_id


@dataclass(frozen=True)
class Listed:
    """A document as its source lists it.

    `etag` is the source's own stamp: it changes whenever the bytes do. `version` is the sha256 of the bytes, empty
    where the source cannot tell without a download. `refusal` says why the source does not hand it out.
    """

    uri: str
    etag: str
    size: int
    version: str = ""
    refusal: str = ""


@dataclass(frozen=True)
class Entry(Listed):
    """A change of one document: a new version, a withdrawal (tombstone), or a copy of another document.

    `document_class` is what the classification rules made of its path when it arrived.
    """

    tombstone: bool = False
    duplicate_of: str = ""
    document_class: str = ""


@dataclass(frozen=True)
class Manifest:
    """A batch: what arrived together from one source, under a sequence number that orders all batches."""

    sequence: int
    entries: tuple[Entry, ...]
    mark: str = ""
    source: str = ""

    @property
    def key(self) -> str:
        """The partition key: the sequence number, then a hash of the content as it arrived.

        A batch keeps its key when documents of it are erased: `mark` is then the hash that it had before.
        """
        mark = self.mark or content_hash([vars(entry) for entry in self.entries])[:8]
        return f"{self.sequence:06d}-{mark}"

    def without(self, uris: Collection[str]) -> "Manifest":
        """The same batch without some documents, as if they had never arrived."""
        kept = tuple(entry for entry in self.entries if entry.uri not in uris)
        if kept == self.entries:
            return self
        return Manifest(self.sequence, kept, self.key.split("-", 1)[1], self.source)

    def summary(self) -> str:
        """What the batch brings, in words."""
        withdrawn = sum(entry.tombstone for entry in self.entries)
        parts = {"new or changed": len(self.entries) - withdrawn, "withdrawn": withdrawn}
        return ", ".join(f"{count} {name}" for name, count in parts.items() if count)

    def to_json(self) -> str:
        content = {
            "sequence": self.sequence,
            "source": self.source,
            "entries": [asdict(entry) for entry in self.entries],
        }
        return canonical_json(content | ({"mark": self.mark} if self.mark else {}))


def document_id(uri: str) -> str:
    """A document's identity is where it comes from; its versions are its bytes."""
    return short_id("document", uri)


def sequence_of(batch: str) -> int:
    """The sequence number in a batch's partition key."""
    return int(batch.split("-", 1)[0])


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

    def forget(self, uris: Collection[str]) -> None:
        """Takes erased documents out of every manifest."""
        for manifest in self.load():
            kept = manifest.without(uris)
            if kept is not manifest:
                write_whole(self._folder / f"{manifest.sequence:06d}.json", kept.to_json().encode())

    @staticmethod
    def _read(path: Path) -> Manifest:
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            entries = tuple(Entry(**entry) for entry in data["entries"])
            return Manifest(data["sequence"], entries, data.get("mark", ""), data["source"])
        except (ValueError, KeyError, TypeError) as error:
            raise RaftlineError(f"manifest {path} cannot be read ({error}); restore it from a backup") from error
