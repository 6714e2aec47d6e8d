"""The SageMaker JumpStart trainer: one training job per specification, found again before one is made."""

import os
from collections.abc import Mapping, Sequence
from datetime import UTC
from pathlib import Path
from typing import Any

from pydantic import Field

from resources.egress.door import Door
from resources.egress.policy import EgressOptions, host_of
from resources.training.base import (
    FAILED,
    SUCCEEDED,
    Artifact,
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
from resources.training.replies import readable
from resources.training.sagemaker_jumpstart.attempts import MOST, Attempts, job_of
from resources.training.sagemaker_jumpstart.aws import Aws, aws_of
from resources.training.sagemaker_jumpstart.checks import form_of, problems
from resources.training.sagemaker_jumpstart.faults import NameTaken, NotThere, while_it_runs
from resources.training.sagemaker_jumpstart.hub import fetch
from resources.training.sagemaker_jumpstart.options import BACKEND, SageMakerTrainerOptions, require_configured
from resources.training.sagemaker_jumpstart.origin import provenance_of
from resources.training.sagemaker_jumpstart.requests import job_name, job_request
from resources.training.sagemaker_jumpstart.rows import file_problems, row_lengths
from resources.training.sagemaker_jumpstart.states import state_of
from resources.training.sagemaker_jumpstart.storage import Storage
from resources.training.sagemaker_jumpstart.tags import TAG
from resources.training.sagemaker_jumpstart.telling import curve_of, events_after, final_metrics
from resources.training.trainer import Trainer

NOT_REAL = "it was trained by an emulator of SageMaker"
_STARTUP_SECONDS = 600.0
_read = readable("SageMaker")


class SageMakerTrainer(Trainer):
    """Trains models of a JumpStart hub in one AWS account and region. Making one contacts nobody."""

    options: SageMakerTrainerOptions = Field(description="Where it trains, on what, and what it costs.")
    owner: str = Field("raftline", description="Tag `raftline:owner` of everything that it makes.")
    egress: EgressOptions = Field(EgressOptions(), description="What may leave, and where to.")
    egress_folder: str = Field("", description="Folder of the egress log; nothing is logged if empty.")

    @property
    def backend(self) -> str:
        return BACKEND

    @property
    def capabilities(self) -> frozenset[str]:
        return frozenset({"rag", "closed_book", "few_shot", "cancel", "checkpoints", "spot"})

    @property
    def runs_here(self) -> bool:
        return False

    @property
    def destination(self) -> str:
        """The host of S3 by the settings, else by the variables that boto3 heeds, else Amazon's. Opens nothing."""
        named = (os.environ.get(name) for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"))
        elsewhere = self.options.endpoint_url or next(filter(None, named), "")
        partition = ".cn" if self.options.region.startswith("cn-") else ""
        return host_of(elsewhere) or f"s3.{self.options.region}.amazonaws.com{partition}"

    @_read
    def not_real(self) -> str:
        """Asks the service something if nothing was asked yet, unless it is Amazon's: an emulator marks every answer."""
        if self._aws.emulated is None and not self._aws.is_aws:
            self._aws.read("sagemaker", "ListTrainingJobs", MaxResults=1)
        return NOT_REAL if self._aws.emulated else ""

    def code_version(self) -> str:
        return ""

    def data_format(self, options: Mapping[str, Any]) -> DataFormat:
        return "jumpstart_chat" if form_of(options) == "chat" else "jumpstart_instruction"

    @_read
    def preflight(self, spec: TrainingSpec, data: TrainingData) -> None:
        require_configured(self.options)
        form = form_of(dict(spec.options))
        try:
            found = problems(fetch(self._aws, spec.base_model), spec, data, self.options, form)
            Attempts(self._aws, spec.idem()).names()
        except TrainingRejected as refusal:
            found = [*file_problems(data.files, form), str(refusal)]
        if found:
            raise TrainingRejected("\n".join(found))

    @_read
    def quote(self, spec: TrainingSpec, data: TrainingData) -> Quote:
        options = self.options
        seconds = options.max_runtime_hours * 3600
        basis = f"at most {options.max_runtime_hours:g} h (max_runtime_hours)"
        if options.tokens_per_second:
            tokens = sum(row_lengths(data.files, form_of(dict(spec.options))))
            epochs = self._epochs(spec)
            seconds = min(seconds, _STARTUP_SECONDS + tokens * epochs / options.tokens_per_second)
            basis = f"about {tokens:,} tokens x {epochs:g} epochs at {options.tokens_per_second:g} tokens per second"
        price = options.usd_per_training_hour
        if price is None:
            return Quote(None, f"{basis}; trainers.{BACKEND}.usd_per_training_hour is not set", seconds)
        basis += f" on {options.training_instances} x {options.training_instance_type or 'the default instance'}"
        basis += f" at ${price:g} per hour" + (", before spot savings" if options.spot else "")
        return Quote(seconds / 3600 * price * options.training_instances, basis, seconds)

    @_read
    def find(self, spec: TrainingSpec) -> JobHandle | None:
        job = Attempts(self._aws, spec.idem()).usable()
        return None if job is None else self._handle(job, spec)

    @_read
    def submit(self, spec: TrainingSpec, data: TrainingData, tags: Mapping[str, str]) -> JobHandle:
        attempts = Attempts(self._aws, spec.idem())
        attempt = attempts.next()
        if not isinstance(attempt, int):
            return self._handle(attempt, spec)
        form = form_of(dict(spec.options))
        model = fetch(self._aws, spec.base_model)
        longest = max(row_lengths(data.files, form), default=0)
        carried = {**tags, TAG.owner: self.owner}
        uploaded = self._storage.upload(data.files)
        while isinstance(attempt, int):
            name = job_name(spec.idem(), attempt)
            request = job_request(name, spec, model, self.options, form, uploaded, longest, carried)
            try:
                self._aws.order("sagemaker", "CreateTrainingJob", **request)
                attempt = self._aws.read("sagemaker", "DescribeTrainingJob", TrainingJobName=name)
            except NameTaken as refusal:
                following = attempts.next()
                attempt = max(following, attempt + 1) if isinstance(following, int) else following
                if isinstance(attempt, int) and attempt > MOST:
                    raise TrainingRejected(f"no name is free for this job: {refusal}") from None
            except TrainingUnreachable:
                job = job_of(self._aws, name)
                if job is None:
                    raise
                attempt = job
        return self._handle(attempt, spec)

    @_read
    def poll(self, handle: JobHandle) -> JobState:
        with while_it_runs():
            job = job_of(self._aws, handle.job_id)
        if job is None:
            return JobState(FAILED, "deleted", f"there is no training job {handle.job_id} any more")
        return state_of(job, self.options)

    @_read
    def events(self, handle: JobHandle, seen: str) -> tuple[Sequence[JobEvent], str]:
        with while_it_runs():
            job = job_of(self._aws, handle.job_id)
        return ((), seen) if job is None else events_after(self._aws, job, seen)

    @_read
    def cancel(self, handle: JobHandle) -> None:
        job = job_of(self._aws, handle.job_id)
        if job is None or job["TrainingJobStatus"] != "InProgress":
            return
        try:
            self._aws.order("sagemaker", "StopTrainingJob", TrainingJobName=handle.job_id)
        except NotThere:
            return
        except TrainingRejected:
            job = job_of(self._aws, handle.job_id)
            if job and job["TrainingJobStatus"] == "InProgress":
                raise

    @_read
    def artifact(self, handle: JobHandle) -> Artifact:
        with while_it_runs():
            job = job_of(self._aws, handle.job_id)
            if job is None or state_of(job, self.options).phase != SUCCEEDED:
                state = "is not there any more" if job is None else f"is {job['TrainingJobStatus']}"
                raise TrainingFailed(f"training job {handle.job_id} {state}; it made no model that can be used")
            uri = str(job.get("ModelArtifacts", {}).get("S3ModelArtifacts") or "")
            if not uri:
                raise TrainingFailed(f"training job {handle.job_id} names no model, although it completed")
            provenance = {"manifest": self._storage.manifest(uri), **provenance_of(self._aws, self._storage, job)}
            return Artifact(uri, {}, final_metrics(job), curve_of(self._aws, job), provenance)

    @_read
    def probe(self) -> str:
        require_configured(self.options)
        Attempts(self._aws, "0" * 16).names()
        self._storage.listed()
        told = f"{self.options.region} and {self.options.prefix} can be read, role {self.options.role_arn}"
        return told + (", an emulator, not a real model" if self.not_real() else "")

    @_read
    def discard(self, handle: JobHandle) -> Sequence[str]:
        """Data, checkpoints and model of a job, if it is over."""
        job = job_of(self._aws, handle.job_id)
        if job is None or job["TrainingJobStatus"] == "InProgress":
            return ()
        channels = {one["ChannelName"]: one["DataSource"]["S3DataSource"]["S3Uri"] for one in job["InputDataConfig"]}
        own = [uri for name, uri in channels.items() if name in ("training", "validation")]
        own += [f"{uri.rstrip('/')}/" for uri in (job.get("CheckpointConfig", {}).get("S3Uri"),) if uri]
        own += [f"{self.options.folder}/models/{handle.job_id}/"]
        return [uri for uri in own if self._storage.remove(uri)]

    @_read
    def withdraw(self, data: TrainingData) -> Sequence[str]:
        folder = self._storage.folder_of(data.files)
        return [folder] if self._storage.remove(folder) else []

    @property
    def _aws(self) -> Aws:
        return aws_of(self.options, self.egress)

    @property
    def _storage(self) -> Storage:
        door = Door(self.egress, folder=Path(self.egress_folder) if self.egress_folder else None)
        return Storage(self._aws, door)

    def _epochs(self, spec: TrainingSpec) -> float:
        """As the recipe says, else the script's default; 1 for a script that counts otherwise."""
        given = dict(spec.hyperparameters).get("epoch")
        if given is None:
            known = fetch(self._aws, spec.base_model).hyperparameters.get("epoch")
            given = known.default if known else 1
        return float(given)

    def _handle(self, job: Mapping[str, Any], spec: TrainingSpec) -> JobHandle:
        made = job["CreationTime"].astimezone(UTC).isoformat()
        details = {"arn": str(job["TrainingJobArn"]), "region": self.options.region}
        return JobHandle(BACKEND, str(job["TrainingJobName"]), spec.idem(), made, details)
