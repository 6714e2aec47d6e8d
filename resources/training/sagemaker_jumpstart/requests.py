"""The request that makes a training job, and the names of its attempts."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from resources.training.base import TrainingRejected, TrainingSpec
from resources.training.sagemaker_jumpstart.hub import HubModel
from resources.training.sagemaker_jumpstart.hyperparameters import hyperparameters_of
from resources.training.sagemaker_jumpstart.options import SageMakerTrainerOptions
from resources.training.sagemaker_jumpstart.rows import Form
from resources.training.sagemaker_jumpstart.tags import TAG, tag_list

NAME = "raftline"
_UNQUOTED = {"sagemaker_container_log_level"}
_TAGS_AT_MOST = 45


@dataclass(frozen=True)
class Uploaded:
    """Where the files of a dataset lie; `validation` is empty if there is none."""

    train: str
    validation: str


def job_name(idem: str, attempt: int = 1) -> str:
    """The name of an attempt at a specification: `raftline-IDEM`, `raftline-IDEM-2`, ..."""
    return f"{NAME}-{idem}" if attempt == 1 else f"{NAME}-{idem}-{attempt}"


def attempts_of(idem: str, names: Iterable[str]) -> list[int]:
    """The attempts at a specification among the names of jobs, in order."""
    matches = (re.fullmatch(rf"{NAME}-{re.escape(idem)}(?:-(\d+))?", name) for name in names)
    return sorted({int(found[1] or 1) for found in matches if found})


def training_instance(options: SageMakerTrainerOptions, model: HubModel) -> str:
    """The instance type that trains a model. Raises `TrainingRejected` if neither settings nor hub name one."""
    chosen = options.training_instance_type or str(model.document.get("DefaultTrainingInstanceType") or "")
    if not chosen:
        raise TrainingRejected(f"{model.name} has no default instance type: set training_instance_type")
    return chosen


def job_request(
    name: str,
    spec: TrainingSpec,
    model: HubModel,
    options: SageMakerTrainerOptions,
    form: Form,
    uploaded: Uploaded,
    longest: int,
    tags: Mapping[str, str],
) -> dict[str, Any]:
    """The request of CreateTrainingJob."""
    instance_type = training_instance(options, model)
    variant = model.training_variant(instance_type, options.region)
    values = hyperparameters_of(model, variant.hyperparameters, spec, form, longest)
    values |= {"sagemaker_region": options.region, "sagemaker_job_name": name}
    accepted = eula_accepted(spec)
    if model.gated and not accepted:
        raise TrainingRejected(eula_problem(model))
    runtime = round(options.max_runtime_hours * 3600)
    stopping = {"MaxRuntimeInSeconds": runtime}
    if options.spot:
        stopping["MaxWaitTimeInSeconds"] = max(runtime, round(options.max_wait_hours * 3600))
    request: dict[str, Any] = {
        "TrainingJobName": name,
        "RoleArn": options.role_arn,
        "AlgorithmSpecification": {
            "TrainingImage": variant.image or _needed(model, "TrainingEcrUri"),
            "TrainingInputMode": "File",
            "EnableSageMakerMetricsTimeSeries": True,
            "MetricDefinitions": [{"Name": metric, "Regex": regex} for metric, regex in model.metrics],
        },
        "HyperParameters": {key: value if key in _UNQUOTED else json.dumps(value) for key, value in values.items()},
        "InputDataConfig": _channels(model, variant.artifact, uploaded, accepted),
        "OutputDataConfig": {
            "S3OutputPath": f"{options.folder}/models",
            "CompressionType": "NONE" if model.document.get("DisableOutputCompression") else "GZIP",
            **({"KmsKeyId": options.kms_key} if options.kms_key else {}),
        },
        "ResourceConfig": {
            "InstanceType": instance_type,
            "InstanceCount": options.training_instances,
            "VolumeSizeInGB": options.volume_gb or model.volume_gb,
            **({"VolumeKmsKeyId": options.kms_key} if options.kms_key else {}),
        },
        "StoppingCondition": stopping,
        "EnableManagedSpotTraining": options.spot,
        "EnableNetworkIsolation": bool(model.document.get("TrainingEnableNetworkIsolation")),
        "EnableInterContainerTrafficEncryption": bool(model.document.get("EncryptInterContainerTraffic")),
        "Environment": dict(variant.environment),
        "Tags": tag_list(_described(spec, model, accepted, tags))[:_TAGS_AT_MOST],
    }
    if options.spot:
        # One folder for all attempts: what a stopped one had learned is not paid for again.
        request["CheckpointConfig"] = {"S3Uri": f"{options.folder}/checkpoints/{job_name(spec.idem())}"}
    if options.subnets:
        request["VpcConfig"] = {"Subnets": options.subnets, "SecurityGroupIds": options.security_groups}
    return request


def eula_accepted(spec: TrainingSpec) -> bool:
    """Whether the recipe accepts the model's licence. Nothing else can."""
    return dict(spec.options).get("accept_eula") is True


def eula_problem(model: HubModel) -> str:
    return (
        f"{model.name} may be used by who accepts its licence (EULA) only: read {model.eula}, then set "
        "training.options.accept_eula: true in the recipe"
    )


def _channels(model: HubModel, variant_artifact: str, uploaded: Uploaded, accepted: bool) -> list[dict[str, Any]]:
    """Data, script and base weights, as the container finds them."""
    channels = [_channel("training", uploaded.train), _channel("code", _needed(model, "TrainingScriptUri"))]
    if uploaded.validation and model.takes_validation:
        channels.append(_channel("validation", uploaded.validation))
    weights = variant_artifact or str(model.document.get("TrainingArtifactUri") or "")
    if weights:
        gzip = str(model.document.get("TrainingArtifactCompressionType") or "None").lower() == "gzip"
        channels.append(
            _channel("model", weights, accepted and model.gated)
            | {"ContentType": "application/x-sagemaker-model", "CompressionType": "Gzip" if gzip else "None"}
        )
    return channels


def _channel(name: str, uri: str, accepted: bool = False) -> dict[str, Any]:
    source: dict[str, Any] = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    if accepted:
        source["ModelAccessConfig"] = {"AcceptEula": True}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}, "InputMode": "File"}


def _described(spec: TrainingSpec, model: HubModel, accepted: bool, tags: Mapping[str, str]) -> dict[str, str]:
    described = {TAG.idem: spec.idem(), TAG.base_model: model.name}
    return {**tags, **described, **({TAG.eula: "accepted"} if accepted and model.gated else {})}


def _needed(model: HubModel, key: str) -> str:
    value = str(model.document.get(key) or "")
    if not value:
        raise TrainingRejected(f"the hub's document of {model.name} names no {key}: it cannot be trained")
    return value
