"""Watching jobs: looked at until they end, cancelled when nobody waits for them any more.

Done by the run that wants a model, and from outside runs for jobs that were left at their service; both go by the book.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from resources.errors import RaftlineError
from resources.training.base import (
    CANCELLED,
    CapacityLacking,
    JobEvent,
    JobHandle,
    TrainingFailed,
    TrainingSpec,
    TrainingUnreachable,
)
from resources.training.book import Order, TrainingBook
from resources.training.book_tables import SUPERSEDED, Ending, Job
from resources.training.options import JobOptions
from resources.training.trainer import Trainer

ENDING_SECONDS = 60.0
"""How long a run waits for the service to say that a cancelled job has ended."""

LOCAL_POLL_SECONDS = 5.0

LISTED_SECONDS = 60.0
"""When a job that was submitted is in its service's listing at the latest."""

Tell = Callable[[JobEvent], None]
"""Takes a line about a job: the service's own events, and what we have to say."""


def keep_quiet(_event: JobEvent) -> None:
    """Tells nobody."""


@dataclass(frozen=True)
class JobWatch:
    """The jobs of one trainer, by the book. `sleep` is given by tests, as is the book's clock."""

    trainer: Trainer
    book: TrainingBook
    options: JobOptions
    tell: Tell = keep_quiet
    sleep: Callable[[float], None] = time.sleep

    def follow(self, job: Job, asked_to_stop: Callable[[], bool]) -> Job:
        """Looks at a job until it ends, or until it is time to leave it at its service; then it is still open.

        While the service cannot be asked it waits, up to the job's deadline. `asked_to_stop` tells that a person cancels
        the run: then the job is cancelled too.
        """
        if not job.open:
            self._replay(job)
            return job
        pause = self.options.poll_seconds
        if self.trainer.runs_here:
            pause = min(pause, LOCAL_POLL_SECONDS)
        cursor = ""
        while True:
            job, cursor = self._glance(job, cursor)
            if not job.open:
                return job
            if self.is_unwanted(job):  # somebody else asked it to end, perhaps before it was at its service
                return self.cancel(job, job.ending, wait=True)
            if asked_to_stop():
                return self.cancel(job, CANCELLED, wait=True)
            if self.is_late(job):
                return self.cancel(job, "deadline", wait=True)
            if self._is_left(job):
                return job
            self.sleep(pause)

    def look(self, job: Job) -> Job:
        """One look at a job, from outside a run: what it says is booked, and what is late or unwanted is cancelled.

        Raises `TrainingUnreachable`. An intent that a crash left behind is searched for.
        """
        if job.handle is None:
            found = self.trainer.find(job.spec)
            if found is None:
                return self._not_there(job)
            job = self.booked(job, found)
        if self.is_late(job) and not job.ending:
            job = self.book.ends(job, "deadline")
        if self.is_unwanted(job):
            self._stop(job)
        return self._see(job, job.cursor)[0]

    def supersede(self, order: Order, spec: TrainingSpec) -> list[Job]:
        """Ends, or leaves to finish, the recipe's open jobs of other specifications; returns them.

        One that trains for another recipe, too, is left to that.
        """
        older = [job for job in self.book.open_jobs(recipe=order.recipe) if job.idem != spec.idem() and not job.ending]
        return [self._given_up(job, order.recipe) for job in older]

    def cancel(self, job: Job, why: Ending, wait: bool = False) -> Job:
        """Asks the service to stop a job, and books why. With `wait` it is followed for a minute to its end."""
        job = self._end(job, why)
        waited, pause = 0.0, min(self.options.poll_seconds, 2.0)
        if job.open and job.handle:
            job, _ = self._glance(job, job.cursor)
        while wait and job.open and job.handle and waited < ENDING_SECONDS:
            self.sleep(pause)
            waited += pause
            job, _ = self._glance(job, job.cursor)
        return job

    def is_late(self, job: Job) -> bool:
        """Whether a job has outlived its deadline."""
        return self.book.clock() > (job.submitted_at or job.booked_at) + self.options.deadline_hours * 3600

    def is_unwanted(self, job: Job) -> bool:
        """Whether a job is to be stopped at its service."""
        return bool(job.ending) and (job.ending != SUPERSEDED or self.options.superseded == "cancel")

    def booked(self, job: Job, handle: JobHandle) -> Job:
        """Books the handle of a job the moment it is known, and after that whether its service is an emulator."""
        job = self.book.submitted(job, handle)
        try:
            return self.book.emulated(job) if self.trainer.not_real() else job
        except TrainingUnreachable:
            return job  # the model's own row says it, once the service can be asked

    def later(self) -> float:
        """When a job for which there is no room is submitted again."""
        return self.book.clock() + self.options.capacity_minutes * 60

    def _is_left(self, job: Job) -> bool:
        """Whether a run waits for a job no longer: it is expected to take long, or it does."""
        limit = self.options.in_run_minutes * 60
        if (job.quote.seconds or 0.0) > limit:
            return True
        return self.book.clock() >= (job.submitted_at or job.booked_at) + limit

    def _glance(self, job: Job, cursor: str) -> tuple[Job, str]:
        """A look that takes an unreachable service as no news."""
        try:
            return self._see(job, cursor)
        except TrainingUnreachable as error:
            self._say("warning", f"job {job.name}: the service cannot be asked now, waiting: {error}")
            return self.book.unseen(job, str(error)), cursor

    def _see(self, job: Job, cursor: str) -> tuple[Job, str]:
        """The job as the service tells it, and the cursor behind the events that were told."""
        handle = _handle(job)
        try:
            state = self.trainer.poll(handle)
        except CapacityLacking as error:
            return self._without_room(job, str(error)), cursor
        cursor = self._tell_events(handle, cursor)
        if (state.phase, state.status) != (job.phase, job.service_status):
            self._say("info", f"job {job.name}: {state.words}")
        return self.book.looked(job, state, cursor), cursor

    def _replay(self, job: Job) -> None:
        """Tells the events of a job that ended while no run watched."""
        if not job.told:
            self._tell_events(_handle(job), "")

    def _tell_events(self, handle: JobHandle, cursor: str) -> str:
        """Tells what is new; returns the new cursor. A log that is out of reach keeps no job from ending."""
        try:
            events, cursor = self.trainer.events(handle, cursor)
        except RaftlineError as error:
            self._say("warning", f"job {handle.job_id}: its events cannot be read now: {error}")
            return cursor
        for event in events:
            self.tell(event)
        return cursor

    def _without_room(self, job: Job, message: str) -> Job:
        """A job that ended for lack of room: over, and intended once more for later."""
        ended = self.book.refused(job, message)
        if not job.ending:
            again = self.book.intend(job.spec, Order(job.recipe, job.run_id, job.lock), job.quote)
            self.book.held_back(again, message, self.later())
        return ended

    def _not_there(self, job: Job) -> Job:
        """An intent that is not at its service: it goes on waiting, or is given up when it is unwanted or late."""
        lagging = self.book.clock() < job.booked_at + LISTED_SECONDS
        if job.ending and not lagging:
            return self.book.refused(job, "not submitted any more")
        if job.ending or not self.is_late(job):
            return self.book.held_back(job, job.message, job.not_before)
        reason = job.message or "it was never submitted"
        return self.book.refused(job, f"{reason}. Given up at the deadline (trainers.jobs.deadline_hours)", told=False)

    def _given_up(self, job: Job, recipe: str) -> Job:
        if job.also:
            return self.book.left_to_others(job, recipe)
        if job.backend == self.trainer.backend:
            return self._end(job, SUPERSEDED)
        return self.book.ends(job, SUPERSEDED)  # whoever looks after it stops it there

    def _end(self, job: Job, why: Ending) -> Job:
        job = self.book.ends(job, why)
        if job.handle is None:
            # A process that died may have submitted it: whoever looks at it later finds it, or gives it up.
            return self.book.refused(job, "not submitted any more") if job.not_before else job
        if self.is_unwanted(job):
            self._stop(job)
        return job

    def _stop(self, job: Job) -> None:
        try:
            self.trainer.cancel(_handle(job))
        except RaftlineError as error:
            # It stays booked as ending: whoever looks at it next asks again.
            self._say("warning", f"job {job.name} could not be cancelled yet: {error}")

    def _say(self, level: str, message: str) -> None:
        self.tell(JobEvent("", "warning" if level == "warning" else "info", message))


def words_of(job: Job) -> str:
    """How a job ended, in the service's own words."""
    end = f"job {job.name} of {job.backend} {job.service_status or job.status}"
    late = " (cancelled at its deadline, trainers.jobs.deadline_hours)" if job.ending == "deadline" else ""
    return f"{end}{late}: {job.message}" if job.message else f"{end}{late}"


def _handle(job: Job) -> JobHandle:
    if job.handle is None:
        raise TrainingFailed(f"job {job.name} is not at its service")
    return job.handle
