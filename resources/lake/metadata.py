"""What the Dagster UI shows of a table: its columns, a few inert sample rows, a plot."""

import base64
import re
from typing import Any

import dagster as dg
import pyarrow as pa

from resources.lake.tables import Table

SAMPLE_ROWS = 20
CELL_CHARACTERS = 200
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]")


def plain(value: Any) -> str:
    """Any value as one short line without control or direction-changing characters."""
    text = _CONTROL.sub("", str(value)).replace("\n", " ")
    return text if len(text) <= CELL_CHARACTERS else text[: CELL_CHARACTERS - 1] + "…"


def column_schema(table: Table) -> dg.TableSchema:
    """The declared columns as Dagster shows them."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(field.name, str(field.type), constraints=dg.TableColumnConstraints(nullable=field.nullable))
            for field in table.schema
        ]
    )


def sample_table(data: pa.Table, columns: tuple[str, ...] = ()) -> dg.TableMetadataValue:
    """Up to 20 rows, cells shortened; Dagster renders table cells as text, never as HTML or Markdown."""
    chosen = [name for name in (columns or data.column_names) if not _is_heavy(data.schema.field(name).type)]
    step = max(1, data.num_rows // SAMPLE_ROWS)
    rows = data.select(chosen).take(list(range(0, data.num_rows, step))[:SAMPLE_ROWS]).to_pylist()
    records = [dg.TableRecord({name: plain(value) for name, value in row.items()}) for row in rows]
    return dg.MetadataValue.table(
        records, schema=dg.TableSchema(columns=[dg.TableColumn(name, "string") for name in chosen])
    )


def image(png: bytes, alt: str) -> dg.MarkdownMetadataValue:
    """A small PNG inside the metadata."""
    return dg.MetadataValue.md(f"![{alt}](data:image/png;base64,{base64.b64encode(png).decode()})")


def counts(values: dict[str, int]) -> dg.JsonMetadataValue:
    """Counts by reason."""
    return dg.MetadataValue.json({plain(key): value for key, value in sorted(values.items())})


def _is_heavy(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) and (pa.types.is_floating(kind.value_type) or pa.types.is_struct(kind.value_type))
