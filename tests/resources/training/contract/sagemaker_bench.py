"""SageMaker JumpStart on its emulator."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from resources.training.base import JobHandle, TrainingData, TrainingSpec
from resources.training.options import JobOptions, ServingOptions, TrainerOptions
from resources.training.resource import TrainersResource
from resources.training.serving import EndpointHandle, StudentModel
from tests.resources.training.contract.bench import TTL_HOURS, BadData, Bench, Trouble

_WORDS = "AlgorithmError: ExecuteUserScriptError: row 3 is not allowed"
_FULL = (
    "The account-level service limit 'ml.g5.2xlarge for spot training job usage' is 2 Instances, with current "
    "utilization of 2"
)
_TEMPLATE = {"prompt": "{instruction}\n\n{context}", "completion": "{response}"}


def _row(number: int, context: str = "What is the fee?") -> bytes:
    fields = {"instruction": "Be brief.", "context": context, "response": f"<ANSWER>: {number} euros"}
    return json.dumps(fields).encode() + b"\n"


class SageMakerBench(Bench):
    backend = "sagemaker_jumpstart"
    exempt: ClassVar[Mapping[str, str]] = {}

    def __init__(self, folder: Path, sagemaker: Any):
        super().__init__(folder)
        self._sagemaker = sagemaker
        self._rules: list[dict[str, Any]] = []
        self.spec = TrainingSpec("sagemaker_jumpstart", sagemaker.open, "d1")
        self.data = self._rows(b"".join(_row(number) for number in range(12)))

    def trainers(self, process: int = 0) -> TrainersResource:
        # A fork must not share its parent's connections, and clients are shared by equal settings.
        given = self._sagemaker.trainer(polling_seconds=0.01 + process / 1000, deletion_seconds=1)
        options = TrainerOptions.model_validate(
            {"sagemaker_jumpstart": given, "jobs": JobOptions(poll_seconds=0.001).model_dump()}
        )
        serving = ServingOptions(evaluation_ttl_minutes=TTL_HOURS * 60)
        return TrainersResource(
            folder=str(self.folder / "models"), ledger_url=self.ledger_url, options=options, serving=serving
        )

    def requests(self) -> int:
        return len(self._sagemaker.served())

    def jobs(self) -> list[str]:
        return [job["name"] for job in self._sagemaker.state()["jobs"]]

    def alive(self) -> list[str]:
        over = ("Failed", "Stopped")
        return [job["name"] for job in self._sagemaker.state()["jobs"] if job["status"] not in over]

    def uploads(self) -> list[str]:
        return self._sagemaker.objects(self._sagemaker.prefix)

    def endless(self) -> TrainingSpec:
        self._sagemaker.configure(jobs=[*self._rules, {"hold": "Training"}])
        return self.spec

    def ended(self, phase: str) -> tuple[JobHandle, str]:
        ends = {"failed": {"status": "Failed", "reason": _WORDS}, "cancelled": {"status": "Stopped"}}
        self._rules = [{**ends[phase], "times": 1}] if phase in ends else []
        self._sagemaker.configure(jobs=self._rules)
        handle = self.trainer().submit(self.spec, self.data, {})
        self.follow(handle)
        return handle, _WORDS if phase == "failed" else ""

    def without_artifact(self) -> JobHandle:
        handle, _ = self.ended("succeeded")
        [job] = self._sagemaker.state()["jobs"]
        self._sagemaker.remove(job["artifact"])
        return handle

    def lose_answer(self, kind: str) -> None:
        self._fault(kind=kind, operation="CreateTrainingJob", when="after", times=1)

    def lose_order(self) -> None:
        self._fault(kind="500", operation="CreateTrainingJob", times=1)

    def confuse(self) -> str:
        self._sagemaker.configure(jobs=[{"status": "Rethinking"}])
        return "Rethinking"

    def clear_up(self) -> None:
        self._sagemaker.configure(jobs=[{"interruptions": 1}])  # a longer life, which goes on from here

    def fill(self) -> None:
        self._fault(kind="ResourceLimitExceeded", operation="CreateTrainingJob", message=_FULL)

    def make_room(self) -> None:
        self._sagemaker.configure(faults=[])

    def silence(self, trouble: Trouble) -> None:
        if trouble == "network":
            self._fault(kind="501")  # boto3 would repeat a 503 for seconds
        else:
            self._sagemaker.configure(credentials="expired")

    def heal(self) -> None:
        self._sagemaker.configure(faults=[], credentials="valid")

    def bad(self, what: BadData) -> tuple[TrainingSpec, TrainingData]:
        if what == "unknown hyperparameter":
            return replace(self.spec, hyperparameters=(("warmth", 3),)), self.data
        if what == "too few rows":
            return self.spec, self._rows(_row(1) * 3)
        train = self.data.files["train.jsonl"] + _row(1, "why " * 900)
        return replace(self.spec, base_model=self._sagemaker.short), self._rows(train)

    def works_with(self, endpoint: EndpointHandle, model: StudentModel) -> str:
        assert not self.ask(self.deployer().target(endpoint, model, self.data)).real
        [told] = [one for one in self._sagemaker.state()["endpoints"] if one["name"] == endpoint.name]
        loaded = told["loaded"]
        return loaded["uri"] if loaded["job"] else f"the hub's {loaded['uri'].split('/')[3]}"

    def is_of(self, model: StudentModel) -> str:
        [job] = self._sagemaker.state()["jobs"]
        return job["artifact"] if model.location else f"the hub's {model.base_model.split('/')[0]}"

    def endpoints(self) -> list[str]:
        return [one["name"] for one in self._sagemaker.state()["endpoints"]]

    def remains(self) -> list[str]:
        state = self._sagemaker.state()
        return [*self.endpoints(), *state["configs"], *state["models"]]

    def cost(self) -> float:
        return self._sagemaker.cost()["endpoints"]

    def lose_deployment(self, kind: str) -> None:
        self._fault(kind=kind, operation="CreateEndpoint", when="after", times=1)

    def advance(self, hours: float) -> None:
        super().advance(hours)
        self._sagemaker.advance(hours=hours)

    def _fault(self, **fault: Any) -> None:
        self._sagemaker.configure(faults=[fault])

    def _rows(self, train: bytes) -> TrainingData:
        files = {"train.jsonl": train, "validation.jsonl": _row(99), "template.json": json.dumps(_TEMPLATE).encode()}
        return TrainingData((), (), files)
