"""A JumpStart trainer and deployer on the emulator, each as a process that has just started would make them."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from resources.training.base import TERMINAL, JobHandle, JobState, TrainingData, TrainingSpec
from resources.training.options import TrainerOptions
from resources.training.resource import TrainersResource
from resources.training.sagemaker_jumpstart.deployer import SageMakerDeployer
from resources.training.sagemaker_jumpstart.trainer import SageMakerTrainer
from resources.training.serving import EndpointHandle, EndpointState, StudentModel

TEMPLATE = {"prompt": "{instruction}\n\n{context}", "completion": "{response}"}
EXPIRY = datetime(2026, 12, 1, 12, tzinfo=UTC)


@pytest.fixture
def resource(sagemaker) -> Callable[..., TrainersResource]:
    """The trainers with the settings of the emulator; more settings may be given."""

    made: dict[str, TrainersResource] = {}

    def make(**more: Any) -> TrainersResource:
        if repr(more) not in made:
            options = TrainerOptions.model_validate({"sagemaker_jumpstart": sagemaker.trainer(**more)})
            made[repr(more)] = TrainersResource(folder="", options=options)
        return made[repr(more)]

    return make


@pytest.fixture
def trainer(resource) -> Callable[..., SageMakerTrainer]:
    """Makes a trainer that remembers nothing."""
    return lambda **more: resource(**more).get("sagemaker_jumpstart")


@pytest.fixture
def deployer(resource) -> Callable[..., SageMakerDeployer]:
    """Makes a deployer that remembers nothing."""
    return lambda **more: resource(**more).deployer("sagemaker_jumpstart")


@pytest.fixture
def data() -> TrainingData:
    """Twelve rows and a validation row as instructions; the longest has its answer last."""
    rows = [
        {
            "instruction": "Answer from the documents.",
            "context": f"<DOCUMENT>The fee of account {number} is ${number}.50.</DOCUMENT>\nWhat is the fee of {number}?",
            "response": f"It says so. <ANSWER>: ${number}.50",
        }
        for number in range(13)
    ]
    lines = [json.dumps(row).encode() + b"\n" for row in rows]
    files = {
        "train.jsonl": b"".join(lines[:12]),
        "validation.jsonl": lines[12],
        "template.json": json.dumps(TEMPLATE).encode(),
    }
    return TrainingData((), (), files)


@pytest.fixture
def spec(sagemaker) -> Callable[..., TrainingSpec]:
    """Makes a specification for the open model."""

    def make(**more: Any) -> TrainingSpec:
        pairs = {name: tuple(more.pop(name, {}).items()) for name in ("hyperparameters", "options")}
        given = {"base_model": sagemaker.open, "dataset_version": "data-1", **more}
        return TrainingSpec("sagemaker_jumpstart", **given, **pairs)

    return make


@pytest.fixture
def finish(trainer) -> Callable[[JobHandle], JobState]:
    """Polls a job to its end."""

    def finish(handle: JobHandle) -> JobState:
        for _ in range(30):
            state = trainer_now.poll(handle)
            if state.phase in TERMINAL:
                return state
        raise AssertionError(f"{handle.job_id} does not end")

    trainer_now = trainer()
    return finish


@pytest.fixture
def student(trainer, spec, data, finish) -> Callable[..., StudentModel]:
    """Trains a specification and gives its student."""

    def train(**more: Any) -> StudentModel:
        wanted = spec(**more)
        handle = trainer().submit(wanted, data, {"run": "run-1"})
        finish(handle)
        made = trainer().artifact(handle)
        return StudentModel(
            "sagemaker_jumpstart", wanted.base_model, wanted.idem(), made.location, made.files, made.provenance
        )

    return train


@pytest.fixture
def up(deployer) -> Callable[..., EndpointHandle]:
    """Deploys a student and waits until its endpoint is ready."""

    def deploy(model: StudentModel, name: str = "raftline-evaluation-1", **more: Any) -> EndpointHandle:
        made = deployer(**more)
        endpoint = made.deploy(model, name, "evaluation", EXPIRY, {"run": "run-1"})
        assert _settled(made, endpoint).phase == "ready"
        return endpoint

    return deploy


@pytest.fixture
def expiry() -> datetime:
    """When the endpoints of these tests are to go; add a `timedelta` for another moment."""
    return EXPIRY


@pytest.fixture
def later(expiry) -> datetime:
    return expiry + timedelta(hours=3)


def _settled(deployer: SageMakerDeployer, endpoint: EndpointHandle) -> EndpointState:
    state = deployer.status(endpoint)
    for _ in range(10):
        if state.phase != "creating":
            break
        state = deployer.status(endpoint)
    return state
