"""The folder of a job: what is to be done, how far it is, what was measured. The only thing that both sides share.

The trainer writes `job.json` and the data, and starts the process; from then on the process alone writes. Everything here
is plain files, so that any later process finds the job again.
"""

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from resources.files import file_sha256, write_whole
from resources.hashing import canonical_json
from resources.training.local.locks import is_held

RUNNING_PHASES = ("pending", "running")
LOG_TAIL = 2000
_WHOLE = "whole.json"


@dataclass(frozen=True)
class JobStatus:
    """How far a job is. `stage` says what it does now; `seconds` is its time so far, over all its processes.

    `launches` counts its processes since it was last submitted, `pid` and `process_started` (seconds of the epoch) name
    the latest of them for people: whether it lives is told by the lock.
    """

    phase: str = "pending"
    stage: str = "starting"
    step: int = 0
    steps: int = 0
    message: str = ""
    seconds: float = 0.0
    launches: int = 0
    pid: int = 0
    process_started: float = 0.0


@dataclass(frozen=True)
class JobFolder:
    """A job's files. Reading never fails on what a killed process left half-written."""

    path: Path

    @property
    def run_lock(self) -> Path:
        """Held by the job's process as long as it lives."""
        return self.path / "run.lock"

    @property
    def launch_lock(self) -> Path:
        """Held while somebody decides whether to start a process."""
        return self.path / "launch.lock"

    @property
    def log(self) -> Path:
        return self.path / "log.txt"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def adapter(self) -> Path:
        return self.path / "adapter"

    @property
    def merged(self) -> Path:
        return self.path / "merged"

    @property
    def data(self) -> Path:
        return self.path / "data"

    @property
    def alive(self) -> bool:
        """Whether a process works on it now."""
        return is_held(self.run_lock)

    def request(self) -> dict[str, Any]:
        """`job.json`; empty if there is none."""
        return _read(self.path / "job.json")

    def write_request(self, request: Mapping[str, Any]) -> None:
        write_whole(self.path / "job.json", canonical_json(request).encode())

    def status(self) -> JobStatus | None:
        """None for a job that was never started."""
        found = _read(self.path / "status.json")
        known = {key: value for key, value in found.items() if key in JobStatus.__dataclass_fields__}
        return JobStatus(**known) if known else None

    def write_status(self, status: JobStatus) -> JobStatus:
        write_whole(self.path / "status.json", canonical_json(asdict(status)).encode())
        return status

    def change(self, **changes: Any) -> JobStatus:
        """Writes the status with these fields changed."""
        return self.write_status(replace(self.status() or JobStatus(), **changes))

    def conclude(self, phase: str, message: str, **changes: Any) -> JobStatus:
        """Ends the job in a phase. The rows go: whoever submits it again brings them, and they may have been erased."""
        shutil.rmtree(self.data, ignore_errors=True)
        if phase == "succeeded":
            shutil.rmtree(self.checkpoints, ignore_errors=True)
        self.add_event("info" if phase == "succeeded" else "error", message)
        return self.change(phase=phase, message=message, **changes)

    def forget_progress(self) -> None:
        """Removes checkpoints and measurements of what is not the same run any more."""
        shutil.rmtree(self.checkpoints, ignore_errors=True)
        (self.path / "metrics.jsonl").unlink(missing_ok=True)

    @property
    def cancelling(self) -> bool:
        return (self.path / "CANCEL").exists()

    def request_cancel(self) -> None:
        (self.path / "CANCEL").touch()

    def forget_cancel(self) -> None:
        (self.path / "CANCEL").unlink(missing_ok=True)

    def add_event(self, level: str, message: str) -> None:
        _append(self.path / "events.jsonl", {"level": level, "message": message})

    def events(self) -> list[dict[str, Any]]:
        return list(_lines(self.path / "events.jsonl"))

    def add_metrics(self, row: Mapping[str, Any]) -> None:
        _append(self.path / "metrics.jsonl", row)

    def curve(self) -> list[dict[str, Any]]:
        """What was measured, one row per step. A step that was repeated after a restart counts as measured last."""
        steps: dict[int, dict[str, Any]] = {}
        for row in _lines(self.path / "metrics.jsonl"):
            if isinstance(row.get("step"), int):
                steps[row["step"]] = {**steps.get(row["step"], {}), **row}
        return [steps[step] for step in sorted(steps)]

    def manifest(self) -> dict[str, Any]:
        """What a finished job made, with the hashes of its files; empty while there is nothing."""
        return _read(self.path / "manifest.json")

    def write_manifest(self, manifest: Mapping[str, Any]) -> None:
        write_whole(self.path / "manifest.json", canonical_json(manifest).encode())

    def forget_manifest(self) -> None:
        (self.path / "manifest.json").unlink(missing_ok=True)

    def log_tail(self) -> str:
        """The end of what the process printed."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, self.log.stat().st_size - LOG_TAIL))
                return file.read().decode("utf-8", "replace")
        except FileNotFoundError:
            return ""

    def mark_whole(self, checkpoint: Path) -> None:
        """Notes what a checkpoint consists of, once everything of it was written."""
        files = {path.name: file_sha256(path) for path in sorted(checkpoint.iterdir()) if path.is_file()}
        write_whole(checkpoint / _WHOLE, canonical_json(files).encode())

    def last_checkpoint(self) -> Path | None:
        """The latest checkpoint whose files are all as they were written; those after it are removed."""
        for checkpoint in sorted(self.checkpoints.glob("checkpoint-*"), key=_step, reverse=True):
            files = _read(checkpoint / _WHOLE)
            if files and all(_matches(checkpoint / name, digest) for name, digest in files.items()):
                return checkpoint
            shutil.rmtree(checkpoint, ignore_errors=True)
        return None


def _step(checkpoint: Path) -> int:
    number = checkpoint.name.rpartition("-")[2]
    return int(number) if number.isdigit() else -1


def _matches(path: Path, digest: str) -> bool:
    return path.is_file() and file_sha256(path) == digest


def _append(path: Path, row: Mapping[str, Any]) -> None:
    with path.open("ab") as file:
        file.write(canonical_json(row).encode() + b"\n")


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    """The whole lines of a file that a killed process may have left with a torn one."""
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return
    for line in lines:
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict):
            yield row


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
