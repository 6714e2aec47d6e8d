"""What SQL can read: the declared tables as seen by a query, and the relations that are computed.

A partitioned table is all its partitions, one below the other, with the partition as extra columns: `batch` and
`sequence` for tables by arrival batch, `recipe` for tables by training recipe.
"""

from collections.abc import Mapping
from enum import StrEnum

import pyarrow as pa

from resources.corpus.manifest import sequence_of
from resources.egress.log import EGRESS_SCHEMA
from resources.lake.tables import BATCHED, BY_RECIPE, TABLES
from resources.llm.ledger import SPEND_SCHEMA


class Axis(StrEnum):
    """What a table is partitioned by; the value is the column that names the partition in SQL."""

    BATCH = "batch"
    RECIPE = "recipe"


THIS = "this"
"""The name under which a check sees its asset, cut to the partition being checked."""

PARTITION_VERSIONS = "partition_versions"
COMPUTED: Mapping[str, pa.Schema] = {
    PARTITION_VERSIONS: pa.schema(
        [("table_name", pa.string()), ("partition", pa.string()), ("data_version", pa.string())]
    ),
    "ledger_calls": SPEND_SCHEMA,
    "egress_log": EGRESS_SCHEMA,
}
"""Relations that are no table of the lake: the data versions of all batched partitions, the spend so far, and what left."""

COMPUTED_FROM: Mapping[str, frozenset[str]] = {PARTITION_VERSIONS: BATCHED - {"batch_markers"}}
"""The tables behind a computed relation: whoever reads it depends on them. The markers quote versions and have none."""


def axis_of(table: str) -> Axis | None:
    """What a table is partitioned by; None if it is whole."""
    if table in BATCHED:
        return Axis.BATCH
    return Axis.RECIPE if table in BY_RECIPE else None


def relation_schema(table: str) -> pa.Schema:
    """The columns of a declared table as SQL sees them: its own, then those that name the partition."""
    schema = TABLES[table].schema
    for field in _partition_fields(table):
        if field.name not in schema.names:
            schema = schema.append(field)
    return schema


def with_partition_columns(table: str, rows: pa.Table, partition: str) -> pa.Table:
    """One partition as SQL sees it. A column that the table has of its own is kept as it is."""
    for field in _partition_fields(table):
        if field.name not in rows.column_names:
            value = sequence_of(partition) if field.name == "sequence" else partition
            rows = rows.append_column(field, pa.repeat(pa.scalar(value, field.type), rows.num_rows))
    return rows


def _partition_fields(table: str) -> list[pa.Field]:
    match axis_of(table):
        case Axis.BATCH:
            return [
                pa.field("batch", pa.string(), nullable=False),
                pa.field("sequence", pa.int64(), nullable=False),
            ]
        case Axis.RECIPE:
            return [pa.field("recipe", pa.string(), nullable=False)]
        case None:
            return []
