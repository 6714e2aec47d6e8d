"""`raftline smoke` against both emulators and a tiny base: trained, deployed, asked, taken down, and billed."""

import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from orchestration.cli import app
from orchestration.settings import Settings
from orchestration.smoke_rows import smoke_rows
from orchestration.wiring import build_resources
from resources.training.endpoints import EndpointBook, utc_now
from resources.training.sweeping import sweep

QUICK = {"poll_seconds": 0.01}
STEPS = "preflight, training, endpoint, weights, answer, teardown, leftovers"


@pytest.fixture
def smoke(project, monkeypatch) -> Callable[..., Result]:
    """Runs the command on a project with these trainers."""

    def run(*words: str, confirmed: str = "", more: dict[str, Any] | None = None, **trainers: Any) -> Result:
        settings = project(trainers={"jobs": QUICK, **trainers}, **(more or {}))
        settings.home_folder.mkdir(exist_ok=True)
        monkeypatch.setattr("orchestration.opening.open_settings", lambda: settings)
        return CliRunner().invoke(app, ["smoke", *words], input=confirmed or None)

    return run


@pytest.fixture
def on_azure(smoke, emulator, azure_environment) -> Callable[..., Result]:
    prices = {"usd_per_hour": {"DeveloperTier": 0.5}, "usd_per_million_training_tokens": 5.0}
    return lambda *words, **more: smoke("azure", *words, azure_openai=emulator.trainer(**prices), **more)


@pytest.fixture
def on_sagemaker(smoke, sagemaker) -> Callable[..., Result]:
    base = sagemaker.open
    return lambda *words, **more: smoke(
        "sagemaker", "--base-model", base, *words, sagemaker_jumpstart=sagemaker.trainer(), **more
    )


def alive(emulator) -> list[str]:
    return [one["name"] for one in emulator.deployments() if one["alive"]]


def uploaded(emulator) -> list[str]:
    return [file["filename"] for file in emulator.files() if file["filename"].startswith("train-")]


def test_azure_is_verified_from_the_file_to_the_bill_and_nothing_is_left(on_azure, emulator) -> None:
    done = on_azure("--yes")
    assert done.exit_code == 0, done.output
    assert f"verified: {STEPS}" in done.output
    [job], [deployment] = emulator.jobs(), emulator.deployments()
    assert deployment["loaded"] == [job["fine_tuned_model"]]
    assert deployment["tags"]["purpose"] == "smoke"
    assert alive(emulator) == []
    assert uploaded(emulator) == []
    assert "leaves at 9:15 on weekdays” to “When does the ferry" in done.output
    assert "at 0.50 USD per hour" in done.output
    assert "trained tokens" in done.output
    assert "not a real model: it was trained by an emulator of Azure OpenAI" in done.output


def test_sagemaker_is_verified_with_the_weights_of_its_own_job_and_the_bucket_is_left_empty(
    on_sagemaker, sagemaker
) -> None:
    done = on_sagemaker("--yes")
    assert done.exit_code == 0, done.output
    assert f"verified: {STEPS}" in done.output
    state = sagemaker.state()
    [job], [gone] = state["jobs"], state["gone"]
    assert gone in done.output
    assert f"the service says that it has loaded {job['artifact']}" in done.output
    assert (state["endpoints"], state["configs"], state["models"]) == ([], [], [])
    assert sagemaker.objects(sagemaker.prefix) == []
    assert "at 1.50 USD per hour" in done.output
    assert "billable" in done.output
    assert "not a real model: it was trained by an emulator of SageMaker" in done.output


def test_nothing_is_asked_or_made_before_somebody_agrees(on_azure, emulator) -> None:
    done = on_azure(confirmed="n\n")
    assert done.exit_code == 1
    assert "its cost     about 0.0099 USD" in done.output
    assert "one, DeveloperTier, at 0.50 USD per hour" in done.output
    assert emulator.requests() == 0


def test_a_step_that_fails_is_told_in_the_services_words_with_what_to_do(on_azure, emulator) -> None:
    emulator.configure(capacity=0)
    done = on_azure("--yes")
    assert done.exit_code == 1
    assert "FAILED endpoint: 127.0.0.1 refused (400)" in done.output
    assert "lower trainers.azure_openai.capacity" in done.output
    assert "the model is trained and is not paid for again" in done.output
    assert "not verified: endpoint, weights, answer, teardown, leftovers" in done.output
    assert "1,836 trained tokens" in done.output
    assert alive(emulator) == []
    [job] = emulator.jobs()
    assert f"left behind\n  job {job['id']} (succeeded): its files" in done.output
    assert len(uploaded(emulator)) == 1
    discarded = on_azure("--discard")
    assert (discarded.exit_code, uploaded(emulator)) == (0, []), discarded.output
    assert "left anything" in on_azure("--discard").output


def test_a_test_that_failed_on_its_way_goes_on_and_one_that_was_finished_is_not_found_again(on_azure, emulator) -> None:
    emulator.configure(capacity=0)
    on_azure("--yes")
    emulator.configure(capacity=1000)
    again = on_azure("--yes")
    assert again.exit_code == 0, again.output
    assert "goes on with the job of a smoke test that was interrupted" in again.output
    assert len(emulator.jobs()) == 1
    another = on_azure("--yes")
    assert another.exit_code == 0, another.output
    assert "trains a new model" in another.output
    assert len(emulator.jobs()) == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "kill"])
def test_whoever_ends_it_while_the_endpoint_comes_up_gets_it_taken_down(
    on_azure, emulator, monkeypatch, number
) -> None:
    emulator.configure(deployment_polls=1000)
    monkeypatch.setattr("orchestration.smoke.SmokeTest._wait", interrupting(emulator, number))
    done = on_azure("--yes")
    assert done.exit_code != 0
    assert len(emulator.deployments()) == 1
    assert alive(emulator) == []
    assert "run this again to go on with it; `raftline smoke azure --discard` removes it" in done.output


def interrupting(emulator, number: int) -> Callable[..., None]:
    """Somebody who waits for the job, and ends the test once there is an endpoint."""

    def wait(_test: Any, _seconds: float) -> None:
        if emulator.deployments():
            os.kill(os.getpid(), number)

    return wait


def test_an_endpoint_that_does_not_go_away_is_named_and_booked_for_the_sweeper(
    smoke, emulator, azure_environment
) -> None:
    emulator.configure(deletion_polls=1000)
    trainer = emulator.trainer(deletion_seconds=0.01)
    done = smoke("azure", "--yes", azure_openai=trainer)
    assert done.exit_code == 1
    assert "FAILED teardown:" in done.output
    assert "`raftline endpoints --sweep`" in done.output
    assert "not verified: teardown, leftovers" in done.output
    [deployment] = emulator.deployments()
    assert f"endpoint {deployment['name']}: it costs until it is gone" in done.output
    still_there = smoke("azure", "--discard", azure_openai=trainer)
    assert (still_there.exit_code, deployment["name"] in still_there.output) == (1, True)
    emulator.configure(deletion_polls=0)
    assert smoke("azure", "--discard", azure_openai=trainer).exit_code == 0
    assert (alive(emulator), uploaded(emulator)) == ([], [])


@pytest.mark.parametrize(
    ("trouble", "step", "words"),
    [
        ({"may_train": False}, "training", "forbids this (403)"),
        ({"key": "another"}, "preflight", "does not accept the key in AZURE_OPENAI_API_KEY"),
        ({"base_models": {"gpt-4.1-nano-2025-04-14": {"fine_tune": False}}}, "preflight", "in its region"),
        ({"job_statuses": ["running", "failed"]}, "training", "loss is not finite"),
        ({"deployment_outcome": "Failed"}, "endpoint", "the resource's activity log says why"),
    ],
)
def test_what_is_wrong_at_azure_is_named(on_azure, emulator, trouble, step, words) -> None:
    emulator.configure(**trouble)
    done = on_azure("--yes")
    assert done.exit_code == 1
    assert f"FAILED {step}:" in done.output
    assert words in done.output
    assert "what to do:" in done.output
    assert alive(emulator) == []
    assert ("left behind" in done.output, len(uploaded(emulator))) == ((step == "endpoint"), int(step == "endpoint"))


def test_a_licence_is_accepted_by_somebody_who_is_named_or_nothing_is_trained(smoke, sagemaker) -> None:
    words = ("sagemaker", "--base-model", sagemaker.gated, "--yes")
    refused = smoke(*words, sagemaker_jumpstart=sagemaker.trainer())
    assert refused.exit_code == 1
    assert "FAILED preflight" in refused.output
    assert "(EULA)" in refused.output
    assert "--accept-eula WHO" in refused.output
    assert sagemaker.state()["jobs"] == []
    done = smoke(*words, "--accept-eula", "ada@example.org", sagemaker_jumpstart=sagemaker.trainer())
    assert done.exit_code == 0, done.output
    [job] = sagemaker.state()["jobs"]
    assert job["tags"]["raftline:eula_accepted_by"] == "ada@example.org"


def test_a_quota_of_none_at_sagemaker_is_named_before_anything_is_paid(on_sagemaker, sagemaker) -> None:
    message = "The account-level service limit 'ml.g5.2xlarge for training job usage' is 0 Instances"
    sagemaker.configure(
        faults=[{"kind": "ResourceLimitExceeded", "operation": "CreateTrainingJob", "message": message}]
    )
    done = on_sagemaker("--yes")
    assert "FAILED training" in done.output
    assert "Ask for it in Service Quotas" in done.output
    assert sagemaker.cost()["training"] == 0
    assert sagemaker.objects(sagemaker.prefix) == []
    assert "left behind" not in done.output


def test_the_budget_holds_for_a_smoke_test_too(on_azure, emulator) -> None:
    done = on_azure("--yes", more={"budget": {"per_month_usd": 0.001}})
    assert done.exit_code == 1
    assert "budget.per_month_usd" in done.output
    assert emulator.jobs() == []


def test_a_backend_without_settings_and_a_base_that_is_not_named_are_refused(smoke, sagemaker) -> None:
    assert "docs/training-azure.md" in str(smoke("azure", "--yes").exception)
    unnamed = smoke("sagemaker", "--yes", sagemaker_jumpstart=sagemaker.trainer())
    assert "--base-model MODEL_ID/VERSION" in str(unnamed.exception)


def test_the_rows_answer_their_questions_and_are_enough_for_every_backend() -> None:
    rows = smoke_rows().train
    assert 10 <= len(rows) <= 12
    for row in rows:
        assert row["documents"][row["oracle_index"]]["text"] == row["oracle_text"]
        assert row["oracle_text"] in row["target"]
        assert row["target"].endswith(row["final_answer"])


@pytest.mark.slow
def test_local_is_verified_on_a_tiny_base_which_is_called_no_real_model(smoke, root, tmp_path) -> None:
    build = tiny_builder(root)
    texts = [row["oracle_text"] for row in smoke_rows().train]
    build(tmp_path / "bases" / "tiny", texts, positions=2048, vocabulary=600)
    local = {"models_folder": str(tmp_path / "bases"), "threads": 1, "serving": {"max_new_tokens": 8}}
    done = smoke("local", "--base-model", "tiny", "--yes", local=local)
    assert done.exit_code == 0, done.output
    assert f"verified: {STEPS}" in done.output
    assert "files have the hashes that the job recorded" in done.output
    assert "not a real model: the weights of its base model tiny are random" in done.output
    assert list((tmp_path / "project" / ".raftline" / "models").iterdir()) == []


def tiny_builder(root: Path) -> Callable[..., Path]:
    spec = importlib.util.spec_from_file_location("tiny_local_model", root / "tests/resources/training/local/tiny.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.build


@pytest.mark.slow
def test_what_a_killed_smoke_test_leaves_is_swept_and_its_job_is_gone_on_with(
    project, on_azure, emulator, azure_environment
) -> None:
    settings: Settings = project(trainers={"jobs": QUICK, "azure_openai": emulator.trainer()})
    emulator.configure(faults=[{"kind": "429", "path": "chat/completions", "retry_after": 20}])
    kill_while_asking(settings, emulator)
    assert len(alive(emulator)) == 1
    late = utc_now() + timedelta(hours=2)
    trainers = build_resources(settings)["trainers"]
    with closing(EndpointBook(trainers.ledger(), lambda: late)) as book:
        done = sweep(trainers, book)
    assert (len(done.removed), done.problems) == (1, [])
    assert alive(emulator) == []
    emulator.configure(faults=[])
    again = on_azure("--yes")
    assert again.exit_code == 0, again.output
    assert len(emulator.jobs()) == 1


def kill_while_asking(settings: Settings, emulator) -> None:
    environment = {
        **os.environ,
        "RAFTLINE_CONFIG": str(settings.root / "raftline.yaml"),
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    command = [sys.executable, "-m", "orchestration.cli", "smoke", "azure", "--yes"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as one:
        deadline = time.monotonic() + 90
        while not any("chat/completions" in served["path"] for served in emulator.served()):
            if one.poll() is not None or time.monotonic() > deadline:
                one.kill()
                pytest.fail(one.communicate()[0][-4000:])
            time.sleep(0.05)
        one.send_signal(signal.SIGKILL)
        one.communicate(timeout=30)
