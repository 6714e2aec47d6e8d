"""The catalog of models: in which order they build on each other, which columns they have, and from where."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

import pyarrow as pa
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.lineage import Node, lineage
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import build_scope

from dbt_like_sql.engine import execute
from dbt_like_sql.parsing import DIALECT, SqlFile, SqlFileError
from dbt_like_sql.relations import COMPUTED, COMPUTED_FROM, relation_schema
from resources.lake.tables import TABLES, Table

ColumnSource = tuple[str, str]
"""A table and one of its columns."""


@dataclass(frozen=True)
class Model:
    """A model and the table that it writes."""

    file: SqlFile
    table: Table

    @property
    def name(self) -> str:
        return self.table.name

    @property
    def upstream(self) -> tuple[str, ...]:
        """The tables it depends on: those it reads, those behind computed relations, those its header adds."""
        names = set(self.file.words("after"))
        for name in self.file.reads:
            names |= COMPUTED_FROM.get(name, frozenset()) if name in COMPUTED else {name}
        return tuple(sorted(names))


def build_models(files: Sequence[SqlFile]) -> list[Model]:
    """The models, each after those it reads. Raises `SqlFileError` for unknown relations, columns and cycles."""
    by_name = {file.name: file for file in files}
    models: dict[str, Model] = {}
    for name in _reading_order(by_name):
        table = _table_of(by_name[name], {key: model.table for key, model in models.items()})
        models[name] = Model(by_name[name], table)
    return list(models.values())


def output_schema(file: SqlFile, schemas: Mapping[str, pa.Schema]) -> pa.Schema:
    """The columns of a query over empty relations of these schemas; whole decimals (sums) become int64."""
    empty = {name: pa.Table.from_batches([], schemas[name]) for name in file.reads}
    return pa.schema([field.with_type(_plain(field.type)) for field in execute(file, empty).schema])


def readable_schemas(file: SqlFile, models: Mapping[str, Table]) -> dict[str, pa.Schema]:
    """The schema of every relation a file reads. Raises `SqlFileError` if one is unknown."""
    schemas = {}
    for name in file.reads:
        if name in COMPUTED:
            schemas[name] = COMPUTED[name]
        elif name in TABLES:
            schemas[name] = relation_schema(name)
        elif name in models:
            schemas[name] = models[name].schema
        else:
            line = next((at for at, text in enumerate(file.text.splitlines(), 1) if name in text.split("--")[0]), 1)
            raise SqlFileError(file.path, line, f"reads {name!r}, which is neither a model nor a declared table")
    return schemas


def column_lineage(model: Model, models: Mapping[str, Table]) -> dict[str, tuple[ColumnSource, ...]]:
    """For each column of a model, the columns of other tables that it is made from; empty if it cannot be told."""
    readable = readable_schemas(model.file, models)
    schemas: dict[str, object] = {name: dict.fromkeys(schema.names, "varchar") for name, schema in readable.items()}
    options: dict[str, Any] = {"schema": schemas, "dialect": DIALECT}
    try:
        qualified = qualify(model.file.query.copy(), validate_qualify_columns=False, **options)
        scope = build_scope(qualified)
        nodes = {
            column: lineage(column, qualified, scope=scope, trim_selects=False, copy=False, **options)
            for column in model.table.schema.names
        }
    except (SqlglotError, ValueError):
        return {}
    return {column: _leaves(node, schemas) for column, node in nodes.items() if isinstance(node, Node)}


def _leaves(node: Node, known: Mapping[str, object]) -> tuple[ColumnSource, ...]:
    leaves = set()
    for step in node.walk():
        source = step.expression
        if isinstance(source, exp.Table) and source.name in known and source.name not in COMPUTED:
            leaves.add((source.name, step.name.rpartition(".")[2].strip('"')))
    return tuple(sorted(leaves))


def _reading_order(by_name: Mapping[str, SqlFile]) -> list[str]:
    graph = {name: [read for read in file.reads if read in by_name] for name, file in sorted(by_name.items())}
    try:
        return list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        circle = error.args[1]
        raise SqlFileError(by_name[circle[0]].path, 1, f"models read each other in a circle: {circle}") from error


def _table_of(file: SqlFile, models: Mapping[str, Table]) -> Table:
    found = output_schema(file, readable_schemas(file, models))
    if file.name in TABLES:
        declared = TABLES[file.name]
        if set(found.names) != set(declared.schema.names):
            wrong = sorted(set(found.names) ^ set(declared.schema.names))
            raise SqlFileError(file.path, 1, f"the columns differ from the declared table {file.name} in {wrong}")
        return declared
    key = file.words("key") or tuple(found.names)
    unknown = [column for column in key if column not in found.names]
    if unknown:
        raise SqlFileError(file.path, 1, f"@key names {unknown}, which the query does not select")
    required = set(file.words("key"))
    return Table(file.name, pa.schema([field.with_nullable(field.name not in required) for field in found]), key)


def _plain(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_decimal(kind):
        return pa.float64() if kind.scale else pa.int64()
    return kind
