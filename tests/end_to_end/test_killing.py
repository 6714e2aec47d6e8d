"""kill -9 in the middle of a refresh, again and again: the last one ends in the bytes of an undisturbed home."""

import random
import signal
import subprocess
import time
from pathlib import Path

import dagster as dg
import pytest

from orchestration.execution import end_dead_runs
from orchestration.home import open_instance
from orchestration.jobs import INGEST
from orchestration.sensors import build_sensors
from orchestration.settings import Settings
from tests.end_to_end.conftest import Demo, fill_small_home, finish, raftline, raftline_here, start, succeeded
from tests.end_to_end.homes import differences, instance_of, lasting_bytes, ledger_keys

pytestmark = pytest.mark.slow

MOMENTS = (
    "lake/blobs",
    "lake/tables/chunks",
    "ledger.db",
    "lake/tables/question_bank",
    "models",
    "lake/tables/test_answers",
)
"""What appears in a home in this order while it is refreshed; a process is killed shortly after one of them."""


def test_a_refresh_killed_at_random_moments_ends_in_the_same_bytes(small_home: Demo, tmp_path: Path) -> None:
    home = tmp_path / "home"
    fill_small_home(home)
    chance = random.Random(20)
    killed = [_kill_after(home, moment, chance.uniform(0.0, 0.4)) for moment in MOMENTS]
    assert sum(killed) >= len(MOMENTS) - 1, "the processes must have died of the kill, not have come to an end"

    succeeded(raftline(home, "refresh"))

    assert differences(lasting_bytes(small_home.home), lasting_bytes(home)) == []
    keys = ledger_keys(home)
    assert len(set(keys)) == len(keys)
    assert sorted(keys) == sorted(ledger_keys(small_home.home))
    with instance_of(home) as instance:
        ended = {run.status for run in instance.get_runs()}
    assert ended == {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE}, "a killed run must not look alive"


def test_ctrl_c_stops_a_refresh_with_one_line_and_starts_nothing_more(tmp_path: Path) -> None:
    home = tmp_path / "home"
    fill_small_home(home)
    process = start(home, "refresh")
    _wait_for(home / "lake/tables/markdown_pages", process)
    process.send_signal(signal.SIGINT)
    stopped = finish(process)
    assert stopped.code == 1
    assert stopped.err.splitlines() == [
        "raftline: interrupted; the next `raftline refresh` goes on where this one stopped"
    ]
    assert not (home / "lake" / "tables" / "corpus").exists(), "nothing may start after the interruption"
    with instance_of(home) as instance:
        assert all(run.is_finished for run in instance.get_runs())
    assert "ingest_batch" in succeeded(raftline_here(home, "status")).out


def test_the_daemon_takes_up_a_batch_again_whose_run_was_killed(tmp_path: Path) -> None:
    settings = Settings(root=tmp_path, home=tmp_path / "home")
    fill_small_home(settings.home_folder)
    [sensor] = [sensor for sensor in build_sensors(settings) if sensor.name == "document_sensor"]
    with open_instance(settings) as instance:
        keys = []
        for _ in range(3):
            [request] = sensor(dg.build_sensor_context(instance=instance)).run_requests
            keys.append(request.run_key)
            tags = {"dagster/run_key": request.run_key, "dagster/partition": request.partition_key}
            run = dg.DagsterRun(job_name=INGEST.job, status=dg.DagsterRunStatus.STARTED, tags=tags)
            instance.add_run(run)
            end_dead_runs(instance)
            assert instance.get_run_by_id(run.run_id).status is dg.DagsterRunStatus.FAILURE
    assert len(set(keys)) == 3


def _kill_after(home: Path, moment: str, delay: float) -> bool:
    """Starts a refresh and kills it `delay` seconds after `moment` exists; whether it was still at work."""
    process = start(home, "refresh")
    _wait_for(home / moment, process)
    time.sleep(delay)
    process.kill()
    process.communicate()
    return process.returncode < 0


def _wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    while process.poll() is None and not _exists(path):
        time.sleep(0.02)


def _exists(path: Path) -> bool:
    return path.is_file() or (path.is_dir() and any(path.iterdir()))
