"""The completion marker of a batch: which data versions of which tables it covers."""

from typing import Any

from resources.corpus.manifest import sequence_of
from resources.lake.lake import Lake
from resources.lake.tables import BATCH_MARKERS, BATCHED, CHUNKS, RAW_PDFS


def marker_rows(lake: Lake, batch: str) -> list[dict[str, Any]]:
    """One row that vouches for the batch's tables as they are now."""
    tables = sorted(BATCHED - {BATCH_MARKERS.name})
    return [
        {
            "sequence": sequence_of(batch),
            "table_name": tables,
            "data_version": [lake.version(table, batch) or "" for table in tables],
            "documents": lake.read(RAW_PDFS, batch).num_rows,
            "chunks": lake.read(CHUNKS, batch).num_rows,
        }
    ]
