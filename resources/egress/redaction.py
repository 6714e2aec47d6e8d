"""Redaction: identifiers become typed placeholders such as `[CARD_3f9a]`, the same for the same text everywhere.

A placeholder is a keyed hash of what it stands for: without the key, which stays at home, it tells nothing.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from resources.egress.identifiers import KINDS, IdentifierKind, find_identifiers

LABELS: Mapping[IdentifierKind, str] = {
    "api_key": "KEY",
    "email": "EMAIL",
    "iban": "IBAN",
    "national_id": "ID",
    "card": "CARD",
    "phone": "PHONE",
}
PLACEHOLDER = re.compile(rf"\[(?:{'|'.join(LABELS.values())})_[0-9a-f]{{4,64}}\]")
_SHORTEST = 4
_PASSES = 4


@dataclass(frozen=True)
class Redacted:
    """Texts without identifiers, and what each placeholder in them stands for."""

    texts: tuple[str, ...]
    restorations: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Redactor:
    """Replaces identifiers of some kinds under one key."""

    key: bytes
    kinds: tuple[IdentifierKind, ...] = KINDS

    def redact(self, texts: Sequence[str]) -> Redacted:
        """The texts of one request. Two identifiers never share a placeholder: their hashes are shown longer."""
        current = list(texts)
        names: dict[str, str] = {}
        for _ in range(_PASSES):
            found = [find_identifiers(text, self.kinds) for text in current]
            if not any(found):
                break
            values = {
                text[one.start : one.end]: LABELS[one.kind]
                for text, spans in zip(current, found, strict=True)
                for one in spans
            }
            names |= self._name({value: label for value, label in values.items() if value not in names}, names, texts)
            current = [
                _replaced(text, [(s.start, s.end) for s in spans], names)
                for text, spans in zip(current, found, strict=True)
            ]
        return Redacted(tuple(current), tuple(sorted((name, value) for value, name in names.items())))

    def redact_text(self, text: str) -> str:
        """One text for a place from which nothing comes back, such as an upload."""
        return self.redact([text]).texts[0]

    def redact_rows(self, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Rows for an upload: every text in them, however deep, with placeholders that agree across the rows."""
        texts = sorted({text for row in rows for text in _texts(row)})
        redacted = dict(zip(texts, self.redact(texts).texts, strict=True))
        return [_mapped(dict(row), redacted) for row in rows]

    def holds_identifier(self, text: str) -> bool:
        return bool(find_identifiers(text, self.kinds))

    def _name(self, values: Mapping[str, str], taken: Mapping[str, str], texts: Sequence[str]) -> dict[str, str]:
        """A placeholder for each value: the shortest that no other value and no text already has."""
        digests = {value: hmac.new(self.key, value.encode(), hashlib.sha256).hexdigest() for value in values}
        written = {placeholder for text in texts for placeholder in PLACEHOLDER.findall(text)}
        used = written | set(taken.values())
        named: dict[str, str] = {}
        for value, label in values.items():
            rivals = [digest for other, digest in digests.items() if other != value and values[other] == label]
            length = _SHORTEST
            while (
                any(rival[:length] == digests[value][:length] for rival in rivals)
                or f"[{label}_{digests[value][:length]}]" in used
            ) and length < len(digests[value]):
                length += 1
            named[value] = f"[{label}_{digests[value][:length]}]"
        return named


def restore(text: str, restorations: Sequence[tuple[str, str]], in_json: bool = False) -> str:
    """A model's text with the originals back in place of their placeholders; `in_json` escapes them for a JSON text."""
    if not restorations or "[" not in text:
        return text
    originals = {
        name: json.dumps(value, ensure_ascii=False)[1:-1] if in_json else value for name, value in restorations
    }
    return PLACEHOLDER.sub(lambda found: originals.get(found[0], found[0]), text)


def _replaced(text: str, spans: Sequence[tuple[int, int]], names: Mapping[str, str]) -> str:
    parts, position = [], 0
    for start, end in spans:
        parts += [text[position:start], names[text[start:end]]]
        position = end
    return "".join([*parts, text[position:]])


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [text for item in value.values() for text in _texts(item)]
    return [text for item in value for text in _texts(item)] if isinstance(value, list | tuple) else []


def _mapped(value: Any, texts: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return texts[value]
    if isinstance(value, Mapping):
        return {key: _mapped(item, texts) for key, item in value.items()}
    return [_mapped(item, texts) for item in value] if isinstance(value, list | tuple) else value
