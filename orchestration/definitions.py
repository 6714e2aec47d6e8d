"""The code location: assets, checks, jobs, schedules, sensors and resources, composed once.

Tests call `build_defs` with other settings or resources; there is no second wiring.
"""

import os
from collections.abc import Mapping
from typing import Any

import dagster as dg

from orchestration.alarm import build_alarm_schedule, check_serving
from orchestration.catalog import build_assets, build_checks
from orchestration.jobs import JOBS, scan_documents
from orchestration.progress import progress_logger
from orchestration.schedules import build_schedules
from orchestration.sensors import build_sensors
from orchestration.settings import Settings, load_settings
from orchestration.sweeper import build_sweep_schedule, sweep_endpoints
from orchestration.training_sensors import build_training_sensors
from orchestration.wiring import build_resources
from resources.egress.telemetry import TELEMETRY_OFF

EXECUTORS = {"in_process": dg.in_process_executor, "multiprocess": dg.multiprocess_executor}


def build_defs(settings: Settings, resource_overrides: Mapping[str, Any] | None = None) -> dg.Definitions:
    """Everything Dagster needs for these settings."""
    return dg.Definitions(
        assets=build_assets(settings),
        asset_checks=build_checks(),
        jobs=[scan_documents, sweep_endpoints, check_serving, *JOBS.values()],
        schedules=[*build_schedules(settings), build_sweep_schedule(settings), build_alarm_schedule(settings)],
        sensors=[*build_sensors(settings), *build_training_sensors(settings)],
        resources={**build_resources(settings), **(resource_overrides or {})},
        loggers={"console": dg.colored_console_logger, "progress": progress_logger},
        executor=EXECUTORS[settings.executor],
    )


@dg.definitions
def defs() -> dg.Definitions:
    os.environ.update(TELEMETRY_OFF)  # for whoever starts Dagster's own commands on this code location
    return build_defs(load_settings())
