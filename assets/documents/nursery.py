"""The server process that parses documents: it imports the parsers once and forks a limited child for every task.

Its callers are in `assets.documents.isolation`. A task that is late is killed and nothing else: the server stays warm.
"""

import importlib
import math
import os
import pickle
import resource
import signal
import time
from dataclasses import dataclass
from io import FileIO
from multiprocessing.connection import Connection, wait

LAYOUT, PDFIUM = "layout", "pdfium"
"""What a nursery has imported: PyMuPDF with pdfium, or pdfium alone."""

IDLE_SECONDS = 30.0
"""A nursery without work (250 MB) leaves after this time."""

_CHUNK = 1 << 20


@dataclass(frozen=True)
class Task:
    """The limits of a task; the pickled function with its arguments follows them.

    `seconds` are on the clock. `cpu_seconds` are of work, for all of it, and `patience` for what lies between two signs of
    life: on a crowded machine work takes longer, but not more work.
    """

    seconds: float
    patience: float
    memory_bytes: int
    cpu_seconds: int


@dataclass
class _Running:
    """The task of this process, if it is a child."""

    task: Task | None = None


_running = _Running()


def getting_on() -> None:
    """A sign of life of the task that calls this, by which its patience begins anew; outside of a child nothing happens."""
    if _running.task is not None:
        _limit_cpu(_running.task)


def _limit_cpu(task: Task) -> None:
    """Let the kernel end this process (SIGXCPU) when its patience, or all its CPU time, is used up."""
    until = min(math.ceil(time.process_time() + task.patience), task.cpu_seconds)
    resource.setrlimit(resource.RLIMIT_CPU, (until, task.cpu_seconds + 5))


def serve(descriptor: int, parsers: str) -> None:
    """The server's main loop: one forked child per task, until the caller hangs up or has no more work."""
    connection = Connection(descriptor)
    try:
        _PARSERS[parsers]()
    except Exception as error:
        connection.send_bytes(pickle.dumps(f"{type(error).__name__}: {error}"))
        return
    connection.send_bytes(pickle.dumps(""))
    while connection.poll(IDLE_SECONDS):
        try:
            task: Task = pickle.loads(connection.recv_bytes())
            work = connection.recv_bytes()
        except EOFError:
            return
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            _child(task, work, writing)
        os.close(writing)
        with os.fdopen(reading, "rb", buffering=0) as pipe:
            late, answer = _answer(pipe, connection, task)
        if late:
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        try:
            connection.send_bytes(pickle.dumps((late, status, answer)))
        except OSError:
            return


def _answer(pipe: FileIO, connection: Connection, task: Task) -> tuple[str, bytes]:
    """Why the child is to be killed, empty if it ends by itself, and all that it answers."""
    answer = bytearray()
    end = time.monotonic() + task.seconds
    while True:
        left = end - time.monotonic()
        ready = wait([pipe.fileno(), connection], max(0.0, left))
        if connection in ready:  # callers say nothing while a task runs: this one has died
            return "nobody waits for it any more", b""
        if not ready:
            return f"took longer than {task.seconds:.0f} s", b""
        part = pipe.read(_CHUNK)
        if not part:
            return "", bytes(answer)
        answer += part


def _child(task: Task, work: bytes, writing: int) -> None:
    """Run one task under its limits, write the pickled answer, and leave without cleaning up."""
    code = 1
    try:
        resource.setrlimit(resource.RLIMIT_AS, (task.memory_bytes, task.memory_bytes))
        _limit_cpu(task)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        _running.task = task
        function, args = pickle.loads(work)
        try:
            answer = ("value", function(*args))
        except Exception as error:  # the parsers raise dozens of unrelated types
            answer = ("raised", type(error).__name__, str(error)[:500])
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(pickle.dumps(answer))
        code = 0
    finally:
        os._exit(code)


def _import_layout() -> None:
    """Import PyMuPDF and its witness, with one thread per inference session: threads do not survive a fork."""
    import onnxruntime

    class OneThread(onnxruntime.SessionOptions):
        def __init__(self) -> None:
            super().__init__()
            self.intra_op_num_threads = 1
            self.inter_op_num_threads = 1

    onnxruntime.SessionOptions = OneThread

    import pymupdf

    pymupdf.TOOLS.mupdf_display_errors(False)
    pymupdf.TOOLS.mupdf_display_warnings(False)
    _load_pdfium()
    importlib.import_module("assets.documents.page_objects")  # with all that every child would import anew


def _import_pdfium() -> None:
    _load_pdfium()
    importlib.import_module("assets.documents.permissive.reading")


def _load_pdfium() -> None:
    import pypdfium2

    pypdfium2.PdfDocument.new().close()


_PARSERS = {LAYOUT: _import_layout, PDFIUM: _import_pdfium}
