"""What keeps a champion in service: endpoints of a run on a cloud in a folder, and a smoke question that is counted."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from assets.evaluation.champion import decide_champion
from assets.serving.endpoint import Kept, endpoint_row, keep_up
from resources.lake.lake import Lake
from resources.lake.tables import CHAMPION_MODEL, MODEL_REGISTRY
from resources.training.base import TrainingData
from resources.training.resource import TrainersResource
from resources.training.serve import Endpoints
from resources.training.serving import ChatTarget, DeploymentFailed, StudentModel

NO_DATA = TrainingData((), ())


@dataclass
class Service:
    """A home's service over several runs: what `keep_up` is told of the last one, and the smoke questions it put."""

    trainers: TrainersResource
    make: Callable[[TrainersResource, str], Endpoints]
    asked: list[str] = field(default_factory=list)
    mute: bool = False
    runs: int = 0
    row: dict[str, str] | None = None

    def keep(self, student: StudentModel, **serving: object) -> Kept:
        """One run of model_endpoint for this champion; `champion=True` unless said otherwise."""
        self.runs += 1
        options = self.trainers.serving.model_copy(update={"champion": True, **serving})
        trainers = self.trainers.model_copy(update={"serving": options})
        endpoints = self.make(trainers, f"run-{self.runs}")
        kept = keep_up(student, NO_DATA, endpoints, self._smoke, self.row)
        self.row = endpoint_row(kept, "a-recipe")
        return kept

    def _smoke(self, target: ChatTarget, name: str) -> None:
        self.asked.append(name)
        if self.mute:
            raise DeploymentFailed("its answer to a smoke question is of no use")


@pytest.fixture
def warnings() -> list[str]:
    return []


@pytest.fixture
def service(cloud_trainers, cloud, warnings) -> Iterator[Service]:
    """A service on the folder cloud; waiting moves its clock by a minute."""
    opened: list[Endpoints] = []

    def make(trainers: TrainersResource, run_id: str) -> Endpoints:
        made = Endpoints(trainers, run_id, warnings.append, cloud.now, lambda _: cloud.advance(minutes=1))
        opened.append(made)
        return made

    yield Service(cloud_trainers, make)
    for one in opened:
        one.book.close()


@pytest.fixture
def crown(lake: Lake) -> Callable[[str], None]:
    """Makes a student of the folder cloud champion in the lake."""

    def run(model_id: str) -> None:
        report = {"model_id": model_id, "promote": True, "sha256": model_id, "verdict": "wins"}
        report |= {"dataset_version": "d", "snapshot": "s"}
        row: dict[str, Any] = dict.fromkeys(MODEL_REGISTRY.schema.names, "")
        row |= {name: [] for name in ("artifact_files", "artifact_hashes", "training_rows")}
        row |= {"model_id": model_id, "recipe": "r", "backend": "cloud", "base_model": "gpt", "provenance": "{}"}
        lake.write(MODEL_REGISTRY, [*lake.rows_or_empty(MODEL_REGISTRY), row | {"stamp": None}])
        lake.write(CHAMPION_MODEL, decide_champion(lake.rows_or_empty(CHAMPION_MODEL), [], [report], "auto", {}))

    return run
