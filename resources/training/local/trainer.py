"""LoRA training on this machine: a detached process per specification, in a folder that says how it goes.

Processes die: machines restart, memory runs out. Whoever polls a job whose process is gone starts it again from its last
whole checkpoint, `restarts` times at most; a job that failed by itself is not started again unasked. Submitting an equal
specification goes on with whatever is unfinished, cancelled or failed.
"""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from resources.code_version import code_version
from resources.egress.policy import EgressOptions
from resources.errors import RaftlineError, SettingsError
from resources.llm.providers.words import scrubbed
from resources.training.base import (
    TERMINAL,
    Artifact,
    Cost,
    DataFormat,
    JobEvent,
    JobHandle,
    JobState,
    MetricRow,
    Phase,
    Quote,
    TrainingData,
    TrainingFailed,
    TrainingRejected,
    TrainingSpec,
)
from resources.training.local.artifacts import finished
from resources.training.local.hyperparameters import faults_of, parse
from resources.training.local.job_folder import RUNNING_PHASES, JobFolder, JobStatus
from resources.training.local.options import LocalTrainerOptions
from resources.training.local.preflight import (
    data_faults,
    estimate_seconds,
    library_faults,
    machine_faults,
)
from resources.training.local.preparing import changes_of, origin_of, prepare
from resources.training.local.supervision import await_end, deciding, launch, occupied, revive
from resources.training.trainer import Trainer

BACKEND = "local"
_PHASES: Mapping[str, Phase] = {
    "pending": "pending",
    "running": "running",
    "succeeded": "succeeded",
    "failed": "failed",
    "cancelled": "cancelled",
}


class LocalTrainer(Trainer):
    """Trains in processes of its own on this machine. Constructing it imports and starts nothing."""

    folder: str = Field(description="Folder of jobs and trained models, one sub-folder per specification.")
    options: LocalTrainerOptions = LocalTrainerOptions()
    egress: EgressOptions = EgressOptions()

    @property
    def backend(self) -> str:
        return BACKEND

    @property
    def capabilities(self) -> frozenset[str]:
        return frozenset({"rag", "closed_book", "few_shot", "cancel", "checkpoints", "parent"})

    @property
    def runs_here(self) -> bool:
        return True

    def not_real(self) -> str:
        """Nothing: what a model is depends on its base, and the artifact's provenance says it as `not_real`."""
        return ""

    def code_version(self) -> str:
        """Without the libraries' versions, which provenance records: a patch release does not retrain every student."""
        package = "resources.training.local"
        return code_version(*(f"{package}.{name}" for name in ("fitting", "weights", "rows", "hyperparameters")))

    def data_format(self, options: Mapping[str, Any]) -> DataFormat:
        if options:
            raise SettingsError(f"training.options: the local backend has none, not {', '.join(sorted(options))}")
        return "chat"

    def preflight(self, spec: TrainingSpec, data: TrainingData) -> None:
        """Fetches a base of the hub that is not here yet, as its tokenizer decides how long the rows are."""
        faults = library_faults()
        if not faults:
            faults = faults_of(dict(spec.hyperparameters))
            try:
                base = origin_of(spec, Path(self.folder), self.options, self.egress, download=True)
                unfit = [*base.faults(), *changes_of(base, self._job(spec.idem()))]
                if not (faults or unfit):
                    chosen = parse(dict(spec.hyperparameters))
                    faults += machine_faults(self.options, base, chosen, Path(self.folder))
                faults += unfit or data_faults(base, data.files)
            except RaftlineError as error:
                faults.append(str(error))
        if faults:
            raise TrainingRejected("\n".join(faults))

    def quote(self, spec: TrainingSpec, data: TrainingData) -> Quote:
        try:
            chosen = parse(dict(spec.hyperparameters))
            device = "cpu" if self.options.device == "auto" else self.options.device
            base = origin_of(spec, Path(self.folder), self.options, self.egress)
            seconds = estimate_seconds(base, chosen, data, device)
        except (RaftlineError, TypeError, ValueError):
            return Quote(None, "the base is not here yet, so that its size is not known")
        rate = self.options.usd_per_hour
        price = "trainers.local.usd_per_hour is not set" if rate is None else f"{rate} USD an hour"
        return Quote(self._usd(seconds), f"a rough guess from weights, rows and steps on {device}; {price}", seconds)

    def find(self, spec: TrainingSpec) -> JobHandle | None:
        """A job that a process works on, or one that is finished and whole. Starts nothing."""
        job = self._job(spec.idem())
        busy = occupied(job)
        status = job.status()
        if status is None:
            return None
        if status.phase in RUNNING_PHASES:
            return self._handle(job) if busy and not job.cancelling else None
        return self._handle(job) if self._succeeded(job) else None

    def submit(self, spec: TrainingSpec, data: TrainingData, tags: Mapping[str, str]) -> JobHandle:
        job = self._job(spec.idem())
        job.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        with deciding(job):
            await_end(job)
            if not job.alive and not self._succeeded(job):
                base = origin_of(spec, Path(self.folder), self.options, self.egress)
                prepare(job, base, spec, data, tags, self.options)
                launch(job, JobStatus())
        return self._handle(job)

    def poll(self, handle: JobHandle) -> JobState:
        """How far it is. A job whose process is gone is started again here, or failed with the end of its log."""
        job = self._job(handle.job_id)
        busy = occupied(job)
        status = job.status()
        if status is None:
            return JobState("failed", "missing", f"there is no job {handle.job_id} in {self.folder}")
        if status.phase in RUNNING_PHASES and not busy:
            status = revive(job, self.options.restarts)
        cost = Cost(status.seconds, "seconds", self._usd(status.seconds))
        phase = _PHASES.get(status.phase, "running")
        if phase in TERMINAL:
            return JobState(phase, status.phase, scrubbed(status.message, ()), cost)
        steps = f"step {status.step} of {status.steps}" if status.steps else ""
        return JobState(phase, status.stage, "being cancelled" if job.cancelling else steps, cost)

    def events(self, handle: JobHandle, seen: str) -> tuple[Sequence[JobEvent], str]:
        rows = self._job(handle.job_id).events()
        first = int(seen) if seen.isdigit() else 0
        fresh = [
            JobEvent(str(number), row["level"], scrubbed(str(row["message"]), ()))
            for number, row in enumerate(rows[first:], first + 1)
        ]
        return fresh, str(max(first, len(rows)))

    def cancel(self, handle: JobHandle) -> None:
        """The job's process looks for the request five times a second; a job without a process is over at once."""
        job = self._job(handle.job_id)
        busy = occupied(job)
        status = job.status()
        if status is None or status.phase not in RUNNING_PHASES:
            return
        job.request_cancel()
        if not busy:
            revive(job, self.options.restarts)

    def artifact(self, handle: JobHandle) -> Artifact:
        manifest = finished(self._job(handle.job_id))
        curve = tuple(MetricRow(**row) for row in manifest["curve"])
        return Artifact(handle.job_id, manifest["files"], manifest["metrics"], curve, manifest["provenance"])

    def probe(self) -> str:
        faults = library_faults()
        if faults:
            raise SettingsError("; ".join(faults))
        given = self.options.models_folder
        if not given:
            return "libraries are here; base models by path or hub id"
        if not Path(given).is_dir():
            raise SettingsError(f"trainers.local.models_folder: there is no folder {given}")
        names = sorted(path.parent.name for path in Path(given).glob("*/config.json"))
        return f"libraries are here; base models: {', '.join(names) or 'none'} in {given}"

    def discard(self, handle: JobHandle) -> Sequence[str]:
        """The folder of a job that no process works on: its weights, hashes and log."""
        job = self._job(handle.job_id)
        if not job.path.is_dir() or occupied(job):
            return ()
        shutil.rmtree(job.path)
        return [str(job.path)]

    def _succeeded(self, job: JobFolder) -> bool:
        status = job.status()
        if status is None or status.phase != "succeeded":
            return False
        try:
            finished(job)
        except TrainingFailed:
            return False
        return True

    def _usd(self, seconds: float) -> float | None:
        rate = self.options.usd_per_hour
        return None if rate is None else round(rate * seconds / 3600, 4)

    def _job(self, job_id: str) -> JobFolder:
        return JobFolder(Path(self.folder) / job_id)

    def _handle(self, job: JobFolder) -> JobHandle:
        return JobHandle(BACKEND, job.path.name, job.path.name, job.request().get("submitted_at", ""))
