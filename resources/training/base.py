"""Training seen from the assets: what to train, who trains it, and the trained model as a chat target."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resources.errors import RaftlineError
from resources.hashing import canonical_json, content_hash
from resources.llm.provider import ChatProvider

SUCCEEDED = "succeeded"
TERMINAL = frozenset({SUCCEEDED, "failed", "cancelled"})
"""Any status not listed here, known to us or not, means: keep polling."""


class TrainingRejected(RaftlineError):
    """A dataset or specification that the backend cannot train; found before anything is spent."""


class TrainingFailed(RaftlineError):
    """A job that ended in any terminal state but success, with the service's own words."""


@dataclass(frozen=True)
class TrainingSpec:
    """What a training run is, down to the bytes it learns from. Two equal specs are the same run.

    `dataset_version` is the data version of the `raft_dataset` partition; `code_version` names the training
    code of a backend that runs in this process and is empty for a hosted service.
    """

    backend: str
    base_model: str
    dataset_version: str
    hyperparameters: tuple[tuple[str, Any], ...] = ()
    seed: int = 0
    parent: str = ""
    code_version: str = ""

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
        }

    def to_json(self) -> str:
        return canonical_json(self.as_dict())


@dataclass(frozen=True)
class TrainingData:
    """The rows of one `raft_dataset` partition by split, as the recipe composed them."""

    train: tuple[Mapping[str, Any], ...]
    validation: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class JobHandle:
    """Names a job at its service; written down the moment it exists."""

    backend: str
    job_id: str
    idem: str


@dataclass(frozen=True)
class JobState:
    """A job's status in the service's own word, and its message."""

    status: str
    message: str = ""

    @property
    def terminal(self) -> bool:
        return self.status in TERMINAL


@dataclass(frozen=True)
class Artifact:
    """A finished model: where its files are, their sha256 by name, and its metrics and loss curve."""

    location: str
    files: Mapping[str, str]
    metrics: Mapping[str, float]
    curve: tuple[tuple[int, float, float], ...]


class Trainer(ABC):
    """A training backend. Adopt before create: `find` is asked before `submit`."""

    backend: str
    capabilities: frozenset[str] = frozenset()
    """What its models can do: `rag` (answer from documents), `closed_book`, `few_shot`."""
    real_model: bool = True
    """False for emulators and random weights: such models are never ranked, promoted or recommended."""

    @abstractmethod
    def code_version(self) -> str:
        """Names the training code where it runs here; empty for a hosted service."""

    @abstractmethod
    def validate(self, spec: TrainingSpec, data: TrainingData) -> None:
        """Raises `TrainingRejected` if the data cannot be trained, before anything is spent."""

    @abstractmethod
    def find(self, spec: TrainingSpec) -> JobHandle | None:
        """The job of an equal spec, finished or running, if there is one."""

    @abstractmethod
    def submit(self, spec: TrainingSpec, data: TrainingData) -> JobHandle:
        """Starts the job. Called only after `find` returned None."""

    @abstractmethod
    def poll(self, handle: JobHandle) -> JobState: ...

    @abstractmethod
    def cancel(self, handle: JobHandle) -> None: ...

    @abstractmethod
    def artifact(self, handle: JobHandle) -> Artifact:
        """The finished model. Raises `TrainingFailed` if files are missing or do not match their hashes."""

    @abstractmethod
    def target(self, location: str, idem: str) -> ChatProvider:
        """The trained model as an OpenAI-shaped chat target; verifies the artifact's hashes first."""

    @abstractmethod
    def base_target(self, base_model: str, data: TrainingData) -> ChatProvider:
        """The strongest untrained model that a trained one is compared with, tuned on validation only."""


def verify_files(folder: Path, files: Mapping[str, str]) -> None:
    """Raises `TrainingFailed` naming the first file whose sha256 differs from the manifest."""
    for name, expected in sorted(files.items()):
        path = folder / name
        if not path.is_file():
            raise TrainingFailed(f"artifact {folder}: {name} is missing; train again with another seed or delete it")
        if hashlib.sha256(path.read_bytes()).hexdigest() != expected:
            raise TrainingFailed(f"artifact {folder}: {name} does not match its recorded hash; it was changed or torn")
