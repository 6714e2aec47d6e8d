"""`raftline dev` with its daemon and without a person: a document that is dropped in reaches the question bank."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from tests.end_to_end.conftest import ROOT, Demo, environment, raftline, succeeded
from tests.end_to_end.homes import instance_of, rows
from tests.end_to_end.pdfs import make_pdf

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="processes are looked for in /proc"),
]

PATIENCE = 240.0


def test_a_dropped_document_is_carried_to_the_dataset_and_ctrl_c_leaves_nothing_behind(
    small_home: Demo, copy_of: Callable[[Demo], Path]
) -> None:
    home = copy_of(small_home)
    port = _free_port()
    log = (home / "dev.log").open("w")
    server = subprocess.Popen(
        [sys.executable, "-m", "orchestration.cli", "dev", "--port", str(port)],
        env=environment(home, RAFTLINE_SCAN_SECONDS="5"),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        _wait(lambda: _listens(port), "the UI to listen")
        make_pdf(home / "documents" / "market.pdf", [["# Market", "A stall costs $18.50 a day."]], "Market hall")
        _wait(lambda: "market.pdf" in {row["uri"] for row in rows(home, "corpus")}, "the document to reach the corpus")
        _wait(lambda: _quiet(home), "the runs to end")
        with instance_of(home) as instance:
            runs = [run for run in instance.get_runs() if "dagster/sensor_name" in run.tags]
        assert {run.status for run in runs} == {dg.DagsterRunStatus.SUCCESS}
        assert {"ingest_batch", "build_dataset"} <= {run.job_name for run in runs}
        listed = {row["uri"]: row for row in rows(home, "document_inventory")}
        assert listed["market.pdf"]["status"] == "current"

        through_daemon = succeeded(raftline(home, "refresh"))
        again = succeeded(raftline(home, "refresh"))
        assert "everything is up to date" in again.out, through_daemon.out
    finally:
        os.killpg(server.pid, signal.SIGINT)
        code = server.wait(60)
        log.close()
    assert code == 0
    _wait(lambda: _processes_of(home) == [], "every process of the home to end", 20.0)
    assert not (home / "dagster" / "server.json").exists()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _quiet(home: Path) -> bool:
    with instance_of(home) as instance:
        return all(run.is_finished for run in instance.get_runs())


def _processes_of(home: Path) -> list[str]:
    """The command lines of all processes whose environment names this home."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"RAFTLINE_HOME={home}\0" in (folder / "environ").read_text(errors="replace"):
                found.append((folder / "cmdline").read_text(errors="replace").replace("\0", " "))
        except OSError:
            continue
    return found


def _wait(condition: Callable[[], bool], what: str, patience: float = PATIENCE) -> None:
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.5)
