"""Files on this machine: written whole or not at all, and named by the hash of their bytes."""

import hashlib
import os
from pathlib import Path


def file_sha256(path: Path) -> str:
    """The sha256 of a file of any size, as 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_whole(path: Path, content: bytes) -> None:
    """Replaces a file in one step: a process that is killed leaves the previous file, or none.

    The draft's name is fixed, so that what a killed process left behind is overwritten by the next.
    """
    draft = path.with_name(f".{path.name}.part")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
