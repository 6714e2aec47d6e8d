"""The endpoint serves the tuned weights: told from what each cloud's emulator was asked to load.

What was trained at an emulator is stamped and cannot be promoted, so `keep_up` is driven with its students directly.
"""

import json
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from assets.serving.endpoint import keep_up
from assets.serving.smoke import put_smoke_question
from orchestration.champion_view import Address, address_of
from resources.lake.lake import Lake
from resources.llm.resource import ModelsResource
from resources.training.azure_openai.options import AzureTrainerOptions
from resources.training.base import TrainingData, TrainingSpec
from resources.training.endpoints import EndpointBook
from resources.training.options import JobOptions, ServingOptions, TrainerOptions
from resources.training.resource import TrainersResource
from resources.training.sagemaker_jumpstart.options import SageMakerTrainerOptions
from resources.training.serve import Endpoints
from resources.training.serving import StudentModel
from resources.training.sweeping import sweep


@pytest.fixture
def make_trainers(tmp_path) -> Callable[..., TrainersResource]:
    """Trainers of a home that keeps its champion up, with the sections of hosted backends."""

    def make(**sections: Any) -> TrainersResource:
        return TrainersResource(
            folder=str(tmp_path / "models"),
            ledger_url=f"sqlite:///{tmp_path / 'ledger.db'}",
            options=TrainerOptions(jobs=JobOptions(poll_seconds=0.01), **sections),
            serving=ServingOptions(champion=True),
        )

    return make


@pytest.fixture
def train() -> Callable[..., StudentModel]:
    """Trains a student at an emulator."""

    def run(trainers: TrainersResource, backend: str, base: str, files: dict[str, bytes], **options: Any):
        trainer = trainers.get(backend)
        seed = options.pop("seed", 1)
        spec = TrainingSpec(backend, base, "d1", seed=seed, options=tuple(sorted(options.items())))
        handle = trainer.submit(spec, TrainingData((), (), files), {})
        while not trainer.poll(handle).terminal:
            pass
        made = trainer.artifact(handle)
        return StudentModel(backend, base, spec.idem(), made.location, made.files, made.provenance)

    return run


@pytest.fixture
def keep(lake: Lake) -> Callable[..., Any]:
    """A run of model_endpoint for a champion, with its smoke question through the gateway."""

    def run(trainers: TrainersResource, student: StudentModel, run_id: str) -> Any:
        models = ModelsResource(ledger_url=trainers.ledger_url)

        def smoke(target: Any, name: str) -> None:
            with models.open(run_id) as opened:
                put_smoke_question(opened.target(target.provider), lake, name)

        endpoints = Endpoints(trainers, run_id)
        try:
            return keep_up(student, TrainingData((), ()), endpoints, smoke)
        finally:
            endpoints.book.close()

    return run


def swept(trainers: TrainersResource) -> list[Any]:
    with closing(EndpointBook(trainers.ledger())) as book:
        return sweep(trainers, book).removed


def chat_rows(count: int) -> bytes:
    turns = [
        [("system", "Answer."), ("user", f"What is the fee of account {number}?"), ("assistant", f"{number} euros")]
        for number in range(count)
    ]
    rows = [{"messages": [{"role": role, "content": text} for role, text in row]} for row in turns]
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


@pytest.mark.usefixtures("azure_environment")
def test_on_azure_the_deployment_loads_the_champions_own_model(emulator, make_trainers, train, keep) -> None:
    trainers = make_trainers(azure_openai=AzureTrainerOptions(**emulator.trainer(usd_per_hour={"Standard": 1.7})))
    files = {"train.jsonl": chat_rows(12), "validation.jsonl": chat_rows(10)}
    first, second = (train(trainers, "azure_openai", "gpt-4o-mini-2024-07-18", files, seed=seed) for seed in (1, 2))
    assert first.location != second.location

    kept = keep(trainers, first, "run-1")
    [told] = emulator.deployments()
    assert (told["loaded"], told["tags"]["purpose"], told["tags"]["expires_at"]) == (
        [first.location], "serving", "never",
    )  # fmt: skip
    assert first.location in {exchange.get("model") for exchange in emulator.served()}, "the smoke question reached it"
    assert kept.endpoint.name == told["name"]
    assert address_of(trainers, first) == Address(f"{emulator.url}/openai/v1", told["name"], "AZURE_OPENAI_API_KEY")
    assert "still serves" in address_of(trainers, second).note

    keep(trainers, second, "run-2")
    alive = [one for one in emulator.deployments() if one["alive"]]
    assert [one["loaded"] for one in alive] == [[second.location]]
    emulator.advance(hours=10)
    assert swept(trainers) == []
    assert emulator.cost_usd() == pytest.approx(17.0)
    with closing(EndpointBook(trainers.ledger())) as book:
        assert book.serving().model_id == second.model_id


def test_on_sagemaker_the_endpoint_loads_the_jobs_own_artifact(sagemaker, make_trainers, train, keep) -> None:
    trainers = make_trainers(sagemaker_jumpstart=SageMakerTrainerOptions(**sagemaker.trainer()))
    rows = [
        {"instruction": f"What is {number}?", "context": "A page.", "response": str(number)} for number in range(12)
    ]
    template = {"prompt": "{instruction}\n{context}", "completion": "{response}"}
    files = {
        "train.jsonl": b"".join(json.dumps(row).encode() + b"\n" for row in rows),
        "template.json": json.dumps(template).encode(),
    }
    first, second = (train(trainers, "sagemaker_jumpstart", sagemaker.open, files, seed=seed) for seed in (1, 2))
    artifacts = {job["name"]: job["artifact"] for job in sagemaker.state()["jobs"]}
    assert len(set(artifacts.values())) == 2

    keep(trainers, first, "run-1")
    [serving] = sagemaker.state()["endpoints"]
    assert first.model_id in serving["loaded"]["uri"]

    kept = keep(trainers, second, "run-2")
    [serving] = sagemaker.state()["endpoints"]
    assert second.model_id in serving["loaded"]["uri"]
    assert kept.endpoint.name == serving["name"]
    assert address_of(trainers, second) == Address(
        "http://127.0.0.1:8090/v1", "champion", note="while `raftline serve` runs"
    )
    assert len(sagemaker.state()["models"]) == len(sagemaker.state()["configs"]) == 1
    sagemaker.advance(days=3)
    assert swept(trainers) == []


def test_a_champion_whose_backend_is_not_set_up_any_more_is_shown_all_the_same() -> None:
    champion = StudentModel("sagemaker_jumpstart", "open-reader/1.0.0", "0a1b2c3d", "s3://bucket/model")
    address = address_of(TrainersResource(folder=""), champion)
    assert address.base_url == "http://127.0.0.1:8090/v1"
    assert "SageMaker JumpStart is not configured" in address.note
