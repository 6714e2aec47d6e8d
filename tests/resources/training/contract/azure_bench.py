"""Azure OpenAI on its emulator."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from resources.training.azure_openai.options import AzureTrainerOptions
from resources.training.base import JobHandle, TrainingData, TrainingSpec
from resources.training.options import JobOptions, ServingOptions, TrainerOptions
from resources.training.resource import TrainersResource
from resources.training.serving import EndpointHandle, StudentModel
from tests.resources.training.contract.bench import TTL_HOURS, BadData, Bench, Trouble

_CREATE = "POST /openai/v1/fine_tuning/jobs"
_WORDS = "Row 3 is not allowed"
_USD_PER_HOUR = {"Standard": 1.7}


def _row(number: int, question: str = "What is the fee of account") -> bytes:
    turns = {"system": "Be brief.", "user": f"{question} {number}?", "assistant": f"<ANSWER>: {number} euros"}
    messages = [{"role": role, "content": content} for role, content in turns.items()]
    return json.dumps({"messages": messages}).encode() + b"\n"


class AzureBench(Bench):
    backend = "azure_openai"
    exempt: ClassVar[Mapping[str, str]] = {}

    def __init__(self, folder: Path, emulator: Any):
        super().__init__(folder)
        self._emulator = emulator
        self.spec = TrainingSpec("azure_openai", "gpt-4o-mini-2024-07-18", "d1", (("n_epochs", 2),), seed=7)
        rows = [_row(number) for number in range(22)]
        self.data = TrainingData((), (), {"train.jsonl": b"".join(rows[:12]), "validation.jsonl": b"".join(rows[12:])})

    def trainers(self, process: int = 0) -> TrainersResource:
        # DeveloperTier, the default for evaluations, costs nothing by the hour.
        given = self._emulator.trainer(
            evaluation_sku="Standard", usd_per_hour=_USD_PER_HOUR, tokens_per_row=200, deletion_seconds=1
        )
        options = TrainerOptions(azure_openai=AzureTrainerOptions(**given), jobs=JobOptions(poll_seconds=0.001))
        serving = ServingOptions(evaluation_ttl_minutes=TTL_HOURS * 60)
        return TrainersResource(
            folder=str(self.folder / "models"), ledger_url=self.ledger_url, options=options, serving=serving
        )

    def requests(self) -> int:
        return len(self._emulator.served())

    def jobs(self) -> list[str]:
        return [job["id"] for job in self._emulator.jobs()]

    def alive(self) -> list[str]:
        return [job["id"] for job in self._emulator.jobs() if job["status"] not in ("failed", "cancelled")]

    def uploads(self) -> list[str]:
        return [file["filename"] for file in self._emulator.files() if file["purpose"] == "fine-tune"]

    def endless(self) -> TrainingSpec:
        self._emulator.configure(job_statuses=["pending", "running"])
        return self.spec

    def ended(self, phase: str) -> tuple[JobHandle, str]:
        error = {"code": "contentFilter", "message": _WORDS} if phase == "failed" else None
        self._emulator.configure(job_statuses=["pending", "running", phase], job_error=error)
        handle = self.trainer().submit(self.spec, self.data, {})
        self.follow(handle)
        return handle, _WORDS if error else ""

    def without_artifact(self) -> JobHandle:
        self._emulator.configure(names_model=False)
        return self.ended("succeeded")[0]

    def lose_answer(self, kind: str) -> None:
        self._emulator.configure(faults=[{"kind": kind, "path": _CREATE, "when": "after", "times": 1}])

    def lose_order(self) -> None:
        self._emulator.configure(faults=[{"kind": "500", "path": _CREATE, "times": 1}])

    def confuse(self) -> str:
        self._emulator.configure(job_statuses=["pending", "frobnicating"])
        return "frobnicating"

    def clear_up(self) -> None:
        self._emulator.configure(job_statuses=["pending", "frobnicating", "succeeded"])

    def fill(self) -> None:
        self._emulator.configure(job_slots=0)

    def make_room(self) -> None:
        self._emulator.configure(job_slots=5)

    def silence(self, trouble: Trouble) -> None:
        if trouble == "network":
            self._emulator.configure(faults=[{"kind": "503"}])
        else:
            self._emulator.configure(key="renewed elsewhere", expired_tokens=True)

    def heal(self) -> None:
        self._emulator.configure(faults=[], key=self._emulator.key, expired_tokens=False)

    def bad(self, what: BadData) -> tuple[TrainingSpec, TrainingData]:
        if what == "unknown hyperparameter":
            return replace(self.spec, hyperparameters=(("warmth", 3),)), self.data
        train = self.data.files["train.jsonl"]
        rows = _row(1) * 3 if what == "too few rows" else train + _row(1, "why " * 300)
        return self.spec, TrainingData((), (), {"train.jsonl": rows})

    def works_with(self, endpoint: EndpointHandle, model: StudentModel) -> str:
        target = self.deployer().target(endpoint, model, self.data)
        assert not self.ask(target).real
        [told] = [one for one in self._emulator.deployments() if one["name"] == endpoint.name and one["alive"]]
        assert told["loaded"] == [self._emulator.served()[-1]["model"]], "what answered is what was loaded"
        return told["loaded"][0]

    def is_of(self, model: StudentModel) -> str:
        [job] = self._emulator.jobs()
        return job["fine_tuned_model"] if model.location else model.base_model

    def endpoints(self) -> list[str]:
        return [one["name"] for one in self._emulator.deployments() if one["alive"]]

    def remains(self) -> list[str]:
        return self.endpoints()

    def cost(self) -> float:
        return self._emulator.cost_usd()

    def lose_deployment(self, kind: str) -> None:
        self._emulator.configure(faults=[{"kind": kind, "path": "PUT /subscriptions", "when": "after", "times": 1}])

    def advance(self, hours: float) -> None:
        super().advance(hours)
        self._emulator.advance(hours)
