"""When a batch is asked for: at once if it never ran, after a growing pause if its run failed through what passes."""

from collections.abc import Sequence
from dataclasses import dataclass

import dagster as dg

from orchestration.failures import passing_cause
from orchestration.jobs import INGEST

KILLED = "raftline/killed"
"""Tag of a run whose process was killed while nobody watched it."""

_REASON = "dagster/failure_reason"
_STOPPED = "UNEXPECTED_TERMINATION"
"""What Dagster writes into that tag of a run that was interrupted, as by the end of `raftline dev`."""

UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]

FIRST_PAUSE = 60.0
LONGEST_PAUSE = 3600.0
"""Seconds until a failed batch is tried again: after its first failure, and at most."""

MOST_FAILURES = 50
"""After so many failures, two days of them, a batch waits for `raftline refresh`."""

MOST_KILLS = 10
"""After so many kills of its runs, work other than a batch waits for `raftline refresh`."""

FREE_KILLS = 3
"""So often a batch is tried again at once after it was killed; more often, and it may be what kills."""

_PARTITION = "dagster/partition"


@dataclass(frozen=True)
class Past:
    """The runs of a batch so far: the last one's id, how many failed or were killed, how and when the last one ended.

    `cause` is what the last one failed through, if it passes; `ended_at` is in seconds since the epoch.
    """

    last: str = ""
    running: bool = False
    killed: bool = False
    cause: str = ""
    failures: int = 0
    kills: int = 0
    ended_at: float = 0.0

    def key(self, batch: str) -> str | None:
        """The run key of the batch's next run, which no earlier one had; None if there is to be none."""
        if not self.last:
            return batch
        passes = self.kills < MOST_FAILURES if self.killed else self.cause and self.failures < MOST_FAILURES
        return f"{batch}~{self.last[:8]}" if passes and not self.running else None

    def waits(self, now: float) -> float:
        """Seconds until the next run, if there is to be one.

        An end that lies further ahead than any pause was written by a clock that has been set back since.
        """
        attempts = self.kills - FREE_KILLS if self.killed else self.failures
        if not self.last or attempts <= 0:
            return 0.0
        rest = self.ended_at + pause(attempts) - now
        return max(0.0, rest) if rest <= 2 * LONGEST_PAUSE else 0.0


def pause(failures: int) -> float:
    """Seconds between the end of a failed run and the next attempt: twice as long each time."""
    return min(FIRST_PAUSE * 2.0 ** min(failures - 1, 10), LONGEST_PAUSE)


def was_killed(run: dg.DagsterRun) -> bool:
    """Whether a run ended from outside: its process was killed, or stopped together with `raftline dev`."""
    return run.status is dg.DagsterRunStatus.FAILURE and (KILLED in run.tags or run.tags.get(_REASON) == _STOPPED)


def pasts(instance: dg.DagsterInstance, batches: Sequence[str]) -> dict[str, Past]:
    """What an instance knows of the ingestion of each of these batches, whoever asked for its runs."""
    if not batches:
        return {}
    runs: dict[str, list[dg.RunRecord]] = {batch: [] for batch in batches}
    wanted = dg.RunsFilter(job_name=INGEST.job, tags={_PARTITION: list(batches)})
    for record in instance.get_run_records(wanted):  # the latest first
        runs[record.dagster_run.tags[_PARTITION]].append(record)
    return {batch: _past(instance, records) if records else Past() for batch, records in runs.items()}


def due(instance: dg.DagsterInstance, batches: Sequence[str], now: float) -> tuple[list[dg.RunRequest], list[str]]:
    """The requests for those batches that are to run now, and what there is to say of the others."""
    requests, words = [], []
    for batch, past in pasts(instance, batches).items():
        key, rest = past.key(batch), past.waits(now)
        if key and not rest:
            requests.append(dg.RunRequest(run_key=key, partition_key=batch))
        elif key:
            said = f"{past.kills} killed" if past.killed else f"{past.failures} failed; {past.cause}"
            words.append(f"batch {batch} is tried again in {rest:.0f} s ({said})")
        elif (past.failures or past.killed) and not past.running:
            words.append(f"batch {batch} failed: see its run {past.last}; `raftline refresh` tries it again")
    return requests, words


def _past(instance: dg.DagsterInstance, records: Sequence[dg.RunRecord]) -> Past:
    runs = [record.dagster_run for record in records]
    failed = [run for run in runs if run.status is dg.DagsterRunStatus.FAILURE]
    last, ended_at = runs[0], records[0].end_time or records[0].update_timestamp.timestamp()
    kills = sum(map(was_killed, failed))
    return Past(
        last.run_id,
        any(run.status in UNFINISHED for run in runs),
        was_killed(last),
        _cause(instance, last),
        len(failed) - kills,
        kills,
        ended_at,
    )


def _cause(instance: dg.DagsterInstance, run: dg.DagsterRun) -> str:
    """What a run failed through, if it passes. Dagster gives no reason where a process died, or did not start."""
    if run.status is not dg.DagsterRunStatus.FAILURE or was_killed(run):
        return ""
    return passing_cause(instance, run.run_id) if _REASON in run.tags else "its process died without a word"
