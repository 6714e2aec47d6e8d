"""A process of raftline as the contract starts it, and how it dies."""

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field

from resources.training.base import JobEvent, Quote, TrainingData, TrainingSpec
from resources.training.book import Order, TrainingBook
from resources.training.placing import Placed, place
from resources.training.resource import TrainersResource
from resources.training.trainer import Trainer
from resources.training.watching import JobWatch


def no_wait(_seconds: float) -> None:
    """The waits of watching and placing; nothing of a test has to pass meanwhile."""


@dataclass(frozen=True)
class Process:
    """What a process of raftline holds that has just started: nothing but the settings and the book."""

    trainers: TrainersResource
    backend: str
    book: TrainingBook
    told: list[JobEvent] = field(default_factory=list)
    sleep: Callable[[float], None] = no_wait

    @property
    def trainer(self) -> Trainer:
        return self.trainers.get(self.backend)

    @property
    def watch(self) -> JobWatch:
        return JobWatch(self.trainer, self.book, self.trainers.options.jobs, self.told.append, self.sleep)

    def place(self, spec: TrainingSpec, data: TrainingData) -> Placed:
        tags = {"owner": "tests", "run": "run-1"}
        return place(self.watch, spec, data, Order("recipe", "run-1"), tags, lambda: Quote(None, "not asked"))


def kill_me(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)
