"""A training backend as the contract sees it: what a test may ask of any of them, and how each is brought into trouble."""

import asyncio
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest

from resources.llm.request import Completion, Request, chat
from resources.training.base import (
    Artifact,
    JobHandle,
    JobState,
    TrainingData,
    TrainingSpec,
)
from resources.training.endpoints import EndpointBook
from resources.training.resource import TrainersResource
from resources.training.serve import Endpoints
from resources.training.serving import ChatTarget, Deployer, EndpointHandle, StudentModel
from resources.training.trainer import Trainer
from tests.resources.training.contract.process import Process, no_wait

PATIENCE_SECONDS = 90.0
TTL_HOURS = 2.0

Trouble = Literal["network", "credentials"]
BadData = Literal["too few rows", "too long a row", "unknown hyperparameter"]


class Bench(ABC):
    """A backend on its emulator or in a folder of its own, with a specification and rows that it trains."""

    backend: ClassVar[str]
    exempt: ClassVar[Mapping[str, str]] = {}
    """Scenarios that the backend cannot get into, and why."""

    pause_seconds: ClassVar[float] = 0.0
    """What passes between two looks at a job. An emulator's jobs go on when they are looked at."""

    spec: TrainingSpec
    data: TrainingData

    def __init__(self, folder: Path):
        self.folder = folder
        self.hours = 0.0
        self.started = datetime.now(UTC).replace(microsecond=0)

    def require(self, *scenarios: str) -> None:
        """Skips a test whose scenario there is none of."""
        for scenario in scenarios:
            if scenario in self.exempt:
                pytest.skip(f"{self.backend}: {self.exempt[scenario]}")

    @abstractmethod
    def trainers(self, process: int = 0) -> TrainersResource:
        """The trainers as a new process makes them; `process` tells forks apart."""

    def trainer(self) -> Trainer:
        return self.trainers().get(self.backend)

    def deployer(self) -> Deployer:
        return self.trainers().deployer(self.backend)

    @property
    def ledger_url(self) -> str:
        return f"sqlite:///{self.folder / 'ledger.db'}"

    @contextmanager
    def process(self, number: int = 0, sleep: Callable[[float], None] = no_wait) -> Generator[Process]:
        trainers = self.trainers(number)
        with trainers.book() as book:
            yield Process(trainers, self.backend, book, sleep=sleep)

    # What the service has and was asked for.

    @abstractmethod
    def requests(self) -> int:
        """How often the service was asked; files, where the service is a folder."""

    @abstractmethod
    def jobs(self) -> list[str]:
        """Every job that was ever made."""

    @abstractmethod
    def alive(self) -> list[str]:
        """The jobs that run or have made a model."""

    def uploads(self) -> list[str]:
        """What of rows lies at the service."""
        return []

    # What becomes of jobs.

    @abstractmethod
    def endless(self) -> TrainingSpec:
        """A specification whose job does not end by itself, from now on."""

    @abstractmethod
    def ended(self, phase: str) -> tuple[JobHandle, str]:
        """A job that was brought to an end, and the service's words for it."""

    @abstractmethod
    def without_artifact(self) -> JobHandle:
        """A job that succeeded and whose model is not there."""

    def lose_answer(self, kind: str) -> None:
        """The next order for a job is carried out, and its answer lost."""
        raise NotImplementedError

    def lose_order(self) -> None:
        """The next order for a job comes to nothing, after everything that precedes it."""
        raise NotImplementedError

    def confuse(self) -> str:
        """From now on jobs get into a state of this name, which nobody knows, and stay there."""
        raise NotImplementedError

    def clear_up(self) -> None:
        """Jobs go on to their success."""
        raise NotImplementedError

    def fill(self) -> None:
        """There is no room for another job."""
        raise NotImplementedError

    def make_room(self) -> None:
        raise NotImplementedError

    def silence(self, trouble: Trouble) -> None:
        """The service cannot be asked."""
        raise NotImplementedError

    def heal(self) -> None:
        """The service can be asked again."""
        raise NotImplementedError

    @abstractmethod
    def bad(self, what: BadData) -> tuple[TrainingSpec, TrainingData]:
        """What a preflight has to refuse."""

    def pause(self) -> None:
        """Lets a job go on that takes its time."""
        time.sleep(self.pause_seconds)

    def follow(self, handle: JobHandle) -> JobState:
        """Polls a job until it is over."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (state := self.trainer().poll(handle)).terminal:
            assert time.monotonic() < deadline, f"{handle.job_id} does not end: {state}"
            self.pause()
        return state

    # Students and endpoints.

    @property
    def base(self) -> StudentModel:
        return StudentModel(self.backend, self.spec.base_model)

    def student(self) -> StudentModel:
        """A tuned student as the registry has it."""
        handle, _ = self.ended("succeeded")
        return self.student_of(self.trainer().artifact(handle))

    def student_of(self, artifact: Artifact) -> StudentModel:
        return StudentModel(
            self.backend, self.spec.base_model, self.spec.idem(), artifact.location, artifact.files, artifact.provenance
        )

    @abstractmethod
    def works_with(self, endpoint: EndpointHandle, model: StudentModel) -> str:
        """What an endpoint was told to load; what it answers, where nothing is told."""

    @abstractmethod
    def is_of(self, model: StudentModel) -> str:
        """What an endpoint of this student has to work with."""

    def endpoints(self) -> list[str]:
        """The endpoints there are."""
        return []

    def remains(self) -> list[str]:
        """Everything of endpoints that is at the service."""
        return []

    def cost(self) -> float:
        """What endpoints have cost so far (USD)."""
        return 0.0

    def lose_deployment(self, kind: str) -> None:
        """The next order for an endpoint is carried out, and its answer lost."""
        raise NotImplementedError

    def advance(self, hours: float) -> None:
        """Lets time pass at the service."""
        self.hours += hours

    def now(self) -> datetime:
        return self.started + timedelta(hours=self.hours)

    def settled(self, endpoint: EndpointHandle) -> str:
        """The phase of an endpoint once it has come up, or not."""
        for _ in range(20):
            if (state := self.deployer().status(endpoint)).phase != "creating":
                return state.phase
        return "creating"

    def ask(self, target: ChatTarget, question: str = "What is the fee of account 3?") -> Completion:
        async def work() -> Completion:
            request = Request("student", target.provider.identity, chat("Be brief.", question))
            try:
                return await target.provider.complete(request)
            finally:
                await target.provider.close()

        return asyncio.run(work())

    @contextmanager
    def endpoint_book(self) -> Generator[EndpointBook]:
        book = EndpointBook(self.ledger_url, self.now)
        try:
            yield book
        finally:
            book.close()

    # Processes that are killed, and that work at the same time.

    def killed(self, work: Callable[[Process], Any]) -> None:
        """Runs a work in a process that kills itself with kill -9 on the way."""
        child = self._fork(work, 1)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status), "it must have died of the kill"

    def at_once(self, *works: Callable[[Process], Any]) -> None:
        """Runs works in processes of their own, side by side, each to its end."""
        children = [self._fork(work, number) for number, work in enumerate(works, 1)]
        codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        assert codes == [0] * len(works)

    def _fork(self, work: Callable[[Process], Any], number: int) -> int:
        child = os.fork()
        if child:
            return child
        with suppress(BaseException), self.process(number, sleep=time.sleep) as process:
            work(process)
            os._exit(0)
        os._exit(3)

    def endpoints_of(self, process: Process, run_id: str) -> Endpoints:
        """Endpoints of a run whose clock is the service's."""
        return Endpoints(process.trainers, run_id, clock=self.now, sleep=no_wait)
