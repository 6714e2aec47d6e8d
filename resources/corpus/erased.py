"""Which documents were erased: their ids, stamps and the hashes of their bytes, so that the same bytes do not come back.

The file holds no name and no text. Whoever wants a document back deletes its entry.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from resources.corpus.manifest import Listed, document_id
from resources.errors import RaftlineError
from resources.files import write_whole
from resources.hashing import canonical_json


@dataclass(frozen=True)
class Erased:
    """An erased document: its id, every version that was ever here, the day (UTC), and its source's stamps for them."""

    document_id: str
    versions: tuple[str, ...]
    day: str
    etags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Marks:
    """By what erased documents are known again: the hashes of their bytes, and their stamps, which need no download."""

    versions: frozenset[str]
    stamps: frozenset[tuple[str, str]]

    def cover(self, listed: Listed) -> bool:
        if listed.version in self.versions:
            return True
        return bool(self.stamps) and (document_id(listed.uri), listed.etag) in self.stamps


class ErasedDocuments:
    """The list of erased documents of a home."""

    def __init__(self, path: Path):
        self.path = path

    def load(self) -> list[Erased]:
        """Every entry, oldest first. Raises `RaftlineError` if the file cannot be read: nothing may come back by mistake."""
        try:
            entries = json.loads(self.path.read_text(encoding="utf-8"))
            return [
                Erased(one["document_id"], tuple(one["versions"]), one["day"], tuple(one["etags"])) for one in entries
            ]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RaftlineError(f"{self.path} cannot be read ({error}); restore it from a backup") from error

    def versions(self) -> frozenset[str]:
        """The hashes of all erased bytes."""
        return frozenset(version for one in self.load() for version in one.versions)

    def marks(self) -> Marks:
        """What a scan passes over."""
        known = self.load()
        return Marks(
            frozenset(version for one in known for version in one.versions),
            frozenset((one.document_id, etag) for one in known for etag in one.etags),
        )

    def add(self, erased: Iterable[Erased]) -> None:
        """Notes erasures; of a document that was erased before, versions and stamps are added."""
        known = {one.document_id: one for one in self.load()}
        for one in erased:
            before = known.get(one.document_id)
            versions = {*one.versions, *(before.versions if before else ())}
            etags = {*one.etags, *(before.etags if before else ())}
            known[one.document_id] = Erased(one.document_id, tuple(sorted(versions)), one.day, tuple(sorted(etags)))
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(self.path, canonical_json([asdict(one) for one in known.values()]).encode())
