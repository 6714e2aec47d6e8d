"""The Azure OpenAI trainer: supervised fine-tuning jobs of a resource, each looked for before one is made."""

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from pydantic import Field, PrivateAttr

from resources.egress.policy import EgressOptions
from resources.errors import SettingsError
from resources.training.azure_openai.checks import (
    MINIMUM_ROWS,
    can_be_tuned,
    file_problems,
    model_problems,
    spec_problems,
)
from resources.training.azure_openai.costs import cost_of, quote_of
from resources.training.azure_openai.deployments import TUNED
from resources.training.azure_openai.faults import FULL, AccessDenied, waiting_for
from resources.training.azure_openai.files import delete_files, ensure_file, find_files
from resources.training.azure_openai.jobs import Job, job_body, ours, suffix_of
from resources.training.azure_openai.management import Account
from resources.training.azure_openai.management_faults import NoToken
from resources.training.azure_openai.options import BACKEND, SECTION, AzureTrainerOptions
from resources.training.azure_openai.results import last_measures
from resources.training.azure_openai.service import Service, door_of
from resources.training.azure_openai.tuning import Tuning
from resources.training.base import (
    FAILED,
    SUCCEEDED,
    TERMINAL,
    Artifact,
    CapacityLacking,
    DataFormat,
    JobEvent,
    JobHandle,
    JobState,
    Quote,
    TrainingData,
    TrainingFailed,
    TrainingRejected,
    TrainingSpec,
    TrainingUnreachable,
)
from resources.training.serving import DeploymentFailed
from resources.training.trainer import Trainer

NOT_REAL = "it was trained by an emulator of Azure OpenAI"
TRAIN, VALIDATION = "train.jsonl", "validation.jsonl"


class AzureTrainer(Trainer):
    """Trains on one Azure OpenAI (or Foundry) resource. Making a trainer contacts nobody."""

    options: AzureTrainerOptions = Field(description="Where it trains, on what, and what it costs.")
    egress: EgressOptions = Field(EgressOptions(), description="What may leave, and where to.")
    egress_folder: str = Field("", description="Folder of the egress log; nothing is logged if empty.")

    _opened: Service | None = PrivateAttr(None)

    @property
    def backend(self) -> str:
        return BACKEND

    @property
    def capabilities(self) -> frozenset[str]:
        return frozenset({"rag", "closed_book", "few_shot", "cancel", "checkpoints", "parent"})

    @property
    def runs_here(self) -> bool:
        return False

    @property
    def destination(self) -> str:
        return (urlsplit(self.options.endpoint).hostname or BACKEND).lower()

    def not_real(self) -> str:
        """Every answer of an emulator says what it is. Asks for the models if there was no answer yet."""
        if self._service.emulated is None:
            self._tuning.offered()
        return NOT_REAL if self._service.emulated else ""

    def code_version(self) -> str:
        return ""

    def data_format(self, options: Mapping[str, Any]) -> DataFormat:
        if options:
            raise SettingsError(f"training.options: azure_openai has none, not {', '.join(sorted(options))}")
        return "chat"

    def preflight(self, spec: TrainingSpec, data: TrainingData) -> None:
        found = spec_problems(spec) + file_problems(TRAIN, data.files.get(TRAIN, b""), self.options, MINIMUM_ROWS)
        found += file_problems(VALIDATION, data.files.get(VALIDATION, b""), self.options)
        account = Account(self.options, door_of(self.egress, self.egress_folder))
        try:
            found += model_problems(self._model(spec), self._tuning.offered(), self.options, datetime.now(UTC))
            self._tuning.recent()  # whether this identity may see jobs at all
            account.list()  # whether what is trained can be deployed: that would be known too late
        except (TrainingRejected, DeploymentFailed, NoToken) as refusal:
            found.append(str(refusal))
        if found:
            raise TrainingRejected("\n".join(found))

    def quote(self, spec: TrainingSpec, data: TrainingData) -> Quote:
        return quote_of(spec, data.files[TRAIN], self.options)

    def find(self, spec: TrainingSpec) -> JobHandle | None:
        with waiting_for(AccessDenied):
            return self._find(spec, "")

    def submit(self, spec: TrainingSpec, data: TrainingData, tags: Mapping[str, str]) -> JobHandle:
        found = self._find(spec, "")
        if found:
            return found
        model = self._model(spec)
        train = ensure_file(self._service, "train", data.files[TRAIN])
        held = data.files.get(VALIDATION, b"")
        enough = sum(bool(line.strip()) for line in held.splitlines()) >= MINIMUM_ROWS
        validation = ensure_file(self._service, "validation", held) if enough else ""
        found = self._find(spec, train)  # uploading takes its time: another process may have been here
        if found:
            return found
        body = job_body(spec, model, suffix_of(spec, self.options.suffix), train, validation, tags)
        try:
            return _handle(self._tuning.create(body, self.options.training_type), spec, self.destination)
        except TrainingUnreachable as failure:
            unanswered = failure
        return self._adopted(spec, train, unanswered)

    def poll(self, handle: JobHandle) -> JobState:
        job = self._job(handle)
        if job is None:
            return JobState(FAILED, "deleted", f"{self.destination} has no job {handle.job_id} any more")
        message = self._tuning.words(f"{job.error} ({job.error_code})" if job.error_code else job.error)
        if job.phase == FAILED and job.error_code.lower() in FULL:
            raise CapacityLacking(f"{self.destination} had no room for job {job.job_id}: {message}")
        return JobState(job.phase, self._tuning.words(job.status), message, cost_of(job, self.options))

    def events(self, handle: JobHandle, seen: str) -> tuple[Sequence[JobEvent], str]:
        with waiting_for(AccessDenied, SettingsError):
            return self._tuning.events(handle.job_id, seen)

    def cancel(self, handle: JobHandle) -> None:
        with waiting_for(AccessDenied, SettingsError):
            self._tuning.cancel(handle.job_id)

    def artifact(self, handle: JobHandle) -> Artifact:
        job = self._job(handle)
        if job is None or job.phase != SUCCEEDED or not job.tuned:
            state = "is not there any more" if job is None else f"is {job.status} and names no model"
            raise TrainingFailed(f"job {handle.job_id} at {self.destination} {state}: there is nothing to use")
        if job.idem and job.idem != handle.idem:
            raise TrainingFailed(f"job {handle.job_id} trained another specification: {job.idem}, not {handle.idem}")
        with waiting_for(AccessDenied, SettingsError):
            curve, checkpoints = self._tuning.curve(job), self._tuning.checkpoints(job.job_id)
        provenance = {
            "job": job.job_id,
            "fine_tuned_model": job.tuned,
            "base_model": job.model,
            "training_file": job.training_file,
            "seed": "" if job.seed is None else str(job.seed),
            "checkpoints": " ".join(checkpoints),
            "endpoint": self._service.site.host,
        }
        trained = {} if job.trained_tokens is None else {"trained_tokens": float(job.trained_tokens)}
        return Artifact(job.tuned, {}, {**last_measures(curve), **trained}, curve, provenance)

    def probe(self) -> str:
        tunable = sum(can_be_tuned(model) for model in self._tuning.offered().values())
        self._tuning.recent()
        told = f"{self.destination} takes the {'key' if self.options.auth == 'key' else 'identity'}"
        return f"{told}, {tunable} models can be tuned" + (", an emulator, not a real model" if self.not_real() else "")

    def discard(self, handle: JobHandle) -> Sequence[str]:
        """The files of a job, if it is over. The model it made stays: the service keeps it without charge."""
        job = self._job(handle)
        if job is None or job.phase not in TERMINAL:
            return ()
        files = (job.training_file, job.validation_file, *job.result_files)
        return delete_files(self._service, [name for name in files if name])

    def withdraw(self, data: TrainingData) -> Sequence[str]:
        uploaded = {"train": data.files[TRAIN], "validation": data.files.get(VALIDATION, b"")}
        return delete_files(self._service, find_files(self._service, uploaded))

    def _adopted(self, spec: TrainingSpec, train: str, unanswered: TrainingUnreachable) -> JobHandle:
        """The job whose creation was not answered, if there is one after all. It may take a while to be listed."""
        for pause in (0.0, self.options.second_look_seconds):
            time.sleep(pause)
            found = self._find(spec, train)
            if found:
                return found
        raise unanswered

    def _find(self, spec: TrainingSpec, training_file: str) -> JobHandle | None:
        suffix = suffix_of(spec, self.options.suffix)
        found = ours(self._tuning.recent(), spec.idem(), suffix, training_file)
        return _handle(found, spec, self.destination) if found else None

    def _model(self, spec: TrainingSpec) -> str:
        """What the job starts from: the base model, or the model of the parent, given by name or by its specification."""
        if not spec.parent or TUNED in spec.parent:
            return spec.parent or spec.base_model
        suffix = f"{self.options.suffix}-{spec.parent[:8]}"
        parent = ours(self._tuning.recent(), spec.parent, suffix)
        if parent and parent.tuned:
            return parent.tuned
        for name in self._tuning.offered():  # a model outlives the record of its job
            if TUNED in name and name.endswith(f"-{suffix}"):
                return name
        raise TrainingRejected(f"parent: {self.destination} has no model of the specification {spec.parent}")

    def _job(self, handle: JobHandle) -> Job | None:
        host = handle.details.get("endpoint", self.destination)
        if host != self.destination:
            raise TrainingUnreachable(
                f"job {handle.job_id} is at {host}, and {SECTION}.endpoint names {self.destination}"
            )
        with waiting_for(AccessDenied, SettingsError):
            return self._tuning.job(handle.job_id)

    @property
    def _service(self) -> Service:
        if self._opened is None:
            self._opened = Service(self.options, door_of(self.egress, self.egress_folder))
        return self._opened

    @property
    def _tuning(self) -> Tuning:
        return Tuning(self._service)


def _handle(job: Job, spec: TrainingSpec, host: str) -> JobHandle:
    details = {"model": job.model, "training_file": job.training_file, "endpoint": host}
    return JobHandle(BACKEND, job.job_id, spec.idem(), job.submitted_at, details)
