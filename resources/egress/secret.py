"""The key of a home's placeholders: made at the first redaction, never sent, never shown."""

import os
import secrets
from functools import cache
from pathlib import Path

_FILE = "placeholder.key"


def placeholder_key(folder: Path | None) -> bytes:
    """The key kept in a folder. Two homes that must agree on placeholders share the file."""
    return _key(folder) if folder else b""


@cache
def _key(folder: Path) -> bytes:
    path = folder / _FILE
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f".{_FILE}.{os.getpid()}-{secrets.token_hex(4)}"
    draft.touch(mode=0o600)
    draft.write_text(secrets.token_hex(32), encoding="ascii")
    try:
        os.link(draft, path)
    except FileExistsError:  # another process was first
        pass
    finally:
        draft.unlink()
    return bytes.fromhex(path.read_text(encoding="ascii").strip())
