"""When a batch is asked for: at once if it never ran, after a growing pause if its run failed through what passes."""

from collections.abc import Sequence
from dataclasses import dataclass

import dagster as dg

from orchestration.failures import passing_cause
from orchestration.jobs import INGEST

KILLED = "raftline/killed"
"""Tag of a run whose process was killed; its value is the key under which it was requested."""

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

_PARTITION = "dagster/partition"


@dataclass(frozen=True)
class Past:
    """The runs of a batch so far: the last one's id, how many failed of themselves, and how and when the last one ended.

    `cause` is what the last one failed through, if it passes; `ended_at` is in seconds since the epoch.
    """

    last: str = ""
    running: bool = False
    killed: bool = False
    cause: str = ""
    failures: int = 0
    ended_at: float = 0.0

    def key(self, batch: str) -> str | None:
        """The run key of the batch's next run, which no earlier one had; None if there is to be none."""
        if not self.last:
            return batch
        again = not self.running and (self.killed or (self.cause and self.failures < MOST_FAILURES))
        return f"{batch}~{self.last[:8]}" if again else None

    def waits(self, now: float) -> float:
        """Seconds until the next run, if there is to be one.

        An end that lies further ahead than any pause was written by a clock that has been set back since.
        """
        if not self.last or self.killed:
            return 0.0
        rest = self.ended_at + pause(self.failures) - now
        return max(0.0, rest) if rest <= 2 * LONGEST_PAUSE else 0.0


def pause(failures: int) -> float:
    """Seconds between the end of a failed run and the next attempt: twice as long each time."""
    return min(FIRST_PAUSE * 2.0 ** min(failures - 1, 10), LONGEST_PAUSE)


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
            words.append(f"batch {batch} is tried again in {rest:.0f} s ({past.failures} failed; {past.cause})")
        elif past.failures and not past.running:
            words.append(f"batch {batch} failed: see its run {past.last}; `raftline refresh` tries it again")
    return requests, words


def _past(instance: dg.DagsterInstance, records: Sequence[dg.RunRecord]) -> Past:
    runs = [record.dagster_run for record in records]
    failed = [run for run in runs if run.status is dg.DagsterRunStatus.FAILURE]
    last, ended_at = runs[0], records[0].end_time or records[0].update_timestamp.timestamp()
    ended_badly = last.status is dg.DagsterRunStatus.FAILURE
    killed = ended_badly and KILLED in last.tags
    return Past(
        last.run_id,
        any(run.status in UNFINISHED for run in runs),
        killed,
        passing_cause(instance, last.run_id) if ended_badly and not killed else "",
        sum(KILLED not in run.tags for run in failed),
        ended_at,
    )
