"""The benches of the contract: every test that takes `bench` runs once for every backend."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.resources.training.contract.azure_bench import AzureBench
from tests.resources.training.contract.bench import Bench, Life, live
from tests.resources.training.contract.embedded_bench import EmbeddedBench

BACKENDS = ("embedded", "azure_openai")


def _bench(backend: str, folder: Path, request: pytest.FixtureRequest) -> Bench:
    if backend == "azure_openai":
        pytest.importorskip("azure.mgmt.cognitiveservices", reason="needs the azure extra")
        request.getfixturevalue("azure_environment")
        return AzureBench(folder, request.getfixturevalue("emulator"))
    return EmbeddedBench(folder)


@pytest.fixture(params=BACKENDS)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """A backend with nothing at its service."""
    made = _bench(request.param, tmp_path, request)
    yield made
    made.close()


@pytest.fixture(scope="session")
def _lives() -> dict[str, Life]:
    """The lives that were lived already."""
    return {}


@pytest.fixture
def life(bench: Bench, _lives: dict[str, Life]) -> Life:
    """A job of the backend with a new process at every step of its life."""
    if bench.backend not in _lives:
        _lives[bench.backend] = live(bench)
    return _lives[bench.backend]
