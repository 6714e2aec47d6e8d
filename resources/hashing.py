"""Content identity: canonical JSON and the hashes that name documents, chunks, questions and calls."""

import hashlib
import json
from typing import Any


def canonical_json(value: Any) -> str:
    """The one JSON text of a value: sorted keys, no spaces, UTF-8 kept as is."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def well_formed(text: str) -> str:
    """The text as UTF-8 can carry it: lone surrogates, as in undecodable file names, are spelled out as `\\udcXX`."""
    return text.encode("utf-8", "backslashreplace").decode()


def storable(text: str) -> str:
    """The text as every database takes it: well formed, and without NUL."""
    return well_formed(text).replace("\x00", "\ufffd")


def content_hash(*parts: Any) -> str:
    """sha256 (64 hex digits) of the canonical JSON of the parts."""
    return hashlib.sha256(canonical_json(parts).encode()).hexdigest()


def short_id(*parts: Any) -> str:
    """The first 16 hex digits of `content_hash`: 64 bits, ample for ids inside one corpus."""
    return content_hash(*parts)[:16]


def seeded_unit(*parts: Any) -> float:
    """A number in [0, 1) that depends on the parts alone: a coin flip that never changes."""
    return int(content_hash(*parts)[:13], 16) / 16**13
