"""The local trainer on a tiny model: processes of this machine that really train."""

import json
import os
import shutil
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from resources.training.base import JobHandle, TrainingData, TrainingSpec
from resources.training.local.job_folder import RUNNING_PHASES, JobFolder
from resources.training.local.options import LocalServingOptions, LocalTrainerOptions
from resources.training.options import JobOptions, TrainerOptions
from resources.training.resource import TrainersResource
from resources.training.serving import EndpointHandle, StudentModel
from tests.resources.training.contract.bench import PATIENCE_SECONDS, BadData, Bench

CAPITALS = {"France": "Paris", "Spain": "Madrid", "Italy": "Rome", "Peru": "Lima"}
_STEPS = 40
_FOREVER = 1_000_000
_NOBODY = "there is no service: it trains on this machine"
_IN_PROCESS = "students answer in this process: nothing is deployed"


def _row(country: str, city: str) -> bytes:
    turns = {"system": "Be brief.", "user": f"Capital of {country}?", "assistant": city}
    messages = [{"role": role, "content": content} for role, content in turns.items()]
    return json.dumps({"messages": messages}).encode() + b"\n"


class LocalBench(Bench):
    backend = "local"
    exempt: ClassVar[Mapping[str, str]] = {
        "a lost answer": _NOBODY,
        "upload": _NOBODY,
        "full": _NOBODY,
        "unreachable": _NOBODY,
        "unknown status": "nobody else writes the states of its jobs",
        "endpoints": _IN_PROCESS,
    }
    pause_seconds = 0.2

    def __init__(self, folder: Path, bases: Path, hyperparameters: Mapping[str, Any], finished: Callable[[], Path]):
        """`finished` tells the folder of models in which the job of `spec` has succeeded."""
        super().__init__(folder)
        self._bases = bases
        self._finished = finished
        self._chosen = {**hyperparameters, "max_steps": _STEPS}
        self.spec = TrainingSpec("local", "tiny", "d1", tuple(sorted(self._chosen.items())), seed=7)
        rows = b"".join(_row(country, city) for country, city in CAPITALS.items())
        self.data = TrainingData((), (), {"train.jsonl": rows * 8, "validation.jsonl": rows})

    @property
    def models(self) -> Path:
        return self.folder / "models"

    def trainers(self, process: int = 0) -> TrainersResource:
        options = LocalTrainerOptions(
            models_folder=str(self._bases), threads=1, restarts=0, serving=LocalServingOptions(max_new_tokens=4)
        )
        return TrainersResource(
            folder=str(self.models),
            ledger_url=self.ledger_url,
            options=TrainerOptions(local=options, jobs=JobOptions(poll_seconds=0.05)),
        )

    def requests(self) -> int:
        return len(list(self.models.rglob("*")))

    def jobs(self) -> list[str]:
        return sorted(job.path.name for job in self._folders())

    def alive(self) -> list[str]:
        return sorted(job.path.name for job in self._folders() if _runs(job) or job.manifest())

    def endless(self) -> TrainingSpec:
        self.spec = replace(self.spec, hyperparameters=tuple(sorted({**self._chosen, "max_steps": _FOREVER}.items())))
        return self.spec

    def ended(self, phase: str) -> tuple[JobHandle, str]:
        if phase == "succeeded":
            self.models.mkdir(exist_ok=True)
            shutil.copytree(self._finished() / self.spec.idem(), self.models / self.spec.idem())
            return self._found(), ""
        handle = self.trainer().submit(self.endless(), self.data, {})
        job = JobFolder(self.models / handle.job_id)
        if phase == "cancelled":
            job.request_cancel()
        else:
            _kill(job)
        self.follow(handle)
        return handle, "its process died at step" if phase == "failed" else "cancelled"

    def without_artifact(self) -> JobHandle:
        handle, _ = self.ended("succeeded")
        (self.models / handle.job_id / "merged" / "model.safetensors").unlink()
        return handle

    def bad(self, what: BadData) -> tuple[TrainingSpec, TrainingData]:
        if what == "unknown hyperparameter":
            return replace(self.spec, hyperparameters=(("warmth", 3),)), self.data
        train = self.data.files["train.jsonl"]
        rows = train[: train.index(b"\n") + 1] if what == "too few rows" else train + _row("why " * 400, "so")
        return self.spec, TrainingData((), (), {"train.jsonl": rows})

    def works_with(self, endpoint: EndpointHandle, model: StudentModel) -> str:
        target = self.deployer().target(endpoint, model, self.data)
        answers = {country: self.ask(target, f"Capital of {country}?").text for country in CAPITALS}
        return "what it learned" if answers == CAPITALS else "what nobody taught it"

    def is_of(self, model: StudentModel) -> str:
        return "what it learned" if model.location else "what nobody taught it"

    def stop(self) -> None:
        """Ends what still runs on this machine."""
        running = [job for job in self._folders() if job.alive]
        for job in running:
            job.request_cancel()
        _wait(lambda: not any(job.alive for job in running))

    def _folders(self) -> list[JobFolder]:
        return [JobFolder(path) for path in self.models.glob("*") if path.is_dir()]

    def _found(self) -> JobHandle:
        found = self.trainer().find(self.spec)
        assert found is not None
        return found


def _runs(job: JobFolder) -> bool:
    status = job.status()
    return job.alive and status is not None and status.phase in RUNNING_PHASES


def _kill(job: JobFolder) -> None:
    status = job.status()
    assert status is not None
    assert status.pid > 1
    os.kill(status.pid, signal.SIGKILL)
    _wait(lambda: not job.alive)


def _wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
