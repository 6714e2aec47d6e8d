"""What is trained, and what a job tells while it runs and when it is over: the values that trainers and assets share."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from resources.errors import RaftlineError
from resources.files import file_sha256
from resources.hashing import canonical_json, content_hash

SUCCEEDED = "succeeded"
FAILED = "failed"
CANCELLED = "cancelled"
Phase = Literal["pending", "running", "paused", "succeeded", "failed", "cancelled"]
TERMINAL = frozenset({SUCCEEDED, FAILED, CANCELLED})

DataFormat = Literal["rows", "chat", "jumpstart_instruction", "jumpstart_chat"]
"""How a backend wants its rows: as they are (trained in this process), or as files."""


class TrainingRejected(RaftlineError):
    """A dataset, specification or account that the backend cannot train with; found before anything is spent."""


class TrainingFailed(RaftlineError):
    """A job that ended in any terminal state but success, or an artifact that is not whole. Trying again does not help."""


class TrainingUnreachable(RaftlineError):
    """The service cannot be asked now (network, expired credentials, throttling); the job there goes on.

    Whoever polls waits and asks again until the deadline of the job; nothing is lost and nothing is created anew.
    """


class CapacityLacking(RaftlineError):
    """The service has no room for the job now. The same specification may be submitted again later."""


@dataclass(frozen=True)
class TrainingSpec:
    """What a training run is, down to the bytes it learns from. Two equal specs are the same run.

    `dataset_version` is the data version of the `raft_dataset` partition; `code_version` names the training code of a
    backend that runs on this machine and is empty for a hosted service. `options` are the backend's own settings that
    change the result (data format, method); where and on what a job runs is no part of a spec. `upload` names the
    rules under which rows were redacted before they left; empty where they stay here.
    """

    backend: str
    base_model: str
    dataset_version: str
    hyperparameters: tuple[tuple[str, Any], ...] = ()
    seed: int = 0
    parent: str = ""
    code_version: str = ""
    options: tuple[tuple[str, Any], ...] = ()
    upload: str = ""

    def idem(self) -> str:
        """The idempotency key (16 hex digits): job name, artifact folder and model identity."""
        return content_hash(self.as_dict())[:16]

    def as_dict(self) -> dict[str, Any]:
        return {
            "backend": self.backend,
            "base_model": self.base_model,
            "dataset_version": self.dataset_version,
            "hyperparameters": dict(sorted(self.hyperparameters)),
            "seed": self.seed,
            "parent": self.parent,
            "code_version": self.code_version,
            "options": dict(sorted(self.options)),
            "upload": self.upload,
        }

    def to_json(self) -> str:
        return canonical_json(self.as_dict())

    @classmethod
    def from_json(cls, text: str) -> "TrainingSpec":
        fields: dict[str, Any] = json.loads(text)
        for name in ("hyperparameters", "options"):
            fields[name] = tuple(sorted(fields[name].items()))
        return cls(**fields)


@dataclass(frozen=True)
class TrainingData:
    """The rows of one `raft_dataset` partition by split, and the files made of them for a backend that takes files.

    `files` holds `train.jsonl`, `validation.jsonl` (where there are validation rows) and what else the format asks for,
    by name, exactly as they are uploaded: redacted, UTF-8 without BOM.
    """

    train: tuple[Mapping[str, Any], ...]
    validation: tuple[Mapping[str, Any], ...]
    files: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class JobHandle:
    """Names a job at its service; written down the moment it exists. `details` is the backend's own."""

    backend: str
    job_id: str
    idem: str
    submitted_at: str = ""
    details: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        return canonical_json(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "JobHandle":
        return cls(**json.loads(text))


@dataclass(frozen=True)
class Cost:
    """What a job was billed for: `quantity` in `unit` (trained tokens, billable seconds, seconds), and USD if priced."""

    quantity: float
    unit: str
    usd: float | None = None


@dataclass(frozen=True)
class JobState:
    """How far a job is: its phase, the service's own word for it, and its message.

    A status that the backend does not know is not terminal: it is reported as `pending` or `running` with that word.
    """

    phase: Phase
    status: str
    message: str = ""
    cost: Cost | None = None

    @property
    def terminal(self) -> bool:
        return self.phase in TERMINAL

    @property
    def words(self) -> str:
        """What the service says of the job."""
        return in_words(self.status, self.message)


def in_words(status: str, message: str) -> str:
    """A status with its message, and once what both say."""
    return ": ".join(dict.fromkeys(filter(None, (status, message))))


@dataclass(frozen=True)
class JobEvent:
    """A line of the service's log of a job; `event_id` tells which were seen already."""

    event_id: str
    level: Literal["info", "warning", "error"]
    message: str


@dataclass(frozen=True)
class MetricRow:
    """What was measured at a step; None where nothing was."""

    step: int
    train_loss: float | None = None
    validation_loss: float | None = None
    train_accuracy: float | None = None
    validation_accuracy: float | None = None


@dataclass(frozen=True)
class Quote:
    """What a job is expected to cost and take, and what that is based on. None where no price or rate is known."""

    usd: float | None
    basis: str
    seconds: float | None = None


@dataclass(frozen=True)
class Artifact:
    """A finished model: where it is, the sha256 of its files by name (empty where the service keeps them), its metrics.

    `provenance` names what the service tells of it: model id, revision of the base, checkpoint, image.
    """

    location: str
    files: Mapping[str, str]
    metrics: Mapping[str, float]
    curve: tuple[MetricRow, ...]
    provenance: Mapping[str, str] = field(default_factory=dict)


def verify_files(folder: Path, files: Mapping[str, str], hash_of: Callable[[Path], str] = file_sha256) -> None:
    """Raises `TrainingFailed` naming the first file whose sha256 differs from the manifest."""
    for name, expected in sorted(files.items()):
        path = folder / name
        if not path.is_file():
            raise TrainingFailed(f"artifact {folder}: {name} is missing; delete the folder and train again")
        if hash_of(path) != expected:
            raise TrainingFailed(f"artifact {folder}: {name} does not match its recorded hash; it was changed or torn")
