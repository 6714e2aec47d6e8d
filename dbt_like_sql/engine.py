"""The engine: in-memory DuckDB over Arrow tables read from the lake, with no door to the network or the disk.

Only what the query reads is loaded. One thread, so that equal inputs give equal rows in equal order.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import duckdb
import pyarrow as pa

from dbt_like_sql.parsing import SqlFile, SqlFileError
from dbt_like_sql.relations import (
    COMPUTED,
    COMPUTED_FROM,
    PARTITION_VERSIONS,
    THIS,
    Axis,
    axis_of,
    relation_schema,
    with_partition_columns,
)
from resources.errors import LakeError
from resources.lake.lake import WHOLE, Lake
from resources.lake.tables import TABLES, Table

Provider = Callable[[], pa.Table]
"""Computes a relation that is no table of the lake, such as `ledger_calls`; called only if a query reads it."""

_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "enable_external_access": "false",
    "python_enable_replacements": "false",
    "threads": "1",
}


@dataclass(frozen=True)
class Source:
    """Where relations come from: the lake, the models' tables, and providers of relations outside the lake."""

    lake: Lake
    models: Mapping[str, Table] = field(default_factory=dict)
    providers: Mapping[str, Provider] = field(default_factory=dict)


@dataclass(frozen=True)
class Subject:
    """What a check is about: the table it sees as `this`, and the partition it is cut to."""

    table: str
    partition: str = WHOLE


def query(file: SqlFile, source: Source, subject: Subject | None = None) -> pa.Table:
    """Runs a model, or a check of `subject`. Raises `SqlFileError` if DuckDB refuses the query.

    With a subject, tables that share its partitions are cut to its partition as well.
    """
    return execute(file, {name: _load(name, source, subject) for name in file.reads})


def execute(file: SqlFile, relations: Mapping[str, pa.Table]) -> pa.Table:
    """Runs the query over the given relations and nothing else."""
    connection = duckdb.connect(":memory:", config=_CONFIG)
    try:
        for name, rows in relations.items():
            connection.register(name, rows)
        connection.execute("set lock_configuration = true")
        return connection.sql(file.body).to_arrow_table()
    except duckdb.Error as error:
        raise SqlFileError(file.path, _line_at_fault(connection, file), " ".join(str(error).split())) from error
    finally:
        connection.close()


def _line_at_fault(connection: duckdb.DuckDBPyConnection, file: SqlFile) -> int:
    """Relations do not say where a query is wrong; running it as a statement does, counting from its first token."""
    try:
        connection.execute(file.body)
    except duckdb.Error as error:
        line = re.search(r"^LINE (\d+):", str(error), re.MULTILINE)
        if line:
            return file.text[: file.text.index(file.body)].count("\n") + int(line[1])
    return 1


def _load(name: str, source: Source, subject: Subject | None) -> pa.Table:
    if name == PARTITION_VERSIONS:
        return partition_versions(source.lake)
    if name in COMPUTED:
        return _provided(name, source.providers)
    if subject is None:
        return _whole(name, source)
    if name == THIS:
        rows = source.lake.read(_table(subject.table, source), subject.partition)
        return with_partition_columns(subject.table, rows, subject.partition)
    shared: Axis | None = axis_of(subject.table)
    if shared is not None and axis_of(name) is shared:
        written = source.lake.version(name, subject.partition)
        return _partitions(name, source.lake, [subject.partition] if written else [])
    return _whole(name, source)


def _whole(name: str, source: Source) -> pa.Table:
    if axis_of(name) is not None:
        return _partitions(name, source.lake, source.lake.partitions(name))
    table = _table(name, source)
    return source.lake.read(table) if source.lake.version(table) else table.schema.empty_table()


def _partitions(name: str, lake: Lake, partitions: Iterable[str]) -> pa.Table:
    schema = relation_schema(name)
    parts = [schema.empty_table()]
    for partition in partitions:
        rows = with_partition_columns(name, lake.read(TABLES[name], partition), partition)
        if rows.column_names != schema.names:
            raise LakeError(f"partition {partition!r} of {name} has other columns than today: materialize it again")
        parts.append(rows.cast(schema))
    return pa.concat_tables(parts)


def partition_versions(lake: Lake) -> pa.Table:
    """The data version of every batched partition on disk, except the markers that quote these versions."""
    rows = [
        {"table_name": name, "partition": partition, "data_version": lake.version(name, partition)}
        for name in sorted(COMPUTED_FROM[PARTITION_VERSIONS])
        for partition in lake.partitions(name)
    ]
    return pa.Table.from_pylist(rows, schema=COMPUTED[PARTITION_VERSIONS])


def _provided(name: str, providers: Mapping[str, Provider]) -> pa.Table:
    schema = COMPUTED[name]
    if name not in providers:
        return schema.empty_table()
    rows = providers[name]()
    missing = [column for column in schema.names if column not in rows.column_names]
    if missing:
        raise LakeError(f"relation {name}: columns {missing} are missing")
    return rows.select(schema.names).cast(schema)


def _table(name: str, source: Source) -> Table:
    return TABLES.get(name) or source.models[name]
