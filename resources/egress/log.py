"""The egress log: one line for each request that left or was refused. It holds no texts and no keys.

Lines are appended to `<folder>/<day>.jsonl` in one write each, so that processes share it and a kill loses nothing.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from resources.hashing import canonical_json

EGRESS_SCHEMA = pa.schema(
    [
        ("at", pa.string()),
        ("day", pa.string()),
        ("run_id", pa.string()),
        ("purpose", pa.string()),
        ("host", pa.string()),
        ("bytes", pa.int64()),
        ("classes", pa.string()),
        ("redactions", pa.int64()),
        ("refused", pa.string()),
    ]
)


@dataclass(frozen=True)
class Departure:
    """A request at the door: for which purpose (a role), to which host, its size, and the classes of its documents.

    `refused` names the rule that kept it here; nothing was sent then.
    """

    purpose: str
    host: str
    bytes: int = 0
    classes: tuple[str, ...] = ()
    redactions: int = 0
    refused: str = ""


@dataclass(frozen=True)
class EgressLog:
    """The log of a home."""

    folder: Path

    def append(self, departure: Departure, run_id: str) -> None:
        """Writes one line before the request leaves."""
        now = datetime.now(UTC)
        line = {
            **asdict(departure),
            "classes": ",".join(departure.classes),
            "at": now.isoformat(timespec="milliseconds"),
            "run_id": run_id,
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.folder / f"{now.date().isoformat()}.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(handle, (canonical_json(line) + "\n").encode())
        finally:
            os.close(handle)

    def read(self) -> pa.Table:
        """Every line so far, oldest first: what the mart `egress` reads. A line that a full disk tore is left out."""
        return pa.Table.from_pylist(list(self._lines()), schema=EGRESS_SCHEMA)

    def _lines(self) -> Iterator[dict[str, object]]:
        for path in sorted(self.folder.glob("*.jsonl")):
            for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
                try:
                    yield {**json.loads(line), "day": path.stem}
                except ValueError:
                    continue
