"""A killable place to parse documents: every task runs in a fresh, limited child process.

MuPDF holds the interpreter lock while it works, so neither threads nor signals can stop a file that makes it spin:
only another process can. A *nursery* (`assets.documents.nursery`) is a small server process that has the parsers
imported; it forks one child per task, which takes milliseconds, and kills one that is late. Nurseries are started with `subprocess`, not `multiprocessing`, so that the
caller's `__main__` is never imported again and a daemonic Dagster worker may use them too.

Nothing outlives its caller: when that ends in whatever way, the pipe to it closes, and the nursery kills its child and
leaves. A caller that gives up (Ctrl-C) stops its other threads' tasks through the event of `stop_with`.
"""

import atexit
import contextlib
import math
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Pipe
from pathlib import Path
from typing import Any

from assets.documents.nursery import IDLE_SECONDS, LAYOUT, Task

GIGABYTE = 1 << 30

_START_SECONDS = 120.0  # importing the layout models takes 2 s alone and far longer on a crowded machine
_LOOK_UP_SECONDS = 0.2  # how soon a thread that waits for its task notices that it is to stop
_GRACE_SECONDS = 10.0  # a nursery that says nothing for so long after the deadline is killed with its child
_LARGE_MEMORY_PAGES = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}  # models touch 150 MB anew for every page
_ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "NUMEXPR")}


class IsolationError(Exception):
    """A task in a child process brought no result."""


class DeadlineExceeded(IsolationError):
    """The task was still running when its time was over, or worked for too long without getting on."""


class Stopped(IsolationError):
    """Nobody wants the task's result any more."""


class ChildDied(IsolationError):
    """The child ended without an answer: a crash of the parser, or its memory or CPU limit."""


class TaskRaised(IsolationError):
    """The task raised; `kind` is the name of the exception's class."""

    def __init__(self, kind: str, message: str):
        self.kind = kind
        self.message = message
        super().__init__(f"{kind}: {message}" if message else kind)


def run_isolated(
    function: Callable[..., Any],
    args: Sequence[Any],
    timeout: float,
    memory_bytes: int = 4 * GIGABYTE,
    parsers: str = LAYOUT,
    patience: float | None = None,
) -> Any:
    """The result of a module-level function, run in a child with a deadline (seconds) and an address-space limit.

    `parsers` is which libraries the child finds imported. With `patience`, a task that works for so many CPU seconds
    without calling `getting_on` is late, too.
    """
    work = pickle.dumps((function, tuple(args)))
    most = math.ceil(timeout) + 10
    task = Task(timeout, most if patience is None else patience, memory_bytes, most)
    nursery = _borrow(parsers)
    try:
        late, status, answer = nursery.run(task, work)
    except BaseException:
        nursery.kill()
        raise
    _give_back(nursery)
    if late:
        raise DeadlineExceeded(late)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU:
        raise DeadlineExceeded(
            "used up its CPU time" if patience is None else f"did not get on for {patience:g} s of CPU"
        )
    if status != 0 or not answer:
        raise ChildDied(_cause_of_death(status))
    outcome, *values = pickle.loads(answer)
    if outcome == "raised":
        raise TaskRaised(*values)
    return values[0]


def stop_with(event: threading.Event) -> None:
    """From now on the tasks of this thread are killed, and raise `Stopped`, as soon as the event is set."""
    _thread.stop = event


def release_idle() -> None:
    """End the nurseries that wait for work."""
    with _lock:
        idle, _idle[:] = list(_idle), []
    for nursery in idle:
        nursery.kill()


class _Nursery:
    """The caller's end of one server process."""

    def __init__(self, parsers: str) -> None:
        self.parsers = parsers
        self.idle_since = time.monotonic()
        self.connection, theirs = Pipe()
        path = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
        self.process = subprocess.Popen(
            [sys.executable, "-c", f"from {Task.__module__} import serve; serve({theirs.fileno()}, {parsers!r})"],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env={**_LARGE_MEMORY_PAGES, **os.environ, **_ONE_THREAD, "PYTHONPATH": path},
        )
        theirs.close()
        try:
            problem = self._receive(_START_SECONDS)
        except IsolationError as error:
            self.kill()
            raise RuntimeError(f"the document parser did not start: {error}") from error
        if problem:
            self.kill()
            raise RuntimeError(f"the document parser did not start: {problem}")

    def run(self, task: Task, work: bytes) -> tuple[str, int, bytes]:
        """Why a task was killed (empty: it was not), its wait status and its pickled answer."""
        try:
            self.connection.send_bytes(pickle.dumps(task))
            self.connection.send_bytes(work)
        except OSError as error:
            raise ChildDied("its server process is gone") from error
        return self._receive(task.seconds + _GRACE_SECONDS)

    def _receive(self, timeout: float) -> Any:
        try:
            end = time.monotonic() + timeout
            while not self.connection.poll(min(_LOOK_UP_SECONDS, max(0.0, end - time.monotonic()))):
                if time.monotonic() >= end:
                    raise DeadlineExceeded(f"brought no answer within {timeout:.0f} s")
                if _thread.stop.is_set():
                    raise Stopped
            return pickle.loads(self.connection.recv_bytes())
        except (EOFError, OSError) as error:
            raise ChildDied("its server process is gone") from error

    def kill(self) -> None:
        """End the server and whatever child it has (they share a process group)."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.connection.close()


class _Thread(threading.local):
    """What holds for the tasks of the thread that looks."""

    def __init__(self) -> None:
        self.stop = threading.Event()


_thread = _Thread()
_lock = threading.Lock()
_idle: list[_Nursery] = []
atexit.register(release_idle)
os.register_at_fork(after_in_child=_idle.clear)


def _borrow(parsers: str) -> _Nursery:
    with _lock:
        for nursery in [one for one in reversed(_idle) if one.parsers == parsers]:
            _idle.remove(nursery)
            if time.monotonic() - nursery.idle_since < IDLE_SECONDS / 2:  # an older one may be about to leave
                return nursery
            nursery.kill()
    return _Nursery(parsers)


def _give_back(nursery: _Nursery) -> None:
    nursery.idle_since = time.monotonic()
    with _lock:
        _idle.append(nursery)


def _cause_of_death(status: int) -> str:
    if os.WIFSIGNALED(status):
        return f"died of {signal.Signals(os.WTERMSIG(status)).name}"
    return f"ended with code {os.waitstatus_to_exitcode(status)} and no answer"
