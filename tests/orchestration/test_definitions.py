"""The definitions as the UI sees them. The snapshot is `definitions_snapshot.json`; after an intended change write it
anew with `RAFTLINE_WRITE_SNAPSHOT=1 pytest tests/orchestration/test_definitions.py` and review the difference.
"""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from orchestration.definitions import build_defs
from orchestration.jobs import BY_BATCH, BY_RECIPE, PHASES
from orchestration.settings import Settings
from resources.lake.tables import BATCHED, TABLES
from resources.lake.tables import BY_RECIPE as RECIPE_TABLES

ASSETS = 33
"""How many assets there are; change it when you add one, and tell the README."""
SNAPSHOT = Path(__file__).with_name("definitions_snapshot.json")
WRITE = "RAFTLINE_WRITE_SNAPSHOT" in os.environ


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(root=tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def defs(settings: Settings) -> dg.Definitions:
    return build_defs(settings)


@pytest.fixture(scope="module")
def specs(defs: dg.Definitions) -> dict[str, dg.AssetSpec]:
    return {spec.key.to_user_string(): spec for spec in defs.resolve_all_asset_specs()}


def partitions_of(spec: dg.AssetSpec) -> str | None:
    partitions = spec.partitions_def
    return partitions.name if isinstance(partitions, dg.DynamicPartitionsDefinition) else None


def snapshot(defs: dg.Definitions, specs: dict[str, dg.AssetSpec]) -> dict[str, Any]:
    repository = defs.get_repository_def()
    checks = repository.asset_graph.asset_check_keys
    return {
        "assets": {
            name: {
                "group": spec.group_name,
                "partitions": partitions_of(spec),
                "deps": sorted(dep.asset_key.to_user_string() for dep in spec.deps),
                "kinds": sorted(spec.kinds),
            }
            for name, spec in sorted(specs.items())
        },
        "checks": {
            f"{key.asset_key.to_user_string()}: {key.name}": "blocking" if _blocking(defs, key) else "warning"
            for key in sorted(checks, key=lambda key: (key.asset_key, key.name))
        },
        "jobs": sorted(name for name in repository.job_names if not name.startswith("__")),
        "schedules": {schedule.name: schedule.cron_schedule for schedule in repository.schedule_defs},
        "sensors": sorted(sensor.name for sensor in repository.sensor_defs),
    }


def _blocking(defs: dg.Definitions, key: dg.AssetCheckKey) -> bool:
    return any(
        spec.blocking
        for check in defs.asset_checks or ()
        if isinstance(check, dg.AssetChecksDefinition)
        for spec in check.check_specs
        if spec.key == key
    )


def test_the_definitions_can_be_loaded(defs) -> None:
    dg.Definitions.validate_loadable(defs)


def test_there_are_as_many_assets_as_the_readme_says(specs) -> None:
    assert len(specs) == ASSETS


def test_the_graph_is_the_one_that_was_reviewed(defs, specs) -> None:
    found = snapshot(defs, specs)
    if WRITE:
        SNAPSHOT.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    assert found == json.loads(SNAPSHOT.read_text(encoding="utf-8"))


def test_every_asset_tells_the_person_on_call_what_it_is_and_whose(specs) -> None:
    for name, spec in specs.items():
        assert len(spec.description or "") > 20, name
        assert spec.owners == ["team:data-platform"], name
        assert spec.code_version, name
        assert re.fullmatch(r"\d_[a-z]+", spec.group_name or ""), name
        assert spec.kinds, name


def test_every_table_with_partitions_is_partitioned_as_the_lake_thinks(specs) -> None:
    for name, spec in specs.items():
        expected = "document_batches" if name in BATCHED else "training_recipes" if name in RECIPE_TABLES else None
        assert partitions_of(spec) == expected, name


def test_every_asset_is_made_in_exactly_one_phase(specs) -> None:
    placed = Counter(asset for phase in PHASES for asset in phase.assets)
    assert set(placed) == set(specs)
    assert set(placed.values()) == {1}


def test_within_the_phases_nothing_is_made_before_what_it_is_made_from(specs) -> None:
    order = [asset for phase in PHASES for asset in phase.assets]
    for place, asset in enumerate(order):
        inputs = {dep.asset_key.to_user_string() for dep in specs[asset].deps} & set(specs)
        assert inputs <= set(order[:place]), f"{asset} comes before {sorted(inputs - set(order[:place]))}"


def test_no_job_mixes_two_partition_dimensions(specs) -> None:
    dimension = {BY_BATCH: {"document_batches"}, BY_RECIPE: {"training_recipes"}}
    for phase in PHASES:
        used = {partitions_of(specs[asset]) for asset in phase.assets} - {None}
        assert used == dimension.get(phase.by, set()), phase.job


def test_every_asset_writes_a_declared_table_or_is_a_sql_model(specs) -> None:
    assert {name for name, spec in specs.items() if "sql" not in spec.kinds} <= set(TABLES)


def test_every_check_watches_an_asset_that_exists(defs, specs) -> None:
    keys = defs.get_repository_def().asset_graph.asset_check_keys
    assert keys
    assert {key.asset_key.to_user_string() for key in keys} <= set(specs)


def test_sensors_and_schedules_run_without_being_switched_on(defs) -> None:
    repository = defs.get_repository_def()
    assert all(sensor.default_status == dg.DefaultSensorStatus.RUNNING for sensor in repository.sensor_defs)
    assert all(schedule.default_status == dg.DefaultScheduleStatus.RUNNING for schedule in repository.schedule_defs)


def test_settings_reach_the_definitions(tmp_path) -> None:
    settings = Settings.model_validate(
        {"root": tmp_path, "owner": "ada@example.org", "retraining": {"schedule": "5 4 * * 1"}}
    )
    defs = build_defs(settings)
    schedules = {schedule.name: schedule.cron_schedule for schedule in defs.get_repository_def().schedule_defs}
    assert schedules["retraining_schedule"] == "5 4 * * 1"
    assert {tuple(spec.owners) for spec in defs.resolve_all_asset_specs()} == {("ada@example.org",)}


@pytest.mark.slow
def test_the_workspace_is_valid_from_any_working_directory(tmp_path, root) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "dagster", "definitions", "validate", "-w", str(root / "workspace.yaml")],
        cwd=tmp_path, env={**os.environ, "RAFTLINE_HOME": str(tmp_path / "home"), "DAGSTER_HOME": str(tmp_path)},
        capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Validation successful for code location raftline" in done.stdout + done.stderr
