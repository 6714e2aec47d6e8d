"""What a killed evaluation leaves running at the clouds: nothing that outlives its expiry, by the clouds' own bills."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import dagster as dg
import pytest

from assets.partitions import training_recipes
from assets.training.assets import fine_tuned_model
from orchestration.settings import Settings
from orchestration.wiring import build_resources
from resources.lake.tables import CORPUS, EVALUATION_SET, FINE_TUNED_MODEL, RAFT_DATASET
from resources.training.endpoints import EndpointBook, utc_now
from resources.training.sweeping import Sweep, sweep

RECIPE = """\
name: student
training:
  backend: {backend}
  base_model: {base}
  terms: {{eula_accepted_by: ada@example.org, student_licence: Apache-2.0}}
"""
EVALUATE = """
import dagster as dg
from assets.evaluation.assets import model_answers
from orchestration.home import open_instance
from orchestration.settings import load_settings
from orchestration.wiring import build_resources
settings = load_settings()
with open_instance(settings) as instance:
    instance.add_dynamic_partitions("training_recipes", ["student"])
    resources = {key: build_resources(settings)[key] for key in ("lake", "folders", "models", "trainers")}
    dg.materialize([model_answers], resources=resources, instance=instance, partition_key="student")
"""
TTL_HOURS = 2.0


@dataclass(frozen=True)
class Place:
    """A cloud as its bill sees it. `quiet` lets every question meet a full quota: the evaluation waits in the middle."""

    backend: str
    base: str
    options: dict[str, Any]
    alive: Callable[[], list[str]]
    usd: Callable[[], float]
    advance: Callable[[float], None]
    quiet: Callable[[], None]
    asked: Callable[[], int]


@pytest.fixture
def place(request: pytest.FixtureRequest) -> Place:
    """One cloud or the other."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def azure_openai(emulator, azure_environment) -> Place:
    return Place(
        "azure_openai",
        "gpt-4o-mini-2024-07-18",
        emulator.trainer(evaluation_sku="Standard", usd_per_hour={"Standard": 1.7}),
        lambda: [one["name"] for one in emulator.deployments() if one["alive"]],
        emulator.cost_usd,
        emulator.advance,
        lambda: emulator.configure(faults=[{"kind": "429", "path": "chat/completions", "retry_after": 30}]),
        lambda: sum("chat/completions" in one["path"] for one in emulator.served()),
    )


@pytest.fixture
def sagemaker_jumpstart(sagemaker) -> Place:
    return Place(
        "sagemaker_jumpstart",
        sagemaker.open,
        sagemaker.trainer(),
        lambda: [*(one["name"] for one in sagemaker.state()["endpoints"]), *sagemaker.state()["models"]],
        lambda: sagemaker.cost()["endpoints"],
        lambda hours: sagemaker.advance(hours=hours),
        lambda: sagemaker.configure(faults=[{"kind": "throttle", "operation": "InvokeEndpoint"}]),
        lambda: len(sagemaker.served("InvokeEndpoint")),
    )


@pytest.fixture
def home(place, project) -> Settings:
    """A home with a student that was trained at that cloud, and questions for it."""
    # One of the emulators lives on a day of its own.
    jobs = {"poll_seconds": 0.01, "in_run_minutes": 10_000_000, "deadline_hours": 1_000_000}
    trainers = {place.backend: place.options, "jobs": jobs}
    settings: Settings = project(trainers=trainers)
    settings.recipes_folder.mkdir()
    recipe = RECIPE.format(backend=place.backend, base=place.base)
    (settings.recipes_folder / "student.yaml").write_text(recipe, encoding="utf-8")
    resources = build_resources(settings)
    lake = resources["lake"].open()
    lake.write(CORPUS, [])
    lake.write(RAFT_DATASET, [raft_row(number) for number in range(24)], "student")
    lake.write(EVALUATION_SET, [item(number) for number in range(20)])
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions(training_recipes.name or "", ["student"])
        wanted = {key: resources[key] for key in ("lake", "folders", "models", "trainers")}
        dg.materialize([fine_tuned_model], resources=wanted, instance=instance, partition_key="student")
    assert lake.rows(FINE_TUNED_MODEL, "student")
    return settings


def raft_row(number: int) -> dict[str, Any]:
    text = f"The fee of account {number} is ${number}.50."
    return {
        "row_id": f"r{number}", "split": "validation" if number < 4 else "train", "question_id": f"q{number}",
        "question": f"What is the fee of account {number}?",
        "documents": [{"chunk_id": f"c{number}", "title": "Guide", "text": text}], "oracle_index": 0,
        "oracle_present": True, "policy": "oracle", "strategy": "raft", "oracle_text": text,
        "target": f"It says ##begin_quote##{text}##end_quote##. <ANSWER>: ${number}.50",
        "final_answer": f"${number}.50", "origin": "generated", "kind": "number", "group": f"g{number}", "tokens": 60,
    }  # fmt: skip


def item(number: int) -> dict[str, Any]:
    row = raft_row(100 + number)
    return {
        "item_id": f"i{number}", "snapshot": "s", "question_id": row["question_id"], "condition": "oracle_present",
        "question": row["question"], "documents": row["documents"], "oracle_index": 0,
        "expected_answer": row["final_answer"], "answerable": True, "split": "validation", "origin": "human",
        "kind": "number", "language": "en", "group": row["group"], "document_id": "d", "page": 0,
        "chunk_id": row["documents"][0]["chunk_id"],
    }  # fmt: skip


@pytest.fixture
def end_evaluation(home, place) -> Callable[[int], None]:
    """Starts an evaluation in a process of its own, and sends it a signal while it asks; returns when it is over."""

    def run(number: int) -> None:
        place.quiet()
        environment = {
            **os.environ,
            "RAFTLINE_CONFIG": str(home.root / "raftline.yaml"),
            "PYTHONPATH": os.pathsep.join(sys.path),
            "OMP_NUM_THREADS": "1",
        }
        command = [sys.executable, "-c", EVALUATE]
        with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
            deadline = time.monotonic() + 60
            while not place.asked():
                if process.poll() is not None or time.monotonic() > deadline:
                    process.kill()
                    pytest.fail(process.communicate()[1][-4000:])
                time.sleep(0.05)
            process.send_signal(number)
            process.communicate(timeout=60)

    return run


@pytest.fixture
def swept(home) -> Callable[[float], Sweep]:
    """A sweep so many hours after now."""

    def run(hours: float) -> Sweep:
        trainers = build_resources(home)["trainers"]
        with closing(EndpointBook(trainers.ledger(), lambda: utc_now() + timedelta(hours=hours))) as book:
            return sweep(trainers, book)

    return run


@pytest.mark.slow
@pytest.mark.parametrize("place", ["azure_openai", "sagemaker_jumpstart"], indirect=True)
def test_after_kill_9_in_an_evaluation_nothing_outlives_its_ttl(place, end_evaluation, swept) -> None:
    end_evaluation(signal.SIGKILL)
    before = len(place.alive())
    place.advance(TTL_HOURS - 0.5)
    assert before >= 2
    assert swept(TTL_HOURS - 0.5).removed == []
    place.advance(1.0)
    done = swept(TTL_HOURS + 0.5)

    assert (len(done.removed), done.waiting, done.problems) == (2, [], [])
    assert place.alive() == []
    bill = place.usd()
    place.advance(500)
    assert bill > 0
    assert place.usd() == bill


@pytest.mark.slow
@pytest.mark.parametrize("place", ["azure_openai"], indirect=True)
def test_a_run_that_is_cancelled_takes_its_endpoints_down_itself(place, end_evaluation) -> None:
    end_evaluation(signal.SIGINT)
    assert place.alive() == []
