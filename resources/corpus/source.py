"""Where documents come from: a folder of PDFs, listed with content hashes and read by name."""

import hashlib
import json
import logging
import os
from pathlib import Path

import dagster as dg
from pydantic import Field

from resources.corpus.manifest import Listed, Manifest, Manifests, current_entries, plan_batches
from resources.errors import RaftlineError

_log = logging.getLogger(__name__)


class FolderSource:
    """PDF files below a folder. A file's etag is its sha256, remembered by size and modification time."""

    def __init__(self, folder: Path, memory: Path):
        self.folder = folder
        self._memory = memory

    def list(self) -> list[Listed] | None:
        """Every `*.pdf` below the folder by relative path, or None if the folder cannot be listed."""
        if not self.folder.is_dir():
            return None
        known = self._recall()
        remembered: dict[str, list] = {}
        found = []
        try:
            paths = sorted(p for p in self.folder.rglob("*") if p.suffix.lower() == ".pdf" and p.is_file())
        except OSError as error:
            _log.warning("cannot list %s: %s", self.folder, error)
            return None
        for path in paths:
            uri = path.relative_to(self.folder).as_posix()
            try:
                stat = path.stat()
                stamp = [stat.st_size, stat.st_mtime_ns]
                entry = known.get(uri)
                etag = entry[2] if entry and entry[:2] == stamp else _sha256(path)
            except FileNotFoundError:
                continue
            except OSError as error:
                _log.warning("cannot read %s: %s; nothing is planned from this listing", path, error)
                return None
            remembered[uri] = [*stamp, etag]
            found.append(Listed(uri, etag, stat.st_size))
        self._remember(remembered)
        return found

    def read(self, uri: str) -> bytes:
        """The bytes of a listed document. Raises `FileNotFoundError` if it is gone."""
        return (self.folder / uri).read_bytes()

    def _recall(self) -> dict[str, list]:
        try:
            return json.loads(self._memory.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return {}

    def _remember(self, entries: dict[str, list]) -> None:
        self._memory.parent.mkdir(parents=True, exist_ok=True)
        draft = self._memory.with_suffix(f".{os.getpid()}.tmp")
        draft.write_text(json.dumps(entries), encoding="utf-8")
        draft.replace(self._memory)


class CorpusResource(dg.ConfigurableResource):
    """The document source and the batches planned from it."""

    folder: str = Field(description="Folder whose PDF files are the corpus.")
    state: str = Field(description="Folder that holds the manifests and the listing's memory.")

    def source(self) -> FolderSource:
        return FolderSource(Path(self.folder), Path(self.state) / "listing.json")

    def manifests(self) -> Manifests:
        return Manifests(Path(self.state) / "manifests")

    def scan(self, max_documents: int) -> list[Manifest]:
        """Lists the source and freezes a manifest for every batch that is new. Returns the new ones."""
        inventory = self.source().list()
        if inventory is None:
            raise RaftlineError(f"the document folder {self.folder} cannot be listed; create it or change `documents`")
        manifests = self.manifests()
        known = manifests.load()
        following = max((manifest.sequence for manifest in known), default=0) + 1
        return manifests.freeze(plan_batches(inventory, current_entries(known), following, max_documents))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
