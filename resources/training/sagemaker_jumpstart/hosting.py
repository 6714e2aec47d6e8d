"""The requests that bring an endpoint up: a model with its weights, a configuration, and the endpoint; all of one name."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from resources.training.sagemaker_jumpstart.hub import Hosting
from resources.training.sagemaker_jumpstart.options import SageMakerTrainerOptions
from resources.training.sagemaker_jumpstart.tags import tag_list

VARIANT = "AllTraffic"
ASYNCHRONOUS = "asynchronous"
_AT_ONCE = 4


@dataclass(frozen=True)
class Weights:
    """Where the weights lie: a tar.gz, or a folder. `accepted` says that their licence was accepted in a recipe."""

    uri: str
    compressed: bool
    accepted: bool = False

    @property
    def source(self) -> dict[str, Any]:
        """As ModelDataSource."""
        found: dict[str, Any] = {
            "S3Uri": self.uri if self.compressed else f"{self.uri.rstrip('/')}/",
            "S3DataType": "S3Object" if self.compressed else "S3Prefix",
            "CompressionType": "Gzip" if self.compressed else "None",
        }
        return {"S3DataSource": {**found, **({"ModelAccessConfig": {"AcceptEula": True}} if self.accepted else {})}}


def model_request(
    name: str, hosting: Hosting, weights: Weights, options: SageMakerTrainerOptions, tags: Mapping[str, str]
) -> dict[str, Any]:
    """The request of CreateModel."""
    request: dict[str, Any] = {
        "ModelName": name,
        "ExecutionRoleArn": options.role_arn,
        "PrimaryContainer": {
            "Image": hosting.image,
            "Environment": dict(hosting.environment),
            "ModelDataSource": weights.source,
        },
        "EnableNetworkIsolation": hosting.isolated,
        "Tags": tag_list(tags),
    }
    if options.subnets:
        request["VpcConfig"] = {"Subnets": options.subnets, "SecurityGroupIds": options.security_groups}
    return request


def config_request(
    name: str, hosting: Hosting, options: SageMakerTrainerOptions, tags: Mapping[str, str]
) -> dict[str, Any]:
    """The request of CreateEndpointConfig."""
    request: dict[str, Any] = {
        "EndpointConfigName": name,
        "ProductionVariants": [
            {
                "VariantName": VARIANT,
                "ModelName": name,
                "InstanceType": hosting.instance_type,
                "InitialInstanceCount": 1,
                "ModelDataDownloadTimeoutInSeconds": hosting.download_seconds,
                "ContainerStartupHealthCheckTimeoutInSeconds": hosting.startup_seconds,
                **({"InferenceAmiVersion": hosting.machine_image} if hosting.machine_image else {}),
            }
        ],
        "Tags": tag_list(tags),
    }
    if options.kms_key:
        request["KmsKeyId"] = options.kms_key
    if options.serving == ASYNCHRONOUS:
        folder = answers_folder(options, name)
        request["AsyncInferenceConfig"] = {
            "ClientConfig": {"MaxConcurrentInvocationsPerInstance": _AT_ONCE},
            "OutputConfig": {
                "S3OutputPath": f"{folder}/answers",
                "S3FailurePath": f"{folder}/failures",
                **({"KmsKeyId": options.kms_key} if options.kms_key else {}),
            },
        }
    return request


def answers_folder(options: SageMakerTrainerOptions, name: str) -> str:
    """Where the questions and answers of an asynchronous endpoint pass through."""
    return f"{options.folder}/asking/{name}"
