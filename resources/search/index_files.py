"""How an index lies on disk: arrays as .npy, values as canonical JSON, a manifest of hashes, no pickle.

    <folder>/manifest.json      which build is current, and the sha256 of each of its files
    <folder>/<build>/*.npy      a build is named by the hash of its files, so equal builds are equal trees

Replacing the manifest is the one atomic step: a reader sees the old build or the new one, never a mixture.
"""

import hashlib
import io
import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from resources.errors import RaftlineError
from resources.files import write_whole
from resources.hashing import canonical_json, content_hash

FORMAT = 1
_MANIFEST = "manifest.json"
_BUILD = re.compile(r"[0-9a-f]{16}")


class UnusableIndex(RaftlineError):
    """A search index is missing, damaged, or was built by other code."""

    def __init__(self, folder: Path, reason: str):
        self.folder = folder
        self.reason = reason
        super().__init__(f"The search index in {folder} cannot be used: {reason}. `raftline refresh` builds it again.")


def write(folder: Path, arrays: Mapping[str, np.ndarray], values: Mapping[str, Any]) -> str:
    """Makes these arrays and values the folder's current build; earlier builds are removed. Returns its hash."""
    files = {f"{name}.npy": _npy(array) for name, array in arrays.items()}
    files |= {f"{name}.json": canonical_json(value).encode() for name, value in values.items()}
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    version = content_hash(FORMAT, hashes)
    build = folder / version[:16]
    build.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        write_whole(build / name, content)
    write_whole(folder / _MANIFEST, canonical_json({"format": FORMAT, "version": version, "files": hashes}).encode())
    for other in folder.iterdir():
        if _BUILD.fullmatch(other.name) and other != build:
            shutil.rmtree(other)
    return version


def read(folder: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays and values of the folder's current build, each file checked against the manifest."""
    manifest = _manifest(folder)
    build = folder / manifest["version"][:16]
    arrays, values = {}, {}
    for name, expected in manifest["files"].items():
        try:
            content = (build / name).read_bytes()
        except FileNotFoundError as error:
            raise UnusableIndex(folder, f"{name} is missing") from error
        if hashlib.sha256(content).hexdigest() != expected:
            raise UnusableIndex(folder, f"{name} does not match its hash")
        stem, _, kind = name.rpartition(".")
        if kind == "npy":
            arrays[stem] = np.load(io.BytesIO(content), allow_pickle=False)
        else:
            values[stem] = json.loads(content)
    return arrays, values


def listing(folder: Path) -> list[dict[str, Any]]:
    """The files of the current build: `file` (its name), `sha256`, `bytes`."""
    manifest = _manifest(folder)
    build = folder / manifest["version"][:16]
    return [
        {"file": name, "sha256": sha256, "bytes": (build / name).stat().st_size}
        for name, sha256 in sorted(manifest["files"].items())
    ]


def stamps(folder: Path) -> tuple[tuple[str, ...], ...]:
    """What tells, without reading them, that files of the current build have changed."""
    build = folder / _manifest(folder)["version"][:16]
    found = []
    for path in sorted([folder / _MANIFEST, *build.glob("*")]):
        try:
            facts = path.stat()
        except FileNotFoundError as error:
            raise UnusableIndex(folder, f"{path.name} went away while it was looked at") from error
        found.append((path.name, *map(str, (facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns))))
    return tuple(found)


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        whole = manifest["format"] == FORMAT and manifest["version"] == content_hash(FORMAT, manifest["files"])
    except FileNotFoundError as error:
        raise UnusableIndex(folder, "there is none yet") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UnusableIndex(folder, "its manifest cannot be read") from error
    if not whole:
        raise UnusableIndex(folder, "its manifest does not match its own hash or format")
    return manifest


def _npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(array), allow_pickle=False)
    return buffer.getvalue()
