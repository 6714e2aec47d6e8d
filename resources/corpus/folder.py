"""The folder as a source: PDF files at any depth, listed with the sha256 of their bytes."""

import contextlib
import errno
import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from resources.corpus.manifest import Listed
from resources.corpus.source import (
    LARGEST,
    TRIED_AGAIN,
    Listing,
    SourceUnavailable,
    Withheld,
    changed,
    gone,
    refuse_larger,
)
from resources.errors import UnreadableDocument
from resources.files import write_whole
from resources.hashing import short_id, well_formed

_SPELLED_OUT = re.compile(r"\\u(dc[89a-f][0-9a-f])")
_ITS_OWN_FAULT = {
    errno.EACCES: "check its permissions",
    errno.EPERM: "check its permissions",
    errno.EIO: "check its disk, or copy it again",
}
"""Errors that concern one file; after any other the whole folder is in doubt."""
_FOLDER = ""
"""Under this name the memory holds which folder was listed: a mount point without its mount is another one, and empty."""
_SETTLED_NS = 3_000_000_000
"""A file touched later than this before it is hashed may change again under the same time stamp: some file systems
count in steps of two seconds."""


class FolderSource:
    """PDF files below a folder. A file's stamp is its sha256, remembered by size and times of change."""

    def __init__(
        self, folder: Path, memory: Path, limit: int = LARGEST, now_ns: Callable[[], int] = time.time_ns
    ):  # fmt: skip
        self.folder = folder
        self._memory = memory
        self._limit = limit
        self._now_ns = now_ns

    def list(self) -> Listing:
        known = self._recall()
        try:
            documents, remembered = self._look(known)
        except OSError as error:
            return Listing(None, self._problem(error))
        if not documents and len(known) > 1 and known.get(_FOLDER) != remembered[_FOLDER]:
            return Listing(None, self._emptied())
        if remembered != known:
            self._remember(remembered)
        return Listing(documents)

    def _look(self, known: Mapping[str, Any]) -> tuple[Sequence[Listed], dict[str, Any]]:
        """The documents, and what to remember of them. Raises `OSError` if the folder is in doubt."""
        documents = []
        remembered: dict[str, Any] = {}
        settled = self._now_ns() - _SETTLED_NS
        hashed, sick = 0, []
        for name, found in sorted(_pdf_files(self.folder)):
            uri = well_formed(name)
            if isinstance(found, str):
                documents.append(_refused(uri, found))
                continue
            stamp = [found.st_size, found.st_mtime_ns, found.st_ctime_ns]
            entry = known.get(uri)
            try:
                if entry and entry[:3] == stamp:
                    version = entry[3]
                else:
                    version = sha256(self.folder / name)
                    hashed += 1
            except FileNotFoundError:
                continue
            except OSError as error:
                if error.errno not in _ITS_OWN_FAULT:
                    raise
                sick += [error] if error.errno == errno.EIO else []
                documents.append(_refused(uri, f"cannot be read: {error.strerror} ({_ITS_OWN_FAULT[error.errno]})"))
                continue
            if max(stamp[1:]) < settled:
                remembered[uri] = [*stamp, version]
            documents.append(Listed(uri, version, found.st_size, version))
        if len(sick) > 1 and not hashed:  # that is no matter of single files
            raise sick[0]
        root = self.folder.stat()  # files that went away with it were not deleted
        return documents, remembered | {_FOLDER: [root.st_dev, root.st_ino]}

    def read(self, document: Listed) -> bytes:
        try:
            path = self.path(document.uri)
            refuse_larger(document, path.stat().st_size, self._limit)
            data = path.read_bytes()
        except FileNotFoundError as error:
            if not self.folder.is_dir():
                raise SourceUnavailable(self._problem(error)) from error
            raise gone(document) from error
        except OSError as error:
            hint = f"check its permissions and its disk; {TRIED_AGAIN}"
            raise Withheld(document.uri, f"cannot be read: {error.strerror}", hint) from error
        if hashlib.sha256(data).hexdigest() != document.version:
            raise changed(document)
        return data

    def readable(self, document: Listed) -> bool:
        try:
            self.read(document)
        except (UnreadableDocument, SourceUnavailable):
            return False
        return True

    def where(self, uri: str) -> str:
        return str(self.path(uri))

    def path(self, uri: str) -> Path:
        """Where a listed document lies."""
        path = self.folder / uri
        return path if path.exists() else self.folder / _as_on_disk(uri)

    def forget(self) -> None:
        self._memory.unlink(missing_ok=True)

    def _problem(self, error: OSError) -> str:
        inside = f" ({error.strerror}: {error.filename})" if self.folder.is_dir() else ""
        return (
            f"the document folder {self.folder} cannot be listed{inside}, so nothing is taken in and nothing "
            "withdrawn: mount or create it, or change `documents`"
        )

    def _emptied(self) -> str:
        return (
            f"the document folder {self.folder} is empty and is not the folder that it was, so nothing is withdrawn: mount "
            f"what belongs there; or, if its documents are to be withdrawn, delete {self._memory}"
        )

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


def _pdf_files(folder: Path) -> Iterator[tuple[str, os.stat_result | str]]:
    """Relative path and facts of every PDF file, or the reason why a link is refused.

    Raises `OSError` for a folder that cannot be listed: its documents are unknown, not withdrawn.
    """
    root = folder.resolve()
    waiting = [""]
    while waiting:
        parent = waiting.pop()
        with os.scandir(f"{folder}/{parent}") as entries:
            for entry in entries:
                name = parent + entry.name
                is_pdf = len(entry.name) > 4 and entry.name[-4:].lower() == ".pdf"
                try:
                    if entry.is_symlink():
                        found = _linked(entry, root, is_pdf)
                        if found is not None:
                            yield name, found
                    elif entry.is_dir(follow_symlinks=False):
                        waiting.append(f"{name}/")
                    elif is_pdf and entry.is_file(follow_symlinks=False):
                        yield name, entry.stat(follow_symlinks=False)
                except FileNotFoundError:  # deleted while the folder was listed
                    continue


def _linked(entry: os.DirEntry[str], root: Path, is_pdf: bool) -> os.stat_result | str | None:
    """The file behind a link inside the folder, or why the link is refused; None for what is no document.

    A link to a folder inside is none: what lies there is listed where it lies.
    """
    try:
        target = Path(entry.path).resolve(strict=True)
    except (FileNotFoundError, RuntimeError):  # it leads nowhere, or to itself
        return None
    if not (target.is_dir() or (is_pdf and target.is_file())):
        return None
    if not target.is_relative_to(root):
        return "a symbolic link that leads out of the document folder is not followed (copy what it points to)"
    return None if target.is_dir() else target.stat()


def _refused(uri: str, reason: str) -> Listed:
    return Listed(uri, short_id(reason), 0, refusal=reason)


def _as_on_disk(uri: str) -> str:
    """The file name whose undecodable bytes `well_formed` spelled out."""
    return _SPELLED_OUT.sub(lambda found: chr(int(found[1], 16)), uri)


def sha256(path: Path) -> str:
    """The hash of a file's bytes: a document's version."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
