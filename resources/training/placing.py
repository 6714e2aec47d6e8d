"""Placing jobs: one per specification, found before created, and booked before it exists.

Two processes never submit one specification at once. A crash between the booking and the handle costs a search, not a job.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from resources.errors import SettingsError
from resources.training.base import (
    CANCELLED,
    FAILED,
    CapacityLacking,
    JobHandle,
    Quote,
    TrainingData,
    TrainingFailed,
    TrainingRejected,
    TrainingSpec,
    TrainingUnreachable,
)
from resources.training.book import Order
from resources.training.book_tables import Job
from resources.training.leases import LeaseTaken
from resources.training.watching import JobWatch, words_of

FIND_AGAIN_SECONDS = 10.0
"""Listings of services lag behind: after a crash a job is searched a second time so much later."""

PURSE = "training budget"
"""The lease of who compares a price with the budget."""


@dataclass(frozen=True)
class Placed:
    """A job that exists, and whether it was there before: then nothing was spent on it now."""

    job: Job
    adopted: bool


def place(
    watch: JobWatch,
    spec: TrainingSpec,
    data: TrainingData,
    order: Order,
    tags: Mapping[str, str],
    before_spending: Callable[[], Quote],
) -> Placed:
    """The job of a specification: the one there is, else a new one, once `before_spending` raised nothing.

    Raises `TrainingFailed` for one that has failed and that no run told of yet, or that failed too often, and
    `LeaseTaken` if another process is submitting it.
    """
    book = watch.book
    with book.hold(spec.idem(), watch.options.in_run_minutes * 60, watch.sleep):
        job = book.last(spec.idem())
        if job and job.open and job.handle:
            job = _kept_on(watch, job)
            if job.open:
                return Placed(book.adopted(job, order), adopted=True)
        # Where there was no room, it is known that there is no job; where a process died, it is not.
        found = _search(watch, spec, twice=bool(job and job.open and not job.not_before))
        if found and job and not job.open and job.handle and job.handle.job_id == found.job_id:
            return Placed(book.revived(job, order), adopted=True)
        if found:
            return Placed(watch.booked(book.intend(spec, order), found), adopted=True)
        if job and not job.open:
            _refuse_to_repeat(watch, job)
        _require_room(watch, spec, order)
        return Placed(_submit(watch, data, tags, _afforded(watch, spec, order, before_spending)), adopted=False)


def _afforded(watch: JobWatch, spec: TrainingSpec, order: Order, before_spending: Callable[[], Quote]) -> Job:
    """The intent of a job that may be paid for, whose price counts from then on.

    Jobs of services are checked one at a time, so that no two of them rely on the same money.
    """
    if watch.trainer.runs_here:
        return watch.book.intend(spec, order, before_spending())
    try:
        with watch.book.hold(PURSE, watch.options.in_run_minutes * 60, watch.sleep):
            return watch.book.intend(spec, order, before_spending())
    except LeaseTaken as error:
        raise CapacityLacking(
            "another job's price is being checked against the budget; run again in a while"
        ) from error


def _submit(watch: JobWatch, data: TrainingData, tags: Mapping[str, str], job: Job) -> Job:
    try:
        handle = watch.trainer.submit(job.spec, data, tags)
    except CapacityLacking as error:
        watch.book.held_back(job, str(error), watch.later())
        raise
    except (TrainingRejected, TrainingFailed, SettingsError) as error:
        watch.book.refused(job, str(error))
        raise
    except TrainingUnreachable as error:
        found = _search(watch, job.spec, twice=True)
        if found is None:
            raise TrainingUnreachable(
                f"{error}. Whether the job exists is not known; the next run searches for it before it submits again"
            ) from error
        handle = found
    return watch.booked(job, handle)


def _search(watch: JobWatch, spec: TrainingSpec, twice: bool) -> JobHandle | None:
    found = watch.trainer.find(spec)
    if found is None and twice and not watch.trainer.runs_here:
        watch.sleep(FIND_AGAIN_SECONDS)
        found = watch.trainer.find(spec)
    return found


def _kept_on(watch: JobWatch, job: Job) -> Job:
    """An open job of this very specification: wanted again if it was superseded, else in the way until it has ended."""
    if not job.ending:
        return job
    if not watch.is_unwanted(job):
        return watch.book.ends(job, "")
    job = watch.look(job)
    if job.open:
        raise CapacityLacking(f"job {job.name} of this specification is still being cancelled; run again in a while")
    return job


def _refuse_to_repeat(watch: JobWatch, job: Job) -> None:
    """Raises `TrainingFailed` for a job whose failure nobody told of, or a specification that failed too often."""
    if job.status in (FAILED, CANCELLED) and not job.told:
        watch.book.tell(job)
        raise TrainingFailed(words_of(job))
    failures = watch.book.failures(job.idem)
    if failures >= watch.options.attempts:
        raise TrainingFailed(
            f"{words_of(job)}. This specification failed {failures} times and is submitted no more: change the recipe or "
            "its data, or raise trainers.jobs.attempts"
        )


def _require_room(watch: JobWatch, spec: TrainingSpec, order: Order) -> None:
    """On this machine one model is trained at a time. Raises `CapacityLacking`."""
    if not watch.trainer.runs_here:
        return
    for job in watch.book.open_jobs(watch.trainer.backend):
        if job.idem != spec.idem() and job.handle and watch.look(job).open:
            message = f"this machine is training recipe {job.recipe} (job {job.name}); this one is trained after it"
            watch.book.held_back(watch.book.intend(spec, order), message, watch.later())
            raise CapacityLacking(message)
