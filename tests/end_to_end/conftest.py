"""Whole runs of the command line on homes of their own. Expensive homes are made once and copied for variations."""

import contextlib
import io
import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.end_to_end.pdfs import make_pdf

ROOT = Path(__file__).resolve().parents[2]
GUARD = Path(__file__).parent / "socket_guard"
SAMPLE = ROOT / "sample_corpus"
PATIENCE = 900


@dataclass(frozen=True)
class Outcome:
    """What a command said and how it ended."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return self.out + self.err


def environment(home: Path, **more: str) -> dict[str, str]:
    """The environment of a fresh terminal in which only the home is chosen."""
    ours = ("RAFTLINE_", "DAGSTER_", "PYTEST_", "PYTHON")
    plain = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**plain, "RAFTLINE_HOME": str(home), "PYTHONPATH": str(ROOT), "COLUMNS": "400", **more}


def start(home: Path, *args: str, **more: str) -> subprocess.Popen[str]:
    """A raftline command as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "orchestration.cli", *args],
        env=environment(home, **more),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> Outcome:
    out, err = process.communicate(timeout=PATIENCE)
    return Outcome(process.returncode, out, err)


def raftline(home: Path, *args: str, **more: str) -> Outcome:
    """Runs a command to its end in a process of its own."""
    return finish(start(home, *args, **more))


@contextlib.contextmanager
def _own_environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(variables)
    try:
        with warnings.catch_warnings():
            yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def raftline_here(home: Path, *args: str, **more: str) -> Outcome:
    """Runs a short command inside this process: the console script's own `main`, without the seconds of a start."""
    from orchestration.cli import main

    out, err = io.StringIO(), io.StringIO()
    before = sys.argv
    sys.argv = ["raftline", *args]
    try:
        with (
            _own_environment(environment(home, **more)),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            main()
            code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        sys.argv = before
    return Outcome(code, out.getvalue(), err.getvalue())


def succeeded(outcome: Outcome) -> Outcome:
    assert outcome.code == 0, outcome.text[-4000:]
    assert "Traceback" not in outcome.text
    return outcome


@dataclass(frozen=True)
class Demo:
    """A home on which `raftline demo` ran, what it said, and what its socket guard noted."""

    home: Path
    outcome: Outcome
    guard: tuple[str, ...]


@pytest.fixture(scope="session")
def demos(tmp_path_factory: pytest.TempPathFactory) -> tuple[Demo, Demo]:
    """Two demos on empty homes, side by side, in processes that differ in everything that must not matter."""
    folder = tmp_path_factory.mktemp("demos")
    running = []
    for name, seed in (("one", "1"), ("another place", "2")):
        log = folder / f"{name}.guard"
        process = start(
            folder / name / "home",
            "demo",
            PYTHONPATH=f"{GUARD}{os.pathsep}{ROOT}",
            SOCKET_GUARD_LOG=str(log),
            PYTHONHASHSEED=seed,
        )
        running.append((folder / name / "home", process, log))
    ended = [(home, finish(process), log) for home, process, log in running]
    return tuple(
        Demo(home, succeeded(outcome), tuple(log.read_text(encoding="utf-8").splitlines()))
        for home, outcome, log in ended
    )


@pytest.fixture(scope="session")
def demo(demos: tuple[Demo, Demo]) -> Demo:
    return demos[0]


@pytest.fixture(scope="session")
def refreshed_demo(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """A copy of the demo's home after `raftline demo --refresh`."""
    home = tmp_path_factory.mktemp("refreshed") / "home"
    shutil.copytree(demo.home, home)
    return Demo(home, succeeded(raftline(home, "demo", "--refresh")), ())


@pytest.fixture(scope="session")
def small_home(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """A home that was refreshed once, undisturbed, over three small documents and two questions."""
    home = tmp_path_factory.mktemp("small") / "home"
    fill_small_home(home)
    return Demo(home, succeeded(raftline(home, "refresh")), ())


def fill_small_home(home: Path) -> None:
    """The documents and questions of the small home, before any run."""
    documents, questions = home / "documents", home / "questions"
    documents.mkdir(parents=True, exist_ok=True)
    questions.mkdir(exist_ok=True)
    for name in ("cards.pdf", "travel-money.pdf"):
        shutil.copyfile(SAMPLE / "first" / name, documents / name)
    make_pdf(
        documents / "ferry.pdf",
        title="Ferry to Ardle",
        pages=[
            [
                "# Ferry to Ardle",
                "## Fares",
                "A single crossing costs $7.25 for an adult.",
                "A bicycle costs $2.10 for each crossing.",
                "## Boarding",
                "The gate closes 12 minutes before the ferry leaves.",
            ],
            ["## Lost property", "Lost items are kept for 45 days at the harbour office."],
        ],
    )
    (questions / "harbour.jsonl").write_text(
        '{"question": "What does it cost to take my bike on the ferry to Ardle?", "answer": "$2.10", '
        '"document": "ferry.pdf", "page": 1, "use": "test"}\n'
        '{"question": "How long do you keep an umbrella that I left on board?", "answer": "45 days", '
        '"document": "ferry.pdf", "page": 2, "use": "test"}\n',
        encoding="utf-8",
    )


@pytest.fixture
def copy_of(tmp_path: Path) -> Callable[[Demo], Path]:
    """Copies a home for a test that changes it."""

    def copy(made: Demo) -> Path:
        home = tmp_path / "home"
        shutil.copytree(made.home, home)
        return home

    return copy
