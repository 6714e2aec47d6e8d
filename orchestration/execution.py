"""Doing what was planned: in this process, or through a live daemon, phase by phase."""

import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg

from orchestration.catalog import asset_specs
from orchestration.definitions import build_defs
from orchestration.failures import explain, why_failed
from orchestration.jobs import INGEST, PHASES, TRAIN, register_batches
from orchestration.planning import PlannedRun, phase_runs, plan_refresh
from orchestration.progress import PROGRESS_ONLY
from orchestration.retrying import KILLED
from orchestration.sensors import register_recipes
from orchestration.settings import Settings
from orchestration.state import read_state
from orchestration.training_jobs import Visit, look_after
from orchestration.wiring import build_resources
from resources.corpus.manifest import Manifest
from resources.errors import RaftlineError
from resources.lake.lake import WHOLE

FOLLOW_SECONDS = 0.5
_BEGUN = (
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)


class RunFailed(RaftlineError):
    """A run that did not succeed, with the innermost error's words."""


@dataclass(frozen=True)
class Outcome:
    """What became of a planned run."""

    run: PlannedRun
    error: str = ""


class Refresher:
    """Brings a home up to date. Knows the settings, Dagster's instance, and whether a daemon runs on it."""

    def __init__(self, settings: Settings, instance: dg.DagsterInstance):
        self._settings = settings
        self._instance = instance
        self._resources: Mapping[str, Any] = build_resources(settings)
        self._definitions = build_defs(settings)

    def scan(self) -> list[Manifest]:
        """Looks for documents and recipes; returns the new batches."""
        fresh = self._resources["corpus"].scan(self._settings.batches.max_documents)
        register_batches(self._instance, self._resources["corpus"])
        register_recipes(self._instance, self._settings)
        return fresh

    def has_batches(self) -> bool:
        """Whether any document ever arrived."""
        return bool(self._resources["corpus"].manifests().load())

    def look_after_jobs(self) -> list[Visit]:
        """Looks at the training jobs that were left at their services, so that the plan knows which have ended."""
        trainers = self._resources["trainers"]
        with trainers.book() as book:
            return look_after(book, trainers, self._instance)

    def plan(self) -> list[PlannedRun]:
        """What there is to do, as far as it can be known now."""
        return plan_refresh(self._state())

    def at_their_services(self) -> Mapping[str, str]:
        """What is being trained just as its recipe is now; by recipe."""
        return self._state().training

    def execute(self) -> Iterator[PlannedRun | Outcome]:
        """Yields each run before it starts and its outcome after. A bad batch or recipe does not hold up the rest.

        Raises `RunFailed` when another phase fails, since what follows would rest on old data.
        """
        for phase in PHASES:
            for run in phase_runs(phase, self._state()):
                yield run
                outcome = self._run(run)
                yield outcome
                if outcome.error and phase not in (INGEST, TRAIN):
                    raise RunFailed(f"{run.job} failed: {outcome.error}")

    def run(self, job: str, reason: str) -> Outcome:
        """Runs an unpartitioned job, whatever the plan says."""
        return self._run(PlannedRun(job, WHOLE, reason))

    def _state(self) -> Any:
        return read_state(asset_specs(self._settings), self._resources)

    def _run(self, run: PlannedRun) -> Outcome:
        server = live_server(self._settings)
        return self._submit(run, server) if server else self._run_here(run)

    def _run_here(self, run: PlannedRun) -> Outcome:
        job = self._definitions.resolve_job_def(run.job)
        result = job.execute_in_process(
            instance=self._instance,
            partition_key=None if run.partition == WHOLE else run.partition,
            asset_selection=[dg.AssetKey(asset) for asset in run.assets] or None,
            run_config=PROGRESS_ONLY,
            tags={"raftline/reason": run.reason[:200]},
            raise_on_error=False,
        )
        if result.success:
            return Outcome(run)
        record = self._instance.get_run_by_id(result.run_id)
        failures = [event for event in result.all_events if event.is_step_failure]
        error = explain(failures[0].step_failure_data.error) if failures else "the run failed before its first step"
        if "ExecutionInterrupted" in error or (record and record.status is dg.DagsterRunStatus.CANCELED):
            raise RunFailed("interrupted; the next `raftline refresh` goes on where this one stopped")
        return Outcome(run, error)

    def _submit(self, run: PlannedRun, port: int) -> Outcome:
        from dagster_graphql import DagsterGraphQLClient, DagsterGraphQLClientError

        tags = {"raftline/reason": run.reason[:200]}
        if run.partition != WHOLE:
            tags["dagster/partition"] = run.partition
        try:
            run_id = DagsterGraphQLClient("127.0.0.1", port_number=port).submit_job_execution(
                run.job, tags=tags, asset_selection=run.assets or None
            )
        except (DagsterGraphQLClientError, OSError) as error:
            raise RunFailed(
                f"`raftline dev` on port {port} took no run; if it has just been started, try again in a moment"
            ) from error
        while True:
            record = self._instance.get_run_by_id(run_id)
            if record is not None and record.is_finished:
                return Outcome(run, "" if record.is_success else why_failed(self._instance, run_id))
            if live_server(self._settings) is None:
                raise RunFailed(
                    f"`raftline dev` ended before the run {run_id} did; the next `raftline refresh` goes on from here"
                )
            time.sleep(FOLLOW_SECONDS)


def server_file(settings: Settings) -> Path:
    """Where `raftline dev` says that it is alive."""
    return settings.home_folder / "dagster" / "server.json"


def live_server(settings: Settings) -> int | None:
    """The port of a running `raftline dev` on this home."""
    try:
        data = json.loads(server_file(settings).read_text(encoding="utf-8"))
        os.kill(data["pid"], 0)
        return int(data["port"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def end_dead_runs(instance: dg.DagsterInstance) -> None:
    """Marks as failed what a killed process left running: it would count as busy, and hold its pools, for ever.

    Call it only where nothing else can be at work on the home.
    """
    for run in instance.get_runs(dg.RunsFilter(statuses=list(_BEGUN))):
        instance.report_run_failed(run, "the process that ran it was killed")
        instance.add_run_tags(run.run_id, {KILLED: "yes"})
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
