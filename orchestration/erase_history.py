"""Dagster's memory of an erased document: runs, events, samples in metadata, logs, and the free pages of its databases."""

import shutil
import sqlite3
from collections.abc import Collection
from contextlib import closing
from pathlib import Path

import dagster as dg

from orchestration.jobs import DECIDE, INGEST, PHASES
from resources.errors import RaftlineError
from resources.lake.lake import WHOLE, Lake
from resources.lake.tables import BATCHED, BY_RECIPE

PATIENCE = 2.0
"""Seconds to wait for another process to let go of a database."""


def erase_history(instance: dg.DagsterInstance, lake: Lake, folder: Path, batches: Collection[str]) -> int:
    """Deletes the runs that may hold samples of a document; returns how many.

    Those are all but the scans and the ingestion of batches that the document was not in. What is still on disk is
    reported to Dagster again, without samples, so that the graph shows it as made.
    """
    ours = {phase.job for phase in PHASES} | {DECIDE}
    doomed = [run for run in instance.get_runs() if run.job_name in ours and _holds(run, batches)]
    for run in doomed:
        instance.delete_run(run.run_id)
        for path in (folder / "history" / "runs").glob(f"{run.run_id}.db*"):
            path.unlink()
        shutil.rmtree(folder / "storage" / run.run_id, ignore_errors=True)
    assets = [asset for phase in PHASES for asset in phase.assets]
    known = {dg.AssetKey(asset) for asset in assets} & set(instance.all_asset_keys())
    instance.wipe_assets(sorted(known))
    for asset in assets:
        if dg.AssetKey(asset) in known:
            _report(instance, lake, asset)
    for database in sorted(folder.rglob("*.db")):
        _compact(database)
    return len(doomed)


def _holds(run: dg.DagsterRun, batches: Collection[str]) -> bool:
    return run.job_name != INGEST.job or run.tags.get("dagster/partition") in batches


def _report(instance: dg.DagsterInstance, lake: Lake, asset: str) -> None:
    partitioned = asset in BATCHED or asset in BY_RECIPE
    for partition in lake.partitions(asset):
        instance.report_runless_asset_event(
            dg.AssetMaterialization(
                asset,
                partition=partition if partitioned else None,
                description="As it is on disk after a document was erased.",
                tags={"dagster/data_version": (lake.version(asset, partition) or "")[:16]},
                metadata={"dagster/uri": lake.location(asset, partition if partitioned else WHOLE)},
            )
        )


def _compact(database: Path) -> None:
    """Rewrites a SQLite file, so that no deleted row is left in its free pages or its log. Sensors' ticks go too."""
    try:
        with closing(sqlite3.connect(database, timeout=PATIENCE, isolation_level=None)) as connection:
            tables = {name for (name,) in connection.execute("select name from sqlite_master where type = 'table'")}
            if "job_ticks" in tables:
                connection.execute("delete from job_ticks")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.execute("VACUUM")
            [busy, *_] = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise sqlite3.OperationalError("its log is being read")
    except sqlite3.OperationalError as error:
        raise RaftlineError(
            f"{database} cannot be compacted ({error}): stop what uses it and run the same `raftline erase` again"
        ) from error
