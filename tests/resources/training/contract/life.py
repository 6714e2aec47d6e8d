"""A job's whole life, every step of it seen by another process."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from resources.training.base import Artifact, JobEvent, TrainingData, TrainingFailed, TrainingSpec
from resources.training.book_tables import Job
from resources.training.placing import Placed
from tests.resources.training.contract.bench import PATIENCE_SECONDS, Bench
from tests.resources.training.contract.process import Process, kill_me


def place_and_die(bench: Bench, spec: TrainingSpec, data: TrainingData) -> Callable[[Process], None]:
    """The work of a process that dies when a job exists and its handle is not written down yet."""

    def work(process: Process) -> None:
        process.book.submitted = kill_me
        process.place(spec, data)

    return work


@dataclass(frozen=True)
class Life:
    """A job whose every step another process saw, each of which died before the next one started."""

    spec: TrainingSpec
    placed: list[Placed]
    states: list[str]
    told: list[JobEvent]
    from_the_start: list[JobEvent]
    jobs: list[str]
    booked: list[Job]
    artifacts: list[Artifact]


def live(bench: Bench) -> Life:
    """Brings a job from its submission to its end, with a new process at every step."""
    spec, data = bench.spec, bench.data
    bench.killed(place_and_die(bench, spec, data))
    placed: list[Placed] = []
    states: list[str] = []
    told: list[JobEvent] = []
    deadline = time.monotonic() + PATIENCE_SECONDS
    while "succeeded" not in states:
        assert time.monotonic() < deadline, states
        with bench.process() as process:
            placed.append(process.place(spec, data))
            job = process.watch.look(placed[-1].job)
            if job.status in ("failed", "cancelled"):
                raise TrainingFailed(job.message)
            states.append(job.phase)
            told += [event for event in process.told if event.event_id]
        bench.pause()
    artifacts = []
    for _ in range(2):
        with bench.process() as process:
            placed.append(process.place(spec, data))
            handle = process.trainer.submit(spec, data, {})
            artifacts.append(process.trainer.artifact(handle))
            booked = process.book.history(10)
    everything, _ = bench.trainer().events(handle, "")
    return Life(spec, placed, states, told, list(everything), bench.jobs(), booked, artifacts)
