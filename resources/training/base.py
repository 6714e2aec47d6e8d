"""Training seen from the assets: what to train, who trains it, and what a job tells while it runs and when it is over."""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import dagster as dg

from resources.errors import RaftlineError
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


class Trainer(dg.ConfigurableResource, ABC):
    """A training backend. Adopt before create: `submit` itself looks for the job of an equal spec first.

    Methods raise `TrainingUnreachable` where the service cannot be asked, and never repeat a creating call blindly.
    """

    @property
    @abstractmethod
    def backend(self) -> str:
        """The name by which recipes choose it."""

    @property
    @abstractmethod
    def capabilities(self) -> frozenset[str]:
        """What its models can do (`rag`, `closed_book`, `few_shot`) and its jobs (`cancel`, `checkpoints`, `parent`, `spot`)."""

    @property
    @abstractmethod
    def runs_here(self) -> bool:
        """Whether rows stay on this machine: then nothing is redacted, and nobody is billed."""

    @property
    def destination(self) -> str:
        """The host that rows are uploaded to, as egress rules name it. The backend's own name counts as a foreign host."""
        return self.backend

    @abstractmethod
    def not_real(self) -> str:
        """Why its models are no real ones (an emulator's, random weights), or an empty text.

        Such a model is shown, but never ranked, promoted or recommended.
        """

    @abstractmethod
    def code_version(self) -> str:
        """Names the training code where it runs here; empty for a hosted service."""

    @abstractmethod
    def data_format(self, options: Mapping[str, Any]) -> DataFormat:
        """How it wants its rows, given a recipe's `training.options`. Raises `SettingsError` for unknown options."""

    @abstractmethod
    def preflight(self, spec: TrainingSpec, data: TrainingData) -> None:
        """Raises `TrainingRejected` with everything that is wrong, a line each, before anything is spent.

        Row and size limits, tokens per row, the base model's availability and retirement, terms not acknowledged,
        permissions and quota as far as they can be asked for.
        """

    @abstractmethod
    def quote(self, spec: TrainingSpec, data: TrainingData) -> Quote:
        """What the job would cost and how long it would take."""

    @abstractmethod
    def find(self, spec: TrainingSpec) -> JobHandle | None:
        """The job of an equal spec that is running or succeeded, if there is one. Failed and cancelled ones do not count."""

    @abstractmethod
    def submit(self, spec: TrainingSpec, data: TrainingData, tags: Mapping[str, str]) -> JobHandle:
        """The job of this spec: the one there is, else a new one. However often it is called, one job is alive.

        Raises `CapacityLacking` where the service may have room later. `tags` (owner, run) are attached to what is created.
        """

    @abstractmethod
    def poll(self, handle: JobHandle) -> JobState:
        """How far it is. Raises `CapacityLacking` where it ended because there was no room: it may be submitted again."""

    @abstractmethod
    def events(self, handle: JobHandle, seen: str) -> tuple[Sequence[JobEvent], str]:
        """The events after the cursor `seen` (empty: from the start), oldest first, and the new cursor."""

    @abstractmethod
    def cancel(self, handle: JobHandle) -> None:
        """Asks the service to stop the job. Harmless for one that is over."""

    @abstractmethod
    def artifact(self, handle: JobHandle) -> Artifact:
        """The finished model. Raises `TrainingFailed` if it is missing or does not match its hashes."""

    def probe(self) -> str:
        """Who trains, and what it takes to ask: reading calls alone, in words for `raftline doctor`."""
        return "nothing to look at"

    def discard(self, handle: JobHandle) -> Sequence[str]:
        """Deletes what was uploaded for a job that is over, and its files where we may; names what is gone."""
        return ()


def verify_files(folder: Path, files: Mapping[str, str]) -> None:
    """Raises `TrainingFailed` naming the first file whose sha256 differs from the manifest."""
    for name, expected in sorted(files.items()):
        path = folder / name
        if not path.is_file():
            raise TrainingFailed(f"artifact {folder}: {name} is missing; train again with another seed or delete it")
        if hashlib.sha256(path.read_bytes()).hexdigest() != expected:
            raise TrainingFailed(f"artifact {folder}: {name} does not match its recorded hash; it was changed or torn")
