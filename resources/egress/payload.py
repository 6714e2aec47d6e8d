"""The texts in an outbound body, whatever its shape: JSON, JSON Lines in an upload, or plain text."""

import json
from collections.abc import Iterator
from typing import Any


def texts_of(body: bytes, content_type: str) -> list[str]:
    """Every text of a body. Pictures in data URLs are no texts."""
    if not body:
        return []
    if content_type.startswith("application/json"):
        try:
            return list(_strings(json.loads(body)))
        except ValueError:
            pass
    return [text for line in body.decode("utf-8", "replace").splitlines() for text in _line(line)]


def _line(line: str) -> Iterator[str]:
    if line.startswith("{"):
        try:
            yield from _strings(json.loads(line))
            return
        except ValueError:
            pass
    yield line


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if not value.startswith("data:"):
            yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
