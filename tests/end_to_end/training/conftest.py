"""A home whose recipes name every backend: hosted ones on their emulators, local on a tiny model made at random."""

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from resources.training.sweeping import Sweep
from tests.end_to_end.conftest import ROOT, Demo, Outcome
from tests.end_to_end.homes import rows
from tests.end_to_end.training.home import Home, Warm, recipe_name
from tests.end_to_end.training.services import HOSTED, Services, variables

TTL_HOURS = 2
"""How long an endpoint of an evaluation lives, unless somebody takes it down."""


@pytest.fixture(scope="module")
def services(emulator_process: Any, sagemaker_process: Any) -> Services:
    pytest.importorskip("azure.mgmt.cognitiveservices", reason="needs the extra azure")
    pytest.importorskip("boto3", reason="needs the extra sagemaker")
    emulator_process.reset()
    sagemaker_process.reset()
    return Services(emulator_process, sagemaker_process)


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warm]:
    command = [sys.executable, str(Path(__file__).with_name("warm.py"))]
    shell = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=shell) as process:
        yield Warm(process)
        assert process.stdin is not None
        process.stdin.close()


@pytest.fixture(scope="module")
def home(small_home: Demo, services: Services, warm: Warm, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A copy of the small home with a recipe for every backend."""
    folder = tmp_path_factory.mktemp("trainers")
    shutil.copytree(small_home.home, folder / "home")
    shutil.copytree(ROOT / "recipes", folder / "recipes")
    trainers: dict[str, Any] = {
        "azure_openai": services.azure.trainer(
            evaluation_sku="Standard", usd_per_hour={"Standard": 1.7}, expected_minutes=0
        ),
        "sagemaker_jumpstart": services.sagemaker.trainer(tokens_per_second=1e9),
        # One of the emulators lives on a day of its own.
        "jobs": {"poll_seconds": 0.2, "in_run_minutes": 10_000_000, "deadline_hours": 1_000_000},
    }
    bases = {"azure_openai": "gpt-4o-mini-2024-07-18", "sagemaker_jumpstart": services.sagemaker.open}
    if importlib.util.find_spec("trl"):
        bases["local"] = "tiny"
        _tiny(folder / "bases" / "tiny", [row["text"] for row in rows(small_home.home, "corpus")])
        trainers["local"] = {
            "models_folder": str(folder / "bases"), "threads": 1, "serving": {"max_new_tokens": 4}
        }  # fmt: skip
    for backend, base in bases.items():
        _write_recipe(folder / "recipes", backend, base)
    config = folder / "raftline.yaml"
    content = {"recipes": str(folder / "recipes"), "trainers": trainers, "evaluation": {"generated_limit": 4}}
    config.write_text(yaml.safe_dump(content), encoding="utf-8")
    return Home(folder / "home", config, variables(services), warm)


def _write_recipe(recipes: Path, backend: str, base: str) -> None:
    steps = {"max_steps": 2, "batch_size": 1, "gradient_accumulation": 1, "lora_r": 2} if backend == "local" else {}
    recipe = {
        "name": recipe_name(backend),
        "dataset": {"k": 2, "seed": 7},
        "training": {
            "backend": backend,
            "base_model": base,
            "hyperparameters": steps,
            "terms": {"student_licence": "made by a test", "eula_accepted_by": "a test"},
        },
    }
    (recipes / f"{recipe['name']}.yaml").write_text(yaml.safe_dump(recipe), encoding="utf-8")


def _tiny(folder: Path, texts: list[str]) -> None:
    place = ROOT / "tests" / "resources" / "training" / "local" / "tiny.py"
    spec = importlib.util.spec_from_file_location("tiny_local_model", place)
    assert spec is not None
    assert spec.loader is not None
    tiny = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tiny)
    tiny.build(folder, texts, positions=16384, vocabulary=1500, hidden=32, layers=1)


@dataclass
class Ordeal:
    """What was seen while refreshes were killed one after another, and after the one that came to its end."""

    home: Home
    killed_in_training: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    killed_in_evaluation: dict[str, list[str]] = field(default_factory=dict)
    loaded: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    sweeps: list[Sweep] = field(default_factory=list)
    after_sweeps: list[dict[str, list[str]]] = field(default_factory=list)
    spent: list[dict[str, float]] = field(default_factory=list)
    ends: list[Outcome] = field(default_factory=list)
    orders: list[int] = field(default_factory=list)
    jobs: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    left: dict[str, list[str]] = field(default_factory=dict)


@pytest.fixture(scope="module")
def ordeal(home: Home, services: Services) -> Ordeal:
    """The whole graph with every backend; on the way it is killed while each service trains, and while it evaluates."""
    seen = Ordeal(home)
    for backend in HOSTED:
        services.keep_training()
        home.stop_when(partial(services.running, backend), signal.SIGKILL, "refresh")
        seen.killed_in_training[backend] = services.jobs(backend)
        services.finish_training()
        home.stop_when(partial(services.asked, backend), signal.SIGKILL, "refresh")
        seen.killed_in_evaluation[backend] = services.endpoints(backend)
        seen.loaded[backend] = services.loaded(backend)
    for passed, hours in ((1, 1), (TTL_HOURS, TTL_HOURS + 1)):
        services.advance(passed)
        seen.sweeps.append(home.sweep(hours))
        seen.after_sweeps.append({backend: services.endpoints(backend) for backend in HOSTED})
    for _ in range(2):
        services.advance(hours=100)
        seen.spent.append({backend: services.cost(backend) for backend in HOSTED})
    for _ in range(2):
        seen.ends.append(home.run("refresh"))
        seen.orders.append(len(services.orders()))
    seen.jobs = {backend: services.jobs(backend) for backend in HOSTED}
    seen.left = {backend: services.endpoints(backend) for backend in HOSTED}
    return seen
