"""Looking after training jobs that were left at their services: polled, ended when late, told to people, finished by a run."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg

from assets.raft.recipes import Recipe
from assets.training.models import specification
from assets.training.reporting import moment
from assets.training.uploads import upload_rules
from orchestration.jobs import TRAIN
from resources.errors import RaftlineError, SettingsError
from resources.hashing import short_id
from resources.lake.lake import Lake
from resources.lake.tables import RAFT_DATASET
from resources.llm.ledger import LedgerError
from resources.llm.providers.words import scrubbed
from resources.training.base import in_words
from resources.training.book import TrainingBook
from resources.training.book_tables import Job
from resources.training.resource import TrainersResource
from resources.training.watching import JobWatch, Tell, keep_quiet

UNFINISHED = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)


@dataclass(frozen=True)
class Visit:
    """A job as it was found, and why nothing was heard of it, if nothing was."""

    job: Job
    problem: str = ""

    @property
    def words(self) -> str:
        job = self.job
        said = in_words(job.service_status or job.status, job.message)
        return f"{job.recipe}: {job.backend} job {job.name}: {self.problem or said}"


def look_after(
    book: TrainingBook,
    trainers: TrainersResource,
    instance: dg.DagsterInstance,
    tell: Tell = keep_quiet,
    seconds: float = 40.0,
    stopwatch: Callable[[], float] = time.monotonic,
) -> list[Visit]:
    """Looks at every open job once, those not seen for longest first, until the time is over. Raises nothing of theirs."""
    started, visits = stopwatch(), []
    for job in book.open_jobs():
        if stopwatch() - started > seconds:
            break
        if book.held(job.idem):
            continue  # a run is submitting it right now
        try:
            job = book.visited(job)
            watch = JobWatch(trainers.get(job.backend), book, trainers.options.jobs, tell)
            if not job.ending and _was_cancelled(instance, job):
                job = watch.cancel(job, "cancelled")
            visits.append(Visit(watch.look(job) if job.open else job))
        except LedgerError:
            raise
        except Exception as error:
            # Also what its client did not foresee: other jobs are looked after all the same.
            words = str(error) if isinstance(error, RaftlineError) else scrubbed(f"{type(error).__name__}: {error}", ())
            visits.append(Visit(book.unseen(job, words), f"cannot be asked now: {words}"))
    return visits


def wanted_runs(book: TrainingBook, recipes: Mapping[str, Recipe], instance: dg.DagsterInstance) -> list[dg.RunRequest]:
    """The runs that make models of finished jobs, tell of failed ones, and submit what had no room or was interrupted."""
    now = book.clock()
    waiting = [one for one in book.open_jobs() if one.handle is None and not one.ending and one.not_before <= now]
    wanted = [(one, recipe) for one in (*book.untold(), *waiting) for recipe in one.wanted_by]
    found: dict[str, dg.RunRequest] = {}
    for job, recipe in wanted:
        if recipe in recipes and not book.held(job.idem) and not _in_progress(instance, recipe):
            found[recipe] = dg.RunRequest(
                run_key=short_id(job.idem, job.attempt, job.status, job.not_before, recipe),
                partition_key=recipe,
                tags={"raftline/reason": f"training job {job.name}: {job.service_status or job.status}"[:200]},
            )
    return list(found.values())


def at_their_services(trainers: TrainersResource, lake: Lake, recipes: Mapping[str, Recipe]) -> dict[str, str]:
    """What is being trained of these recipes just as they are now, in words; by recipe. Asks the book, and no service."""
    with trainers.book() as book:
        jobs = [job for job in book.open_jobs() if job.handle and not job.ending]
    return {
        recipe: f"{job.backend} job {job.name}, since {moment(job.submitted_at or job.booked_at)}"
        for job in jobs
        for recipe in job.wanted_by
        if recipe in recipes and _is_current(job, recipes[recipe], lake, trainers)
    }


def _is_current(job: Job, recipe: Recipe, lake: Lake, trainers: TrainersResource) -> bool:
    """Whether a job trains what its recipe wants now. What was uploaded is told by its rules alone: rows are not read."""
    try:
        trainer = trainers.get(job.backend)
    except SettingsError:
        return True  # not set up any more: whoever looks after it says so
    version = lake.version(RAFT_DATASET, recipe.name) or ""
    wanted = specification(recipe, version, trainer, job.spec.upload, job.spec.parent)
    rules = upload_rules(trainer, trainers.egress)
    return wanted.idem() == job.idem and job.spec.upload.startswith(rules)


def _was_cancelled(instance: dg.DagsterInstance, job: Job) -> bool:
    """Whether a person cancelled the run that watched a job, and the run died before it could cancel the job."""
    run: Any = instance.get_run_by_id(job.run_id) if job.run_id else None
    return run is not None and run.status is dg.DagsterRunStatus.CANCELED


def _in_progress(instance: dg.DagsterInstance, recipe: str) -> bool:
    wanted = dg.RunsFilter(job_name=TRAIN.job, statuses=list(UNFINISHED), tags={"dagster/partition": recipe})
    return bool(instance.get_runs(wanted, limit=1))
