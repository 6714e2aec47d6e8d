"""What training services hold of an erased document: jobs ended, their files deleted, and what stays there named."""

from collections.abc import Collection

from assets.training.learned import line_of
from orchestration.smoke_plan import RECIPE
from resources.errors import RaftlineError
from resources.lake.lake import Lake
from resources.lake.tables import MODEL_REGISTRY
from resources.training.book_tables import Job
from resources.training.resource import TrainersResource
from resources.training.trainer import Trainer
from resources.training.watching import JobWatch


def erase_at_services(lake: Lake, trainers: TrainersResource, clean: Collection[str]) -> list[str]:
    """Ends the jobs that learn, or may learn, from an erased document, and deletes what was uploaded for them; what was
    done and what is left to the user, one line each.

    `clean` are the versions of the datasets that do not hold it. Jobs that run here are ended too: their folders go. A
    service that cannot be asked now holds up nothing.
    """
    registry = {row["model_id"]: row for row in lake.rows_or_empty(MODEL_REGISTRY)}
    notes = []

    def parents(job: Job) -> set[str]:
        """The datasets of the models that a job goes on from; an empty name for one that is not known."""
        line = line_of(lake, job.spec.parent) if job.spec.parent else ()
        return {registry.get(model_id, {}).get("dataset_version", "") for model_id in line}

    with trainers.book() as book:
        for job in book.history():
            if job.recipe == RECIPE or {job.spec.dataset_version, *parents(job)} <= set(clean):
                continue
            try:
                trainer = trainers.get(job.backend)
                job = _ended(JobWatch(trainer, book, trainers.options.jobs), job)
                made = registry.get(job.idem, {}).get("artifact") or ""
                notes += _running_on(job) if trainer.runs_here else _deleted(trainer, job, made)
            except RaftlineError as error:
                notes.append(f"{job.backend}: {_names(job)} is still there: delete it at the service ({error})")
    return list(dict.fromkeys(notes))  # attempts at one specification share what they left


def _ended(watch: JobWatch, job: Job) -> Job:
    """The job once it was asked to end, if it had not. One whose service says that it goes on is ended later."""
    if job.open and job.handle is None:
        job = watch.look(job)  # a process that died may have submitted it
    return watch.cancel(job, "cancelled", wait=True) if job.open else job


def _running_on(job: Job) -> list[str]:
    """What to do about a process of this machine that does not end. The folders of jobs are about to be removed."""
    return [f"job {job.name} still runs on this machine: delete its folder once it has ended"] if job.open else []


def _deleted(trainer: Trainer, job: Job, made: str) -> list[str]:
    """What was deleted of a job at its service, and what stays there."""
    host = trainer.destination
    if job.open or job.handle is None:
        return [f"{host}: {_names(job)} may still be there: delete it at the service"]
    gone = trainer.discard(job.handle)
    notes = [f"{host}: deleted {', '.join(gone)}"] if gone else []
    if made and not any(made.startswith(place) for place in gone):
        notes.append(f"{host}: the model {made} is still there: delete it at the service")
    return notes


def _names(job: Job) -> str:
    """What was uploaded for a job, as its service knows it."""
    file = job.handle.details.get("training_file", "") if job.handle else ""
    return f"what was uploaded for job {job.name}" + (f" (file {file})" if file else "")
