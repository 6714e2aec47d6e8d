"""A gateway that dies, is interrupted, meets another one or a full disk: nothing paid is lost but what was in flight."""

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from resources.llm.claims import Claims
from resources.llm.gateway import Gateway, Lane
from resources.llm.ledger import Ledger
from resources.llm.ledger_schema import calls, claims

Start = Callable[..., list[int]]
CONCURRENCY = 8


@pytest.fixture(scope="module")
def client(request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[str]]:
    """A process that forks clients."""
    command = [sys.executable, str(Path(__file__).with_name("crash_client.py"))]
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=request.config.rootpath,
        env=_environment(),
    )
    yield process
    process.communicate()


def _environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": "."}


@pytest.fixture
def start(client, ledger_url, tmp_path) -> Start:
    """Runs clients side by side on one ledger until all have ended; their exit codes, negative for a signal."""

    def run(*tasks: dict[str, Any], requests: int = 300) -> list[int]:
        common = {
            "url": ledger_url,
            "log": str(tmp_path / "log"),
            "requests": requests,
            "concurrency": CONCURRENCY,
            "seed": 1,
        }
        client.stdin.write(json.dumps([common | task for task in tasks]) + "\n")
        client.stdin.flush()
        return [json.loads(client.stdout.readline())["status"] for _ in tasks]

    return run


def log_of(folder: Path, what: str) -> list[tuple[str, str]]:
    """What the service wrote down, as pairs of process and request."""
    lines = [line.split() for line in (folder / "log").read_text(encoding="utf-8").splitlines()]
    return [(process, key) for process, kind, key in lines if kind == what]


def recorded(ledger: Ledger) -> int:
    with ledger.reading() as connection:
        rows, keys = connection.execute(sa.select(sa.func.count(), sa.func.count(calls.c.key.distinct()))).one()
    assert rows == keys, "a call was recorded twice"
    return rows


@pytest.mark.slow
@pytest.mark.parametrize("ledger_url", ["sqlite"], indirect=True)
def test_kill_9_ten_times_repeats_at_most_what_was_in_flight(start, tmp_path, ledger_url, open_ledger) -> None:
    chance = random.Random(20)
    assert [start({"kill_at": chance.randint(1, 20)}, requests=250) for _ in range(10)] == [[-9]] * 10
    assert start({}, requests=250) == [0]
    started = log_of(tmp_path, "start")
    last = {key: process for process, key in started}
    repeated = [process for process, key in started if process != last[key]]
    assert max(map(repeated.count, repeated), default=0) <= CONCURRENCY
    assert len(last) == recorded(open_ledger(ledger_url)) == 250


@pytest.mark.slow
def test_two_processes_on_one_ledger_never_pay_the_same_key_twice(start, tmp_path, ledger_url, open_ledger) -> None:
    assert start({"seed": 1}, {"seed": 2}, {"seed": 3}, requests=150) == [0, 0, 0]
    assert sorted(key for _, key in log_of(tmp_path, "start")) == sorted(map(str, range(150)))
    assert recorded(open_ledger(ledger_url)) == 150


def test_two_processes_embed_overlapping_texts_in_any_order_without_waiting_for_each_other_for_ever(
    start, tmp_path, ledger_url, open_ledger
) -> None:
    chance = random.Random(5)
    tasks = [{"seed": seed, "texts": [chance.sample(range(40), 25) for _ in range(6)]} for seed in range(2)]
    assert start(*tasks) == [0, 0]
    wanted = {str(number) for task in tasks for numbers in task["texts"] for number in numbers}
    assert sorted(text for _, text in log_of(tmp_path, "start")) == sorted(wanted)
    assert recorded(open_ledger(ledger_url)) == len(wanted)


def test_what_a_killed_process_had_claimed_is_taken_over_by_one_that_waits(start, tmp_path, ledger_url, open_ledger):
    assert start({"kill_at": 30}, {"seed": 2}, {"seed": 3}, requests=150)[1:] == [0, 0]
    paid = [key for _, key in log_of(tmp_path, "start")]
    assert set(paid) == set(map(str, range(150)))
    assert len(paid) - 150 <= CONCURRENCY
    assert recorded(open_ledger(ledger_url)) == 150


@pytest.mark.parametrize("ledger_url", ["sqlite"], indirect=True)
def test_ctrl_c_records_what_was_in_flight(start, tmp_path, ledger_url, open_ledger) -> None:
    assert start({"interrupt_at": 60}, requests=3000) == [4]
    done = log_of(tmp_path, "done")
    assert 0 < len(done) < 3000
    assert recorded(open_ledger(ledger_url)) == len(done) == len(log_of(tmp_path, "start"))


@pytest.mark.parametrize("ledger_url", ["sqlite"], indirect=True)
def test_a_disk_that_fills_is_named_and_loses_at_most_what_was_in_flight(start, tmp_path, ledger_url, open_ledger):
    assert start({"file_limit": 700_000}) == [3]
    error = (tmp_path / "log.error").read_text(encoding="utf-8")
    assert error.startswith("LedgerError: the ledger at sqlite:")
    assert "cannot be written" in error
    assert "Make room or mend access, then run again" in error
    done = len(log_of(tmp_path, "done"))
    kept = recorded(open_ledger(ledger_url))
    assert 0 < kept < 300
    assert done - kept <= CONCURRENCY
    assert start({}) == [0]
    assert len(log_of(tmp_path, "start")) - 300 <= CONCURRENCY


def test_a_claim_on_another_machine_holds_until_its_lease_ends(any_ledger, faulty, monkeypatch) -> None:
    service = faulty()
    [request] = service.requests("a")
    other = Claims(any_ledger, lease=0.6)
    monkeypatch.setattr("resources.llm.claims._host", lambda: "another machine")
    assert other.take([request.key]).ours == {request.key}
    monkeypatch.undo()
    started = time.monotonic()
    [answer] = Gateway(any_ledger).complete(Lane("teacher", service), [request])
    assert answer.usable
    assert time.monotonic() - started > 0.4


def test_a_heartbeat_keeps_a_claim_beyond_its_lease(any_ledger, monkeypatch) -> None:
    mine, other = Claims(any_ledger, lease=0.3), Claims(any_ledger, lease=0.3)
    monkeypatch.setattr("resources.llm.claims._host", lambda: "another machine")
    mine.take(["key"])
    for _ in range(4):
        time.sleep(0.15)
        mine.beat()
    monkeypatch.undo()
    assert other.take(["key"]).others == {"key"}
    mine.release(["key"])
    assert other.take(["key"]).ours == {"key"}


def test_a_finished_run_leaves_no_claim(any_ledger, faulty) -> None:
    service = faulty()
    Gateway(any_ledger).complete(Lane("teacher", service), service.requests("a", "b"))
    with any_ledger.reading() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(claims)) == 0
