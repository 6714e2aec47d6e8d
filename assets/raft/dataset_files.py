"""The files of a RAFT dataset, beside its table: what a trainer reads, the full rows, the datasheet."""

from collections.abc import Mapping, Sequence
from typing import Any

from assets.raft.formats import write_chat, write_raft
from assets.raft.splits import TRAIN, VALIDATION
from resources.lake.lake import Lake

_FORMATS = {".jsonl": write_chat, ".raft.jsonl": write_raft}


def write_dataset(lake: Lake, recipe: str, rows: Sequence[Mapping[str, Any]], sheet: str) -> dict[str, str]:
    """Writes a recipe's files; returns where each lies, by name."""
    contents = {
        f"{split}{ending}": write([row for row in rows if row["split"] == split])
        for split in (TRAIN, VALIDATION)
        for ending, write in _FORMATS.items()
    }
    contents["datasheet.md"] = sheet.encode()
    return {name: lake.put_file(f"datasets/{recipe}/{name}", data) for name, data in contents.items()}
