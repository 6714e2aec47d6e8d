"""kill -9 while hosted models are asked: no answer that was recorded is ever paid for again."""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.conftest import environment
from tests.end_to_end.hosted.conftest import KEY_VARIABLE, WRITERS, Home, MakeHome, role

pytestmark = pytest.mark.slow

CONCURRENCY = 4
LATENCY = 0.04
CUT_OFF = "null"
"""The body of a request of which the kill let only the beginning arrive."""


class Warm:
    """A process that forks works."""

    def __init__(self, process: subprocess.Popen[str], said: Path):
        self._process = process
        self._said = said

    def start(self, *works: dict[str, Any]) -> list[int]:
        """Starts works side by side; their process ids."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(works) + "\n")
        self._process.stdin.flush()
        return self._read()

    def wait(self) -> list[int]:
        """Their exit codes, negative for a signal, once all have ended."""
        return self._read()

    def _read(self) -> list[int]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, self._said.read_text(encoding="utf-8")[-3000:]
        return json.loads(line)


@pytest.fixture(scope="module")
def warm(request, tmp_path_factory) -> Iterator[Warm]:
    command = [sys.executable, str(Path(__file__).with_name("warm.py"))]
    variables = {**os.environ, "PYTHONPATH": str(request.config.rootpath)}
    said = tmp_path_factory.mktemp("warm") / "said"
    with (
        said.open("w") as log,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, env=variables
        ) as process,
    ):
        yield Warm(process, said)
        assert process.stdin is not None
        process.stdin.close()


def narrow(emulator: Any) -> dict[str, dict[str, object]]:
    """Roles that keep few calls in flight."""
    return {name: {**role(name, emulator, "azure_openai"), "limits": {"concurrency": CONCURRENCY}} for name in WRITERS}


def stages(emulator: Any, folder: Path, chunks: list[dict[str, Any]]) -> dict[str, Any]:
    """The work of contextualizer and teacher."""
    return {
        "environment": {KEY_VARIABLE: emulator.key},
        "ledger": f"sqlite:///{folder}/ledger.db",
        "roles": narrow(emulator),
        "chunks": chunks,
    }


def ingest(home: Home) -> dict[str, Any]:
    """The work of a whole ingest."""
    variables = {"RAFTLINE_CONFIG": str(home.config), KEY_VARIABLE: home.key}
    return {"environment": {**environment(home.path), **variables}}


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline, "nothing happened for two minutes"
        time.sleep(0.005)


def kill_again_and_again(emulator: Any, warm: Warm, work: dict[str, Any], kills: int, most: int) -> list[str]:
    """Starts a work, kills it at random moments so many times, then lets it end. The bodies that were sent.

    Asserts that no kill made more calls necessary again than were in flight.
    """
    emulator.configure(latency=LATENCY)
    chance = random.Random(11)
    ends = [0]
    for _ in range(kills):
        [process] = warm.start(work)
        wanted = ends[-1] + chance.randint(1, most)
        wait_until(lambda wanted=wanted: emulator.requests() >= wanted)
        time.sleep(chance.uniform(0, LATENCY))
        os.kill(process, signal.SIGKILL)
        assert warm.wait() == [-signal.SIGKILL]
        wait_until(lambda: emulator.stats()["in_flight"] == 0)
        ends.append(emulator.requests())
    warm.start(work)
    assert warm.wait() == [0]
    sent = bodies(emulator)
    for start, end in pairwise(ends):
        assert len(set(sent[start:end]) & set(sent[end:]) - {CUT_OFF}) <= CONCURRENCY
    assert len(sent) > len(set(sent)), "at least one kill must have cost something"
    warm.start(work)
    assert warm.wait() == [0]
    assert emulator.requests() == len(sent), "what is finished calls nobody"
    return sent


def bodies(emulator: Any) -> list[str]:
    return [json.dumps(entry["body"], sort_keys=True) for entry in emulator.served()]


def test_ten_kills_of_the_stages_repeat_at_most_what_was_in_flight(emulator, warm: Warm, tmp_path, tariffs) -> None:
    sent = kill_again_and_again(emulator, warm, stages(emulator, tmp_path, tariffs), kills=10, most=14)
    with sqlite3.connect(tmp_path / "ledger.db") as connection:
        keys = [key for (key,) in connection.execute("select key from calls")]
    assert len(keys) == len(set(keys)) == len(set(sent) - {CUT_OFF})


def test_a_killed_ingest_goes_on_where_it_stopped(emulator, make_home: MakeHome, warm: Warm) -> None:
    home = make_home(emulator, roles=narrow(emulator))
    lines = [f"A ride on line {number} costs $3.{number + 10} for an adult." for number in range(12)]
    home.write([(f"## Line {number}", line) for number, line in enumerate(lines)], "tramway.pdf", "Tramway of Ardle")
    kill_again_and_again(emulator, warm, ingest(home), kills=2, most=25)
    assert {line for line in lines if any(line in row["answer"] for row in home.last("qa_pairs"))} == set(lines)


def test_two_processes_on_one_ledger_never_pay_for_the_same_call(emulator, warm: Warm, tmp_path, tariffs) -> None:
    emulator.configure(latency=LATENCY)
    work = stages(emulator, tmp_path, tariffs)
    warm.start(work, work)
    assert warm.wait() == [0, 0]
    sent = bodies(emulator)
    assert len(sent) == len(set(sent)) == len(tariffs) * 5
