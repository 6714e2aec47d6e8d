"""The SQL project: every file in models/ becomes a Dagster asset, every file in checks/ an asset check.

Nothing here knows what a file says. To add a table or a rule, add a file; docs/sql.md says how.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import dagster as dg

from dbt_like_sql.catalog import Model, build_models, column_lineage, output_schema, readable_schemas
from dbt_like_sql.engine import Provider, Source, Subject, query
from dbt_like_sql.parsing import SqlFile, SqlFileError, read_folder
from dbt_like_sql.relations import THIS, Axis, axis_of, relation_schema
from resources.hashing import content_hash
from resources.lake.lake import WHOLE
from resources.lake.metadata import column_schema, sample_table
from resources.lake.resource import LakeResource
from resources.lake.stage import Stage
from resources.lake.tables import TABLES, Table

MODELS = Path(__file__).parent / "models"
CHECKS = Path(__file__).parent / "checks"
_MODEL_OPTIONS = ("group", "kinds", "key", "after")
_CHECK_OPTIONS = ("severity", "blocking", "fix")
_SEVERITY = {"error": dg.AssetCheckSeverity.ERROR, "warn": dg.AssetCheckSeverity.WARN}


@cache
def load_models(folder: Path = MODELS) -> tuple[Model, ...]:
    """The models of a folder, each after those it reads."""
    return tuple(build_models(read_folder(folder, _MODEL_OPTIONS)))


@cache
def load_checks(folder: Path = CHECKS, models: Path = MODELS) -> tuple[SqlFile, ...]:
    """The checks of a folder, each tried on empty tables, so that a wrong column shows before anything runs."""
    known = {model.name: model.table for model in load_models(models)}
    files = tuple(read_folder(folder, _CHECK_OPTIONS))
    for file in files:
        table = _checked_table(file, known)
        own = relation_schema(table.name) if table.name in TABLES else table.schema
        others = readable_schemas(file, {**known, THIS: Table(THIS, own, ())})
        output_schema(file, others)
    return files


def build_sql_assets(
    providers: Mapping[str, Provider] | None = None, folder: Path = MODELS
) -> list[dg.AssetsDefinition]:
    """One asset per model, in reading order. `providers` compute relations outside the lake (`ledger_calls`)."""
    models = load_models(folder)
    return [_model_asset(model, models, providers or {}) for model in models]


def build_sql_checks(
    partitions: Mapping[str, dg.PartitionsDefinition], folder: Path = CHECKS, models: Path = MODELS
) -> list[dg.AssetChecksDefinition]:
    """One asset check per file. `partitions` holds the partitions definition of each axis: `batch` and `recipe`."""
    tables = {model.name: model.table for model in load_models(models)}
    files = load_checks(folder, models)
    return [_asset_check(file, _checked_table(file, tables), tables, partitions) for file in files]


def _model_asset(model: Model, models: tuple[Model, ...], providers: Mapping[str, Provider]) -> dg.AssetsDefinition:
    file = model.file
    tables = {other.name: other.table for other in models}
    lineage = _lineage(model, tables)

    @dg.asset(
        name=model.name,
        deps=[dg.AssetKey(name) for name in model.upstream],
        group_name=file.options.get("group", "9_marts"),
        kinds=set(file.words("kinds") or ("duckdb", "sql")),
        description=f"{file.description}\n\n```sql\n{file.body}\n```",
        code_version=content_hash(file.body, file.words("key"))[:16],
        metadata={
            "dagster/column_schema": column_schema(model.table),
            "dagster/column_lineage": lineage,
            "dagster/table_name": model.name,
        },
    )
    def sql_model(context: dg.AssetExecutionContext, lake: LakeResource) -> dg.MaterializeResult:
        opened = lake.open()
        stage = Stage(context, opened)
        rows = query(file, Source(opened, tables, providers))
        return stage.finish(model.table, rows, {"dagster/column_lineage": lineage})

    return sql_model


def _asset_check(
    file: SqlFile, table: Table, models: Mapping[str, Table], partitions: Mapping[str, dg.PartitionsDefinition]
) -> dg.AssetChecksDefinition:
    axis = axis_of(table.name)
    severity = _SEVERITY[file.choice("severity", *_SEVERITY)]
    fix = file.options.get("fix", "Look at the offending rows and at the run that wrote them.")

    @dg.asset_check(
        asset=dg.AssetKey(table.name),
        name=_rule(file),
        description=f"{file.description}\n\n```sql\n{file.body}\n```",
        blocking=file.choice("blocking", "false", "true") == "true",
        partitions_def=_axis_definition(file, axis, partitions),
    )
    def sql_check(context: dg.AssetCheckExecutionContext, lake: LakeResource) -> dg.AssetCheckResult:
        partition = context.partition_key if axis else WHOLE
        offending = query(file, Source(lake.open(), models), Subject(table.name, partition))
        if not offending.num_rows:
            return dg.AssetCheckResult(passed=True, severity=severity, metadata={"offending_rows": 0})
        return dg.AssetCheckResult(
            passed=False,
            severity=severity,
            description=f"{offending.num_rows} offending rows. {fix}",
            metadata={
                "offending_rows": offending.num_rows,
                "what_to_do": fix,
                "sample": sample_table(offending),
            },
        )

    return sql_check


def _axis_definition(
    file: SqlFile, axis: Axis | None, partitions: Mapping[str, dg.PartitionsDefinition]
) -> dg.PartitionsDefinition | None:
    if axis is None:
        return None
    if axis not in partitions:
        raise SqlFileError(file.path, 1, f"no partitions definition was passed for the axis {axis.value!r}")
    return partitions[axis]


def _checked_table(file: SqlFile, models: Mapping[str, Table]) -> Table:
    name, separator, rule = file.name.partition("__")
    table = TABLES.get(name) or models.get(name)
    if not separator or not rule or table is None:
        raise SqlFileError(file.path, 1, "a check is named <asset>__<rule>.sql after a model or a declared table")
    return table


def _rule(file: SqlFile) -> str:
    return file.name.partition("__")[2]


def _lineage(model: Model, tables: Mapping[str, Table]) -> dg.TableColumnLineage:
    return dg.TableColumnLineage(
        {
            column: [dg.TableColumnDep(dg.AssetKey(table), name) for table, name in sources]
            for column, sources in column_lineage(model, tables).items()
        }
    )
