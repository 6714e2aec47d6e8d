"""The SageMaker JumpStart trainer: one training job per specification, found again before one is made."""

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
    Trainer,
    TrainingData,
    TrainingFailed,
    TrainingRejected,
    TrainingSpec,
    TrainingUnreachable,
)
from resources.training.sagemaker_jumpstart.attempts import Attempts, job_of
from resources.training.sagemaker_jumpstart.aws import Aws, aws_of
from resources.training.sagemaker_jumpstart.checks import form_of, problems
from resources.training.sagemaker_jumpstart.faults import NameTaken, NotThere, while_it_runs
from resources.training.sagemaker_jumpstart.hub import fetch
from resources.training.sagemaker_jumpstart.options import BACKEND, SageMakerTrainerOptions, require_configured
from resources.training.sagemaker_jumpstart.requests import job_name, job_request
from resources.training.sagemaker_jumpstart.rows import file_problems, prompt_template, row_lengths
from resources.training.sagemaker_jumpstart.states import state_of
from resources.training.sagemaker_jumpstart.storage import Storage
from resources.training.sagemaker_jumpstart.tagged import tags_at
from resources.training.sagemaker_jumpstart.tags import TAG
from resources.training.sagemaker_jumpstart.telling import curve_of, events_after, final_metrics

NOT_REAL = "it was trained by an emulator of SageMaker"
_STARTUP_SECONDS = 600.0


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
        return host_of(self.options.endpoint_url) or f"s3.{self.options.region}.amazonaws.com"

    def not_real(self) -> str:
        """Asks the service something if nothing was asked yet, unless it is Amazon's: an emulator marks every answer."""
        if self._aws.emulated is None and not self._aws.is_aws:
            self._aws.read("sagemaker", "ListTrainingJobs", MaxResults=1)
        return NOT_REAL if self._aws.emulated else ""

    def code_version(self) -> str:
        return ""

    def data_format(self, options: Mapping[str, Any]) -> DataFormat:
        return "jumpstart_chat" if form_of(options) == "chat" else "jumpstart_instruction"

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

    def find(self, spec: TrainingSpec) -> JobHandle | None:
        job = Attempts(self._aws, spec.idem()).usable()
        return None if job is None else self._handle(job, spec)

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
            except NameTaken:
                following = attempts.next()
                attempt = max(following, attempt + 1) if isinstance(following, int) else following
            except TrainingUnreachable:
                job = job_of(self._aws, name)
                if job is None:
                    raise
                attempt = job
        return self._handle(attempt, spec)

    def poll(self, handle: JobHandle) -> JobState:
        with while_it_runs():
            job = job_of(self._aws, handle.job_id)
        if job is None:
            return JobState(FAILED, "deleted", f"there is no training job {handle.job_id} any more")
        return state_of(job, self.options)

    def events(self, handle: JobHandle, seen: str) -> tuple[Sequence[JobEvent], str]:
        with while_it_runs():
            job = job_of(self._aws, handle.job_id)
        return ((), seen) if job is None else events_after(self._aws, job, seen)

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

    def artifact(self, handle: JobHandle) -> Artifact:
        with while_it_runs():
            job = job_of(self._aws, handle.job_id)
            if job is None or state_of(job, self.options).phase != SUCCEEDED:
                state = "is not there any more" if job is None else f"is {job['TrainingJobStatus']}"
                raise TrainingFailed(f"training job {handle.job_id} {state}; it made no model that can be used")
            uri = str(job.get("ModelArtifacts", {}).get("S3ModelArtifacts") or "")
            if not uri:
                raise TrainingFailed(f"training job {handle.job_id} names no model, although it completed")
            provenance = {"manifest": self._storage.manifest(uri), **self._provenance(job)}
            return Artifact(uri, {}, final_metrics(job), curve_of(self._aws, job), provenance)

    def probe(self) -> str:
        require_configured(self.options)
        Attempts(self._aws, "0" * 16).names()
        self._storage.listed()
        told = f"{self.options.region} and {self.options.prefix} can be read, role {self.options.role_arn}"
        return told + (", an emulator, not a real model" if self.not_real() else "")

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

    def _provenance(self, job: Mapping[str, Any]) -> dict[str, str]:
        tags = tags_at(self._aws, str(job["TrainingJobArn"]))
        source = {one["ChannelName"]: one["DataSource"]["S3DataSource"]["S3Uri"] for one in job["InputDataConfig"]}
        is_chat = "True" in str(job.get("HyperParameters", {}).get("chat_dataset", ""))
        template = None if is_chat else self._storage.read(f"{source['training']}template.json")
        return {
            "job": str(job["TrainingJobName"]),
            "arn": str(job["TrainingJobArn"]),
            "base_model": tags.get(TAG.base_model, ""),
            "base_revision": tags.get(TAG.base_model, "").partition("/")[2],
            "image": str(job["AlgorithmSpecification"].get("TrainingImage") or ""),
            "instance_type": str(job["ResourceConfig"].get("InstanceType") or ""),
            "data": source["training"],
            "format": "chat" if is_chat else "instruction",
            **({"template": prompt_template(template)} if template else {}),
            **({"accept_eula": "true"} if tags.get(TAG.eula) else {}),
        }
