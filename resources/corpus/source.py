"""Where documents come from: a folder of PDFs, listed with content hashes and read by name."""

import contextlib
import hashlib
import json
import logging
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

from resources.corpus.manifest import Listed, Manifest, Manifests, current_entries, plan_batches
from resources.errors import RaftlineError
from resources.files import write_whole
from resources.hashing import well_formed

_log = logging.getLogger(__name__)
_SPELLED_OUT = re.compile(r"\\u(dc[89a-f][0-9a-f])")


class FolderSource:
    """PDF files below a folder. A file's etag is its sha256, remembered by size and modification time."""

    def __init__(self, folder: Path, memory: Path):
        self.folder = folder
        self._memory = memory

    def list(self) -> Sequence[Listed] | None:
        """Every `*.pdf` below the folder by relative path, or None if the folder cannot be listed."""
        if not self.folder.is_dir():
            return None
        known = self._recall()
        remembered = {}
        found = []
        try:
            paths = sorted(_pdf_files(self.folder))
        except OSError as error:
            _log.warning("cannot list %s: %s", self.folder, error)
            return None
        for path in paths:
            uri = well_formed(path.relative_to(self.folder).as_posix())
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
        path = self.folder / uri
        return (path if path.exists() else self.folder / _as_on_disk(uri)).read_bytes()

    def _recall(self) -> dict[str, Any]:
        try:
            memory = json.loads(self._memory.read_text(encoding="utf-8"))
            return memory if isinstance(memory, dict) else {}
        except (FileNotFoundError, ValueError):
            return {}

    def _remember(self, entries: Mapping[str, Any]) -> None:
        self._memory.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):  # another scan put the same draft in its place
            write_whole(self._memory, json.dumps(entries).encode())


class CorpusResource(dg.ConfigurableResource):
    """The document source and the batches planned from it."""

    folder: str = Field(description="Folder whose PDF files are the corpus.")
    state: str = Field(description="Folder that holds the manifests and the listing's memory.")

    def source(self) -> FolderSource:
        return FolderSource(Path(self.folder), Path(self.state) / "listing.json")

    def manifests(self) -> Manifests:
        return Manifests(Path(self.state) / "manifests")

    def pending(self, max_documents: int) -> list[Manifest]:
        """The batches that a scan would freeze now. Raises `RaftlineError` if the folder cannot be listed."""
        inventory = self.source().list()
        if inventory is None:
            raise RaftlineError(
                f"the document folder {self.folder} cannot be listed, so nothing is taken in and nothing withdrawn: "
                "mount or create it, or change `documents`"
            )
        known = self.manifests().load()
        following = max((manifest.sequence for manifest in known), default=0) + 1
        return plan_batches(inventory, current_entries(known), following, max_documents)

    def scan(self, max_documents: int) -> list[Manifest]:
        """Lists the source and freezes a manifest for every batch that is new. Returns the new ones."""
        return self.manifests().freeze(self.pending(max_documents))


def _pdf_files(folder: Path) -> Iterator[Path]:
    """Raises `OSError` for a sub-folder that cannot be listed: its documents are unknown, not withdrawn."""
    for parent, _, names in os.walk(folder, onerror=_raise):
        for name in names:
            path = Path(parent, name)
            if path.suffix.lower() == ".pdf" and path.is_file():
                yield path


def _raise(error: OSError) -> None:
    raise error


def _as_on_disk(uri: str) -> str:
    """The file name whose undecodable bytes `well_formed` spelled out."""
    return _SPELLED_OUT.sub(lambda found: chr(int(found[1], 16)), uri)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
