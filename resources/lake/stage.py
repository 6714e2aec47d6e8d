"""A stage at work: fingerprints its inputs, writes its table, and tells Dagster what came of it.

The fingerprint (code version, settings, data versions of the inputs) is written beside the table after it, so
that `raftline refresh` and the sensors know what is out of date without asking Dagster, whose own staleness
stops at 100 upstream partitions.
"""

import time
from collections.abc import Iterable, Mapping
from typing import Any

import dagster as dg
import pyarrow as pa

from resources.hashing import content_hash
from resources.lake.lake import WHOLE, Lake
from resources.lake.metadata import column_schema, sample_table
from resources.lake.tables import BATCHED, BY_RECIPE, RUN_MEASUREMENTS, Table
from resources.options import PipelineOptions

SETTINGS = "raftline/settings"
"""Asset metadata key: the option sections (comma separated) that decide the asset's content."""


class Versions:
    """The data versions on disk, each read once: planning asks for those of all batches many times over."""

    def __init__(self, lake: Lake):
        self._lake = lake
        self._one: dict[tuple[str, str], str] = {}
        self._all: dict[str, str] = {}

    def of_input(self, asset: str, dependency: str, partition: str) -> str:
        """The version of one input: the same partition where both share a dimension, else all of them."""
        dimension = next((tables for tables in (BATCHED, BY_RECIPE) if dependency in tables), None)
        if dimension is None:
            return self.of(dependency, WHOLE)
        return self.of(dependency, partition) if asset in dimension else self._of_all(dependency)

    def of(self, table: str, partition: str) -> str:
        """The version of one partition; empty if it was never written."""
        if (table, partition) not in self._one:
            self._one[table, partition] = self._lake.version(table, partition) or ""
        return self._one[table, partition]

    def _of_all(self, table: str) -> str:
        if table not in self._all:
            self._all[table] = content_hash([[key, self.of(table, key)] for key in self._lake.partitions(table)])
        return self._all[table]


def fingerprint(
    versions: Versions,
    spec: dg.AssetSpec,
    partition: str,
    options: PipelineOptions | None,
    observed: Mapping[str, str],
) -> dict[str, str]:
    """What the content of an asset partition depends on, by name; equal fingerprints mean equal content."""
    asset = spec.key.to_user_string()
    parts = {"code": spec.code_version or ""}
    for section in filter(None, str(spec.metadata.get(SETTINGS, "")).split(",")):
        parts[f"settings {section}"] = content_hash(getattr(options, section).model_dump()) if options else ""
    for name, version in observed.items():
        parts[name] = version
    for dependency in sorted(dep.asset_key.to_user_string() for dep in spec.deps):
        parts[dependency] = versions.of_input(asset, dependency, partition)
    return parts


class Stage:
    """One asset partition being made. Created before the inputs are read, finished with the rows."""

    def __init__(
        self,
        context: dg.AssetExecutionContext,
        lake: Lake,
        options: PipelineOptions | None = None,
        observed: Mapping[str, str] | None = None,
    ):
        self.context = context
        self._started = time.perf_counter()
        self.lake = lake
        self.partition = context.partition_key if context.assets_def.partitions_def else WHOLE
        self._spec = context.assets_def.specs_by_key[context.asset_key]
        self._fingerprint = fingerprint(Versions(lake), self._spec, self.partition, options, observed or {})

    def finish(
        self,
        table: Table,
        rows: pa.Table | Iterable[Mapping[str, Any]],
        metadata: Mapping[str, Any] | None = None,
        sample: Iterable[str] = (),
        measured: Mapping[str, tuple[float, str]] | None = None,
    ) -> dg.MaterializeResult:
        """Writes the partition and its fingerprint; returns the materialization with counts, path and samples.

        `measured` are values with their units that vary between equal runs.
        """
        data = rows if isinstance(rows, pa.Table) else list(rows)
        if self.lake.fingerprint(table.name, self.partition) != self._fingerprint:
            # A run that dies between table and fingerprint must not leave new rows under an old fingerprint.
            self.lake.drop_fingerprint(table.name, self.partition)
        version = self.lake.write(table, data, self.partition)
        self.lake.put_fingerprint(table.name, self.partition, self._fingerprint)
        self._measure(measured or {})
        written = self.lake.read(table, self.partition)
        shown: dict[str, Any] = {
            "dagster/partition_row_count" if self.partition != WHOLE else "dagster/row_count": written.num_rows,
            "dagster/uri": self.lake.location(table, self.partition),
            "dagster/column_schema": column_schema(table),
            **(metadata or {}),
        }
        if written.num_rows:
            shown["sample"] = sample_table(written, tuple(sample))
        return dg.MaterializeResult(data_version=dg.DataVersion(version[:16]), metadata=shown)

    def _measure(self, more: Mapping[str, tuple[float, str]]) -> None:
        """How long this took and what else was measured, in the one table that may differ between equal runs; a file per run and step."""
        asset = self._spec.key.to_user_string()
        run_id = self.context.run.run_id
        seconds = time.perf_counter() - self._started
        frame = {"run_id": run_id, "asset": asset, "partition": self.partition}
        rows = [
            {**frame, "name": name, "value": value, "unit": unit}
            for name, (value, unit) in {**more, "wall": (seconds, "s")}.items()
        ]
        self.lake.write(RUN_MEASUREMENTS, rows, f"{run_id}.{asset}.{self.partition}")
