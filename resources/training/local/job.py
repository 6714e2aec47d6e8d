"""The process of a job: `python -m resources.training.local.job FOLDER`. Says in the folder how it goes and how it ended.

It imports neither Dagster nor our interfaces, and PyTorch only once it holds the job's lock.
"""

import os
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from types import FrameType

from resources.training.local.job_folder import JobFolder
from resources.training.local.locks import Occupied, held_here

DONE, FAILED, BUSY, STOPPED = 0, 1, 3, 4
CANCELLED, TOO_LONG = "cancelled", "too long"
_LOOK_SECONDS = 0.2
_UNRESPONSIVE_SECONDS = 5.0


class Stopped(BaseException):
    """The job is to end now. Not an `Exception`, so that no library takes it for a fault of its own."""


class Watch(threading.Thread):
    """Looks for a request to cancel and at the clock, and interrupts the main thread wherever it is.

    A main thread that does not react, deep in native code, is ended with the process.
    """

    def __init__(self, job: JobFolder, seconds_left: float):
        super().__init__(daemon=True)
        self.reason = ""
        self.interrupted = False
        self._job = job
        self._deadline = time.monotonic() + seconds_left
        self._over = threading.Event()

    def run(self) -> None:
        while not self.reason:
            if self._over.wait(_LOOK_SECONDS):
                return
            if self._job.cancelling:
                self.reason = CANCELLED
            elif time.monotonic() > self._deadline:
                self.reason = TOO_LONG
        os.kill(os.getpid(), signal.SIGTERM)
        if not self._over.wait(_UNRESPONSIVE_SECONDS):
            _stop(self._job, self.reason)
            os._exit(STOPPED)

    def stop(self) -> None:
        self._over.set()

    def interrupt(self, number: int, frame: FrameType | None) -> None:
        """The handler of SIGTERM, whoever sent it."""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        self.interrupted = True
        raise Stopped


def main(folder: str) -> int:
    """Runs the job of a folder to its end. Returns the exit code."""
    job = JobFolder(Path(folder))
    try:
        with held_here(job.run_lock, patience=2.0):
            return _work(job)
    except Occupied:
        return BUSY


def _work(job: JobFolder) -> int:
    status = job.status()
    if status is None or status.phase not in ("pending", "running"):
        return BUSY
    if job.manifest():  # killed after the work was done
        job.conclude("succeeded", "finished", stage="finished")
        return DONE
    request = job.request()
    started = time.monotonic()
    job.change(phase="running", stage="loading libraries", pid=os.getpid(), process_started=time.time())
    watch = Watch(job, request["max_seconds"] - status.seconds)
    signal.signal(signal.SIGTERM, watch.interrupt)
    watch.start()

    def seconds() -> float:
        return round(status.seconds + time.monotonic() - started, 1)

    try:
        from resources.training.local.fitting import fit

        manifest = fit(job, request, seconds)
        watch.stop()
        job.write_manifest(manifest)
        job.conclude("succeeded", "finished", stage="finished", seconds=seconds())
        return DONE
    except (Stopped, Exception) as error:
        watch.stop()
        if watch.interrupted:  # libraries being imported turn it into errors of their own
            # Without a reason of ours the machine is going down: the job stays unfinished, to be resumed.
            _stop(job, watch.reason or (CANCELLED if job.cancelling else ""))
            return STOPPED
        traceback.print_exc()
        job.conclude("failed", _told(error), seconds=seconds())
        return FAILED


def _stop(job: JobFolder, reason: str) -> None:
    if reason == CANCELLED:
        job.conclude("cancelled", "cancelled on request")
    elif reason == TOO_LONG:
        job.conclude(
            "failed",
            "took longer than trainers.local.max_hours; raise it and run again: it goes on from its last checkpoint",
        )
    else:
        job.add_event("warning", "its process was told to end; the job can be resumed")


def _told(error: BaseException) -> str:
    first = (str(error).strip() or "no message").split("\n")[0][:400]
    hint = "; lower batch_size or take a smaller base" if "out of memory" in str(error).lower() else ""
    return f"{type(error).__name__}: {first}{hint}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
