"""A home with recipes for several backends, and the commands that are run on it and killed."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from orchestration.settings import load_settings
from orchestration.wiring import build_resources
from resources.training.endpoints import EndpointBook, utc_now
from resources.training.sweeping import Sweep, sweep
from tests.end_to_end.conftest import Outcome, environment
from tests.end_to_end.homes import rows

PATIENCE_SECONDS = 300.0


def recipe_name(backend: str) -> str:
    """The recipe that trains there; that of the embedded reader is the demo's own."""
    return "raft-embedded" if backend == "embedded" else backend.replace("_", "-")


class Warm:
    """A process that forks commands."""

    def __init__(self, process: subprocess.Popen[str]):
        self._process = process

    def start(self, **work: Any) -> int:
        """Starts a command; its process id."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(work) + "\n")
        self._process.stdin.flush()
        return self._read()

    def wait(self) -> int:
        """Its exit code, negative for a signal, once it has ended."""
        return self._read()

    def _read(self) -> int:
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())


@dataclass(frozen=True)
class Home:
    """A home, the raftline.yaml that it runs with, and the environment of its services."""

    path: Path
    config: Path
    variables: Mapping[str, str]
    warm: Warm

    def run(self, *args: str) -> Outcome:
        """Runs a command to its end."""
        self.start(*args)
        return Outcome(self.warm.wait(), self.said.read_text(encoding="utf-8"), "")

    def start(self, *args: str) -> int:
        """Starts a command; its process id."""
        return self.warm.start(args=args, environment=self.environment, said=str(self.said))

    def stop_when(self, happened: Callable[[], bool], number: signal.Signals, *args: str) -> int:
        """Runs a command until something has happened, and sends it a signal then; its exit code."""
        process = self.start(*args)
        self.wait_until(happened, process)
        os.kill(process, number)
        return self.warm.wait()

    def wait_until(self, happened: Callable[[], bool], process: int) -> None:
        """Waits while a command runs; fails with what it said if it ends before."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not happened():
            said = self.said.read_text(encoding="utf-8")[-4000:] if self.said.exists() else ""
            try:
                os.kill(process, 0)
            except ProcessLookupError:
                pytest.fail(f"the command has ended: {said}")
            assert time.monotonic() < deadline, said
            time.sleep(0.1)

    @property
    def said(self) -> Path:
        """What the last command said."""
        return self.path.parent / "said"

    @property
    def environment(self) -> dict[str, str]:
        return {**environment(self.path), "RAFTLINE_CONFIG": str(self.config), **self.variables}

    def sweep(self, hours: float) -> Sweep:
        """What the sweeper does so many hours from now."""
        with patch.dict(os.environ, self.environment, clear=True):
            trainers = build_resources(load_settings())["trainers"]
            with closing(EndpointBook(trainers.ledger(), lambda: utc_now() + timedelta(hours=hours))) as book:
                return sweep(trainers, book)

    def recipe(self, backend: str) -> Path:
        """The recipe of a backend's student."""
        return self.path.parent / "recipes" / f"{recipe_name(backend)}.yaml"

    def rows(self, table: str, partition: str = "") -> list[dict[str, Any]]:
        return rows(self.path, table, partition) if partition else rows(self.path, table)
