"""Processes of jobs: one at most for each, started again where one died, ended where a job is not wanted any more.

Every decision is made under the job's launch lock, so that two who look at the same moment do not both start one.
"""

import time
from collections.abc import Generator
from contextlib import contextmanager

from resources.llm.providers.words import scrubbed
from resources.training.base import TrainingUnreachable
from resources.training.local.job_folder import RUNNING_PHASES, JobFolder, JobStatus
from resources.training.local.locks import Occupied, held_here, is_held
from resources.training.local.process import start

_LAUNCH_SECONDS = 60.0
_CANCEL_SECONDS = 30.0


@contextmanager
def deciding(job: JobFolder) -> Generator[None]:
    """Holds the job's launch lock. Raises `TrainingUnreachable` if somebody else does for very long."""
    try:
        with held_here(job.launch_lock, _LAUNCH_SECONDS):
            yield
    except Occupied as error:
        raise TrainingUnreachable(f"job {job.path.name} is being started elsewhere; ask again in a minute") from error


def occupied(job: JobFolder) -> bool:
    """Whether a process works on a job, or is being started. Ask before reading the status, which it may change."""
    return job.alive or is_held(job.launch_lock)


def launch(job: JobFolder, before: JobStatus) -> JobStatus:
    """Starts a process, which goes on from the last whole checkpoint. Only while `deciding`."""
    job.forget_cancel()
    job.write_status(
        JobStatus(step=before.step, steps=before.steps, seconds=before.seconds, launches=before.launches + 1)
    )
    start(job)
    return job.status() or before


def revive(job: JobFolder, restarts: int) -> JobStatus:
    """Decides about an unfinished job without a process: over if it was cancelled, started again, or failed."""
    with deciding(job):
        status = job.status() or JobStatus()
        if status.phase not in RUNNING_PHASES or job.alive:
            return status
        if job.cancelling:
            return job.conclude("cancelled", "cancelled on request")
        died = f"its process died at step {status.step} of {status.steps}"
        if status.launches <= restarts:
            job.add_event("warning", f"{died}; it is started again")
            return launch(job, status)
        tail = " / ".join(scrubbed(line, ()) for line in job.log_tail().strip().split("\n")[-3:])
        return job.conclude("failed", f"{died}, and {status.launches - 1} times before; its log ends: {tail}")


def await_end(job: JobFolder) -> None:
    """Waits for a process that is about to end, over or told to stop: two must not work on one job."""
    deadline = time.monotonic() + _CANCEL_SECONDS
    while job.alive and (job.cancelling or _over(job)):
        if time.monotonic() > deadline:
            raise TrainingUnreachable(f"job {job.path.name} is about to end; submit it again in a minute")
        time.sleep(0.05)


def _over(job: JobFolder) -> bool:
    status = job.status()
    return status is not None and status.phase not in RUNNING_PHASES
