"""The completion marker: it vouches for the data versions that are there, and for no others."""

import pytest

from assets.raft.completeness import marker_rows
from resources.errors import LakeError
from resources.lake.tables import BATCH_MARKERS, BATCHED, TABLES

BATCH = "000012-0123abcd"


def test_a_marker_names_every_table_of_the_batch_with_its_version(lake) -> None:
    for name in BATCHED:
        lake.write(TABLES[name], [], BATCH)
    [row] = marker_rows(lake, BATCH)
    assert row["sequence"] == 12
    assert dict(zip(row["table_name"], row["data_version"], strict=True)) == {
        name: lake.version(name, BATCH) for name in BATCHED - {"batch_markers"}
    }
    assert (row["documents"], row["chunks"]) == (0, 0)
    lake.write(BATCH_MARKERS, [row], BATCH)


def test_a_batch_without_its_tables_gets_no_marker(lake) -> None:
    with pytest.raises(LakeError, match="raw_pdfs"):
        marker_rows(lake, BATCH)
