"""However the parent of the child processes ends, they end too."""

import contextlib
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

SCRIPT = """
import time
from assets.documents.extraction import extract_many
from assets.documents.isolation import run_isolated

def look(data, name):
    return run_isolated(time.sleep, (300,), 300)

list(extract_many([("a.pdf", b"a"), ("b.pdf", b"b")], {}, 2, inspect=look))
"""
PARENT_NURSERIES_AND_TASKS = 1 + 2 + 2


@pytest.fixture
def mark() -> Iterator[str]:
    """A text in the environment by which a process and all it starts are found; what is left of them is killed."""
    text = f"RAFTLINE_TEST_MARK={uuid.uuid4()}"
    yield text
    for pid in marked(text):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_no_process_is_left(mark, tmp_path, number):
    name, value = mark.split("=")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), name: value}
    script = tmp_path / "parse.py"
    script.write_text(SCRIPT)
    parent = subprocess.Popen([sys.executable, str(script)], env=environment, stderr=subprocess.DEVNULL)
    assert until(60, lambda: len(marked(mark)) == PARENT_NURSERIES_AND_TASKS)
    parent.send_signal(number)
    parent.wait(60)
    assert until(60, lambda: not marked(mark))


def until(seconds: float, holds) -> bool:
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        time.sleep(0.05)
    return holds()


def marked(mark: str) -> list[int]:
    """The living processes with the mark."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and mark.encode() in (entry / "environ").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return found
