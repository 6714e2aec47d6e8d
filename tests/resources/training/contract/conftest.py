"""The benches of the contract: every test that takes `bench` runs once for every backend."""

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.resources.training.contract.azure_bench import AzureBench
from tests.resources.training.contract.bench import Bench
from tests.resources.training.contract.embedded_bench import EmbeddedBench
from tests.resources.training.contract.life import Life, live
from tests.resources.training.contract.local_bench import CAPITALS, LocalBench
from tests.resources.training.contract.sagemaker_bench import SageMakerBench

BACKENDS = ("embedded", "azure_openai", "sagemaker_jumpstart", "local")
NEEDED = {"azure_openai": "azure.mgmt.cognitiveservices", "sagemaker_jumpstart": "boto3", "local": "trl"}
"""A module of the extra that a backend needs."""


@dataclass
class Shared:
    """What is made once for all tests: a folder, and in it the lives that were lived already."""

    folder: Path
    lives: dict[str, Life] = field(default_factory=dict)


@dataclass(frozen=True)
class Benches:
    """Makes benches, and jobs that a new process saw at every step of their lives."""

    request: pytest.FixtureRequest
    shared: Shared

    def make(self, backend: str, folder: Path) -> Bench:
        if backend in NEEDED:
            pytest.importorskip(NEEDED[backend], reason="needs the backend's extra")
        if backend == "azure_openai":
            self.request.getfixturevalue("azure_environment")
            return AzureBench(folder, self.request.getfixturevalue("emulator"))
        if backend == "sagemaker_jumpstart":
            return SageMakerBench(folder, self.request.getfixturevalue("sagemaker"))
        if backend == "local":
            return LocalBench(folder, *self._tiny(), self._finished)
        return EmbeddedBench(folder)

    def lived(self, backend: str) -> Life:
        lives = self.shared.lives
        if backend not in lives:
            folder = self.shared.folder / backend
            folder.mkdir(exist_ok=True)
            lives[backend] = live(self.make(backend, folder))
        return lives[backend]

    def _finished(self) -> Path:
        self.lived("local")
        return self.shared.folder / "local" / "models"

    def _tiny(self) -> tuple[Path, dict[str, object]]:
        """The folder of a base model made at random, and hyperparameters with which it learns."""
        place = Path(__file__).parents[1] / "local" / "tiny.py"
        spec = importlib.util.spec_from_file_location("tiny_local_model", place)
        assert spec is not None
        assert spec.loader is not None
        tiny = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(tiny)
        bases = self.shared.folder / "bases"
        if not bases.exists():
            tiny.build(bases / "tiny", [text for pair in CAPITALS.items() for text in pair] + ["Capital of ?"])
        return bases, tiny.HYPERPARAMETERS


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Shared:
    return Shared(tmp_path_factory.mktemp("contract"))


@pytest.fixture
def benches(request: pytest.FixtureRequest, shared: Shared) -> Benches:
    return Benches(request, shared)


@pytest.fixture(params=BACKENDS)
def bench(request: pytest.FixtureRequest, benches: Benches, tmp_path: Path) -> Iterator[Bench]:
    """A backend with nothing at its service."""
    made = benches.make(request.param, tmp_path)
    yield made
    if isinstance(made, LocalBench):
        made.stop()


@pytest.fixture
def life(bench: Bench, benches: Benches) -> Life:
    """A job of the backend that another process saw at every step."""
    return benches.lived(bench.backend)
