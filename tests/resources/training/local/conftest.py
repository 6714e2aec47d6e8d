"""A tiny base model made at random, jobs in a temporary folder, and one student that was trained for real."""

import importlib.util
import json
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from resources.training.base import JobEvent, JobHandle, JobState, TrainingData, TrainingSpec
from resources.training.local.job_folder import JobFolder
from resources.training.local.options import LocalTrainerOptions
from resources.training.local.trainer import LocalTrainer

CAPITALS = {"France": "Paris", "Spain": "Madrid", "Italy": "Rome", "Peru": "Lima"}
"""What the student learns."""

STEPS = 60


@pytest.fixture(scope="session")
def tiny() -> ModuleType:
    """The builder of tiny models: `tiny.build(folder, texts)`, `tiny.HYPERPARAMETERS`."""
    spec = importlib.util.spec_from_file_location("tiny_local_model", Path(__file__).with_name("tiny.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def tiny_base(tiny: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of base models that holds one, `tiny`, whose tokenizer knows the words of `capitals`. Not to be changed."""
    folder = tmp_path_factory.mktemp("bases")
    tiny.build(folder / "tiny", [text for pair in CAPITALS.items() for text in pair] + ["Capital of ?"])
    return folder


def turns(country: str) -> list[dict[str, str]]:
    return [{"role": "system", "content": "Be brief."}, {"role": "user", "content": f"Capital of {country}?"}]


def chat_rows(repeats: int) -> bytes:
    rows = [
        {"messages": [*turns(country), {"role": "assistant", "content": city}]} for country, city in CAPITALS.items()
    ]
    return "".join(json.dumps(row) + "\n" for row in rows * repeats).encode()


@pytest.fixture(scope="session")
def capitals() -> TrainingData:
    """32 rows that teach four capitals, and four to validate on."""
    return TrainingData((), (), {"train.jsonl": chat_rows(8), "validation.jsonl": chat_rows(1)})


class Jobs:
    """A trainer in a folder of its own, and what can be done to its jobs from outside."""

    def __init__(self, folder: Path, bases: Path, hyperparameters: dict[str, Any]):
        self.folder = folder
        self._bases = bases
        self._hyperparameters = hyperparameters

    def trainer(self, **options: Any) -> LocalTrainer:
        """As another process would make it; nothing is shared but the folder."""
        settings = LocalTrainerOptions(models_folder=str(self._bases), threads=1, **options)
        return LocalTrainer(folder=str(self.folder), options=settings)

    def spec(self, parent: str = "", base_model: str = "tiny", **changes: Any) -> TrainingSpec:
        chosen = {**self._hyperparameters, "max_steps": STEPS, **changes}
        return TrainingSpec("local", base_model, "dataset-1", tuple(sorted(chosen.items())), seed=7, parent=parent)

    def job(self, handle: JobHandle) -> JobFolder:
        return JobFolder(self.folder / handle.job_id)

    def kill(self, handle: JobHandle) -> None:
        """`kill -9` of the job's process; returns once it is gone."""
        job = self.job(handle)
        status = job.status()
        assert status is not None
        assert status.pid > 1
        os.kill(status.pid, signal.SIGKILL)
        wait_until(lambda: not job.alive)

    def wait(self, handle: JobHandle, **options: Any) -> JobState:
        """Polls until the job is over."""
        trainer, state = self.trainer(**options), JobState("pending", "")

        def over() -> bool:
            nonlocal state
            state = trainer.poll(handle)
            return state.terminal

        wait_until(over)
        return state

    def processes(self, handle: JobHandle) -> list[int]:
        """The processes that were started on a job and live."""
        found = []
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = entry.read_bytes().split(b"\0")
            except OSError:
                continue
            if b"resources.training.local.job" in words and str(self.job(handle).path.resolve()).encode() in words:
                found.append(int(entry.parent.name))
        return found


def wait_until(condition: Callable[[], bool], seconds: float = 90.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


@pytest.fixture
def jobs(tmp_path: Path, tiny: ModuleType, tiny_base: Path) -> Iterator[Jobs]:
    """Jobs in an empty folder; what still runs at the end is stopped."""
    made = Jobs(tmp_path / "models", tiny_base, tiny.HYPERPARAMETERS)
    yield made
    left = [JobFolder(path) for path in (tmp_path / "models").glob("*")]
    for job in left:
        job.request_cancel()
    wait_until(lambda: not any(job.alive for job in left))


@dataclass(frozen=True)
class Life:
    """A job that was killed in the middle, noticed, submitted again and finished: what was seen on the way."""

    jobs: Jobs
    handle: JobHandle
    after_kill: JobState
    checkpoint_step: int
    again: JobHandle
    end: JobState
    events: Sequence[JobEvent]


@pytest.fixture(scope="session")
def tiny_student(
    tmp_path_factory: pytest.TempPathFactory, tiny: ModuleType, tiny_base: Path, capitals: TrainingData
) -> Life:
    """A student that knows four capitals, although its process was killed right after its first checkpoint."""
    jobs = Jobs(tmp_path_factory.mktemp("students"), tiny_base, tiny.HYPERPARAMETERS)
    trainer, spec = jobs.trainer(restarts=0), jobs.spec()
    handle = trainer.submit(spec, capitals, {"owner": "tests"})
    job = jobs.job(handle)
    wait_until(lambda: any(job.checkpoints.glob("checkpoint-*/whole.json")))
    jobs.kill(handle)
    after_kill = trainer.poll(handle)
    checkpoint = job.last_checkpoint()
    again = jobs.trainer().submit(spec, capitals, {"owner": "tests"})
    end = jobs.wait(again)
    assert checkpoint is not None
    step = int(checkpoint.name.rpartition("-")[2])
    return Life(jobs, handle, after_kill, step, again, end, jobs.trainer().events(again, "")[0])
