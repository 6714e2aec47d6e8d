"""What the Dagster UI shows of a table: its columns, a few inert sample rows, a plot."""

import base64
from collections.abc import Mapping, Sequence

import dagster as dg
import pyarrow as pa

from resources.lake.tables import Table
from resources.text import one_line

SAMPLE_ROWS = 20


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
    records = [dg.TableRecord({name: one_line(value) for name, value in row.items()}) for row in rows]
    return dg.MetadataValue.table(
        records, schema=dg.TableSchema(columns=[dg.TableColumn(name, "string") for name in chosen])
    )


def records(rows: Sequence[Mapping[str, str]]) -> dg.TableMetadataValue:
    """Up to 20 rows of short texts."""
    columns = [dg.TableColumn(name, "string") for name in (rows[0] if rows else ("nothing",))]
    shown = [dg.TableRecord({name: one_line(value) for name, value in row.items()}) for row in rows[:SAMPLE_ROWS]]
    return dg.MetadataValue.table(shown, schema=dg.TableSchema(columns=columns))


def image(png: bytes, alt: str) -> dg.MarkdownMetadataValue:
    """A small PNG inside the metadata."""
    return dg.MetadataValue.md(f"![{alt}](data:image/png;base64,{base64.b64encode(png).decode()})")


def counts(values: Mapping[str, int]) -> dg.JsonMetadataValue:
    """Counts by reason."""
    return dg.MetadataValue.json({one_line(key): value for key, value in sorted(values.items())})


def _is_heavy(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) and (pa.types.is_floating(kind.value_type) or pa.types.is_struct(kind.value_type))
