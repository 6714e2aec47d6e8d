"""The sweeper and `raftline endpoints` on a real home: what they request, take down, tell and cost."""

import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from typer.testing import CliRunner

from orchestration.cli import app
from orchestration.definitions import build_defs
from orchestration.home import open_instance
from orchestration.jobs import PHASES, WORK
from orchestration.settings import Settings
from orchestration.sweeper import build_sweep_schedule, sweep_endpoints
from resources.training.endpoints import REMOVING, EndpointBook
from resources.training.serve import Endpoints
from resources.training.serving import EndpointHandle, StudentModel

STUDENT = StudentModel("cloud", "gpt-small", "0a1b2c3d", "ft:gpt-small:0a1b2c3d")


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as opened:
        yield opened


@pytest.fixture
def left(cloud_trainers, cloud) -> Callable[..., EndpointHandle]:
    """An endpoint that its run left behind so many hours ago."""

    def leave(hours: float, run_id: str = "run-1") -> EndpointHandle:
        endpoints = Endpoints(cloud_trainers, run_id, clock=lambda: cloud.now() - timedelta(hours=hours))
        endpoint = endpoints.begin(STUDENT, "evaluation", cloud.now() - timedelta(hours=hours - 2))
        cloud.put(endpoint.name, created_at=(cloud.now() - timedelta(hours=hours)).isoformat())
        endpoints.book.up(cloud_trainers.deployer("cloud").list_owned()[-1])
        endpoints.book.close()
        return endpoint

    return leave


@pytest.fixture
def run_job(cloud_trainers, instance) -> Callable[[], dg.ExecuteInProcessResult]:
    return lambda: sweep_endpoints.execute_in_process(
        resources={"trainers": cloud_trainers}, instance=instance, raise_on_error=False
    )


def test_without_a_hosted_backend_the_schedule_skips_and_opens_nothing(project, tmp_path) -> None:
    settings: Settings = project()
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        outcome: Any = build_sweep_schedule(settings)(dg.build_schedule_context(instance=instance))
    assert isinstance(outcome, dg.SkipReason)
    assert not (settings.home_folder / "ledger.db").exists()


def test_the_schedule_runs_every_ten_minutes_unless_somebody_stops_it(project) -> None:
    schedule = build_sweep_schedule(project())
    assert (schedule.cron_schedule, schedule.default_status) == ("*/10 * * * *", dg.DefaultScheduleStatus.RUNNING)


def test_the_job_takes_down_what_has_expired_and_tells_what_it_cost(left, run_job, cloud) -> None:
    expired = left(hours=3)
    result = run_job()

    [event] = [one for one in result.all_events if one.event_type_value == "STEP_OUTPUT"]
    told = event.step_output_data.metadata
    assert result.success
    assert cloud.alive() == []
    assert told["removed"].value == [expired.name]
    assert told["endpoints so far (USD)"].value == pytest.approx(9.0, rel=0.01)


def test_the_job_leaves_alone_what_has_time_left(left, run_job, cloud) -> None:
    endpoint = left(hours=1)
    assert run_job().success
    assert cloud.alive() == [endpoint.name]


def test_a_run_that_has_failed_needs_its_endpoint_no_longer(left, run_job, cloud, instance) -> None:
    run = instance.create_run_for_job(sweep_endpoints)
    left(hours=1, run_id=run.run_id)
    run_job()
    assert len(cloud.alive()) == 1
    instance.report_run_failed(run)
    run_job()
    assert cloud.alive() == []


def test_a_sweep_that_meets_a_problem_does_the_rest_and_fails_with_the_services_words(left, run_job, cloud) -> None:
    left(hours=3)
    cloud.turn(stuck=True)
    result = run_job()
    [failure] = [one for one in result.all_events if one.event_type_value == "STEP_FAILURE"]
    assert not result.success
    assert "cannot delete an endpoint that is Creating" in str(failure.step_failure_data.error)


@pytest.fixture
def home(project) -> Path:
    """The home of a project of its own."""
    return project().home_folder


@pytest.fixture
def raftline(home, monkeypatch) -> Callable[..., Any]:
    """Runs a command of the CLI on that home."""
    monkeypatch.setenv("RAFTLINE_CONFIG", str(home.parent / "raftline.yaml"))
    monkeypatch.setenv("DAGSTER_HOME", "")
    before = dict(os.environ)

    def run(*arguments: str) -> Any:
        result = CliRunner().invoke(app, list(arguments))
        os.environ.clear()
        os.environ.update(before)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    return run


def booked(home: Path, **changes: Any) -> None:
    """An endpoint of a home: two hours old at 3 USD an hour, with an hour left."""
    home.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC)
    fields: dict[str, Any] = {
        "backend": "azure_openai",
        "name": "raftline-evaluation-0a1b",
        "model_id": "0a1b2c3d",
        "purpose": "evaluation",
        "created_at": now - timedelta(hours=2),
        "expires_at": now + timedelta(minutes=61),
        "usd_per_hour": 3.0,
    }
    book = EndpointBook(f"sqlite:///{home / 'ledger.db'}")
    booking = book.up(EndpointHandle(**(fields | changes)), "raftline", "run-1")
    if changes.get("purpose") == "serving":
        book.serve_by(booking.handle)
    if changes.get("name") == "hanging":
        book.note(booking, REMOVING, "Conflict: [bold]busy[/bold]\x1b[2J")
    book.close()


def test_endpoints_are_listed_with_age_cost_and_expiry(raftline, home) -> None:
    booked(home)
    booked(home, name="champions", purpose="serving", expires_at=None, usd_per_hour=None)
    out = raftline("endpoints").stdout

    [evaluation] = [line for line in out.splitlines() if line.startswith("raftline-evaluation-0a1b")]
    [serving] = [line for line in out.splitlines() if line.startswith("champions")]
    assert "azure_openai" in evaluation
    assert "2 h 0 min" in evaluation
    assert "6.00 USD" in evaluation
    assert "in 1 h 0 min" in evaluation
    assert "the champion's" in serving
    assert "not known" in serving
    assert "never" in serving
    assert "All endpoints so far: 6.00 USD" in out


def test_what_a_backend_deployed_that_is_not_configured_any_more_is_named(raftline, home) -> None:
    booked(home)
    out = raftline("endpoints").stdout
    assert "the backend of raftline-evaluation-0a1b (azure_openai) is not configured any more" in out


def test_a_services_words_are_shown_as_plain_text(raftline, home) -> None:
    booked(home, name="hanging", expires_at=datetime.now(UTC) - timedelta(minutes=5, seconds=1))
    out = raftline("endpoints").stdout
    assert "5 min ago" in out
    assert "[bold]busy[/bold]" in out
    assert "\x1b[2J" not in out


def test_endpoints_as_json_have_the_same_figures(raftline, home) -> None:
    booked(home)
    shown = json.loads(raftline("endpoints", "--json").stdout)
    [one] = shown["endpoints"]
    assert (one["name"], one["state"], one["serves_champion"]) == ("raftline-evaluation-0a1b", "up", False)
    assert one["usd"] == pytest.approx(6.0, rel=0.01)
    assert shown["usd"] == pytest.approx(6.0, rel=0.01)


def test_a_sweep_of_a_home_without_hosted_backends_is_a_no_op(raftline) -> None:
    shown = json.loads(raftline("endpoints", "--sweep", "--json").stdout)
    assert shown == {
        "endpoints": [],
        "usd": 0.0,
        "sweep": {"removed": [], "not_gone_yet": [], "problems": [], "spared": []},
    }


def test_the_sweeper_does_not_wait_behind_the_work_in_the_queue(project) -> None:
    settings: Settings = project()
    with open_instance(settings) as instance:
        limits = instance.get_concurrency_config().run_queue_config
    assert limits is not None
    [limit] = limits.tag_concurrency_limits
    assert (limit["key"], limit["limit"]) == (WORK, 2)
    assert limits.max_concurrent_runs > limit["limit"]
    repository = build_defs(settings).get_repository_def()
    assert all(WORK in repository.get_job(phase.job).tags for phase in PHASES)
    assert WORK not in repository.get_job("sweep_endpoints").tags
    assert int(repository.get_job("sweep_endpoints").tags["dagster/priority"]) > 0
