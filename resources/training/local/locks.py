"""Who is at work on a job folder. A lock of the operating system ends with its holder, however that ends."""

import fcntl
import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

_PAUSE = 0.02


class Occupied(Exception):
    """Somebody else holds the lock."""


@contextmanager
def held_here(path: Path, patience: float) -> Generator[None]:
    """Holds a lock file while the block runs. Raises `Occupied` if nobody lets go of it for so many seconds.

    Neither a killed holder nor a process id that is given out again can make it look held, and it holds across
    containers that share the folder. Children do not inherit it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + patience
    try:
        while not _try(descriptor, fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                raise Occupied(str(path))
            time.sleep(_PAUSE)
        yield
    finally:
        os.close(descriptor)


def is_held(path: Path) -> bool:
    """Whether a process holds the lock now. Looking does not stand in anyone's way for long."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not _try(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def _try(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
