"""Training seen from the assets: what every backend that trains can do."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from resources.training.base import (
    Artifact,
    DataFormat,
    JobEvent,
    JobHandle,
    JobState,
    Quote,
    TrainingData,
    TrainingSpec,
)


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

    def withdraw(self, data: TrainingData) -> Sequence[str]:
        """Deletes what was uploaded of these rows for a job that was never made; names what is gone."""
        return ()
