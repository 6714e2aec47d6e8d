"""Looking into a home from outside: its bytes, its tables, and what Dagster's instance remembers."""

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg

from resources.lake.lake import WHOLE, Lake
from resources.lake.tables import TABLES

FINISHED = ("index", "models", "reports", "lake/datasets")


def digests(folder: Path) -> dict[str, str]:
    """The sha256 of every file below a folder by relative path."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def lasting_bytes(home: Path) -> dict[str, dict[str, str]]:
    """All that equal runs must write equally: every table but the measurements, and what is built from them."""
    tables = {
        name: digest
        for name, digest in digests(home / "lake" / "tables").items()
        if not name.startswith("run_measurements/")
    }
    return {"tables": tables, **{name: digests(home / name) for name in FINISHED}}


def differences(one: dict[str, dict[str, str]], other: dict[str, dict[str, str]]) -> list[str]:
    """The files that two homes do not share byte for byte."""
    return [
        f"{part}/{name}"
        for part in one
        for name in sorted({*one[part], *other[part]})
        if one[part].get(name) != other[part].get(name)
    ]


def rows(home: Path, table: str, partition: str = WHOLE) -> list[dict[str, Any]]:
    """A table's rows; those of SQL models too, which declare no schema up front."""
    import pyarrow.parquet as pq

    if table in TABLES:
        return Lake(home / "lake").rows(TABLES[table], partition)
    return pq.read_table(home / "lake" / "tables" / table / f"{partition}.parquet").to_pylist()


def batches(home: Path) -> list[str]:
    return Lake(home / "lake").partitions("raw_pdfs")


@contextmanager
def instance_of(home: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.from_config(str(home / "dagster")) as instance:
        yield instance


def metadata(home: Path, asset: str, partition: str = WHOLE) -> dict[str, Any]:
    """The metadata values of an asset partition's latest materialization."""
    chosen = None if partition == WHOLE else [partition]
    with instance_of(home) as instance:
        found = instance.fetch_materializations(
            dg.AssetRecordsFilter(asset_key=dg.AssetKey(asset), asset_partitions=chosen), limit=1
        )
    [record] = found.records
    return {name: value.value for name, value in record.asset_materialization.metadata.items()}


def all_metadata(home: Path) -> list[dg.MetadataValue]:
    """Every metadata value of every materialization and check evaluation."""
    values = []
    with instance_of(home) as instance:
        for key in instance.all_asset_keys():
            for record in instance.fetch_materializations(key, limit=100).records:
                values += record.asset_materialization.metadata.values()
        for event in check_events(instance):
            values += event.metadata.values()
    return values


def check_events(instance: dg.DagsterInstance) -> list[dg.AssetCheckEvaluation]:
    return [
        entry.dagster_event.event_specific_data
        for run in instance.get_runs()
        for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    ]


def latest_check(home: Path, asset: str, name: str) -> Any:
    """The latest evaluation of an asset check."""
    with instance_of(home) as instance:
        key = dg.AssetCheckKey(dg.AssetKey(asset), name)
        record = instance.event_log_storage.get_latest_asset_check_execution_by_key([key])[key]
    return record.event.dagster_event.event_specific_data


def ledger_keys(home: Path) -> list[str]:
    """The key of every recorded model call."""
    with sqlite3.connect(home / "ledger.db") as connection:
        return [key for (key,) in connection.execute("select key from calls")]
