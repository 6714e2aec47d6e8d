"""What smoke tests leave behind: named after one that did not end well, and removed by `raftline smoke BACKEND --discard`."""

from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial

from orchestration.smoke_plan import HISTORY, NAMES, RECIPE, smoke_upload
from resources.errors import RaftlineError
from resources.training.book import TrainingBook
from resources.training.book_tables import Job
from resources.training.endpoints import Booking, EndpointBook
from resources.training.resource import TrainersResource
from resources.training.serve import take_down
from resources.training.watching import JobWatch

Tell = Callable[[str, str], None]


def leftover_lines(trainers: TrainersResource, backend: str) -> list[str]:
    """What is booked of smoke tests of a backend and not removed, and what to do about it; nothing if nothing is."""
    with trainers.book() as book, closing(EndpointBook(trainers.ledger())) as endpoints:
        lines = [_of_job(job) for job in left_jobs(book, backend)]
        lines += [
            f"  endpoint {one.handle.name}: it costs until it is gone" for one in _left_endpoints(endpoints, backend)
        ]
    if not lines:
        return []
    short = next(name for name, found in NAMES.items() if found == backend)
    return ["left behind", *lines, f"run this again to go on with it; `raftline smoke {short} --discard` removes it"]


def discard_leftovers(trainers: TrainersResource, backend: str, tell: Tell) -> bool:
    """Takes endpoints down, ends jobs and deletes their files; whether nothing is left. A problem stops nothing else."""
    with closing(EndpointBook(trainers.ledger())) as endpoints, trainers.book() as book:
        bookings, jobs = _left_endpoints(endpoints, backend), left_jobs(book, backend)
        if not bookings and not jobs:
            tell(f"no smoke test of {backend} left anything", "")
        gone = [_attempt(tell, one.handle.name, partial(_take_down, trainers, endpoints, one)) for one in bookings]
        gone += [_attempt(tell, f"job {job.name}", partial(_end, trainers, book, job, tell)) for job in jobs]
    return all(gone)


def left_jobs(book: TrainingBook, backend: str) -> list[Job]:
    """The jobs of smoke tests that are under way, or whose test was not finished; newest first."""
    ours = (job for job in book.history(HISTORY) if job.recipe == RECIPE and job.backend == backend)
    return [job for job in ours if job.open or not job.told]


def delete_useless(trainers: TrainersResource, job: Job | None, tell: Tell) -> None:
    """Deletes what belongs to a job that made nothing, if there is one. It is on the way out of another error."""
    if job is None or job.open or not job.told:
        return
    try:
        removed = _delete_files(trainers, job)
    except RaftlineError as error:
        tell(f"  what was uploaded for job {job.name} is not deleted: {error}", "yellow")
    else:
        if removed:
            tell(f"  deleted {', '.join(removed)}", "dim")


def _of_job(job: Job) -> str:
    if job.handle is None:
        return f"  job {job.name}: what was uploaded for it, if anything was"
    return f"  job {job.name} ({job.status}): its files and, where it made one, its model"


def _left_endpoints(book: EndpointBook, backend: str) -> list[Booking]:
    return [booking for booking in book.bookings(backend) if booking.handle.purpose == "smoke"]


def _attempt(tell: Tell, what: str, remove: Callable[[], str]) -> bool:
    try:
        problem = remove()
    except RaftlineError as error:
        problem = str(error)
    tell(f"{what}: {problem}" if problem else f"{what}: removed", "red" if problem else "green")
    return not problem


def _delete_files(trainers: TrainersResource, job: Job) -> Sequence[str]:
    """Deletes what a job has at its service, or what was uploaded for one that was never made; names it."""
    trainer = trainers.get(job.backend)
    if job.handle:
        return trainer.discard(job.handle)
    return trainer.withdraw(smoke_upload(trainers, job.backend, dict(job.spec.options)).data)


def _take_down(trainers: TrainersResource, book: EndpointBook, booking: Booking) -> str:
    gone = take_down(book, trainers.deployer(booking.handle.backend), booking.handle)
    return "" if gone else "not gone yet; run this again in a while"


def _end(trainers: TrainersResource, book: TrainingBook, job: Job, tell: Tell) -> str:
    trainer = trainers.get(job.backend)
    watch = JobWatch(trainer, book, trainers.options.jobs, lambda event: tell(f"  {event.message}", "dim"))
    if job.open:
        if job.handle is None:
            job = watch.look(job)  # a process that died may have submitted it
        job = watch.cancel(job, "cancelled", wait=True)
    if job.open:
        return f"its service still says {job.service_status or 'nothing'}; run this again in a while"
    for one in _delete_files(trainers, job):
        tell(f"  deleted {one}", "dim")
    book.tell(job)
    return ""
