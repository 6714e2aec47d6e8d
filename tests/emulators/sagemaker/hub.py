"""The JumpStart hub: a few models of our own invention, described as the public hub describes its models."""

import json
from typing import Any

from sagemaker.errors import ServiceError, not_found
from sagemaker.stores import REGION
from sagemaker.world import World

PUBLISHED = 1_760_000_000.0
HUB = "SageMakerPublicHub"
CACHE = f"s3://jumpstart-cache-prod-{REGION}"
PRIVATE = f"s3://jumpstart-private-cache-prod-{REGION}"
REGISTRY = f"763104351884.dkr.ecr.{REGION}.amazonaws.com"
TRAINING_IMAGE = f"{REGISTRY}/huggingface-pytorch-training:2.5.1-transformers4.49.0-gpu-py311-cu124-ubuntu22.04"
LMI_IMAGE = f"{REGISTRY}/djl-inference:0.33.0-lmi15.0.0-cu128"
TGI_IMAGE = f"{REGISTRY}/huggingface-pytorch-tgi-inference:2.4.0-tgi3.0.1-gpu-py311-cu124-ubuntu22.04"
METRICS = "huggingface-textgeneration"

GATED = "meta-textgeneration-llama-3-2-1b-instruct"
OPEN = "huggingface-llm-open-reader-1b"
SHORT = "huggingface-llm-open-reader-short"
UNTRAINABLE = "huggingface-llm-open-reader-hosting-only"


def _number(name: str, kind: str, default: Any, **more: Any) -> dict[str, Any]:
    return {"Name": name, "Type": kind, "Default": default, "Scope": "algorithm", **more}


def _choice(name: str, default: str, *options: str) -> dict[str, Any]:
    return {"Name": name, "Type": "text", "Default": default, "Options": list(options), "Scope": "algorithm"}


def _hyperparameters(longest: int) -> list[dict[str, Any]]:
    container = {"Type": "text", "Scope": "container"}
    return [
        _number("epoch", "int", 5, Min=1, Max=1000),
        _number("learning_rate", "float", 0.0001, Min=1e-08, Max=1),
        _choice("instruction_tuned", "False", "True", "False"),
        _choice("chat_dataset", "True", "True", "False"),
        _number("lora_r", "int", 8, Min=1),
        _number("lora_alpha", "int", 16, Min=1),
        _number("lora_dropout", "float", 0.05, Min=0, Max=1),
        _choice("int8_quantization", "False", "True", "False"),
        _number("per_device_train_batch_size", "int", 1, Min=1, Max=1000),
        _number("max_input_length", "int", -1, Min=-1, Max=longest),
        _number("validation_split_ratio", "float", 0.2, Min=0, Max=1),
        _number("seed", "int", 10, Min=1, Max=1000),
        {"Name": "sagemaker_submit_directory", "Default": "/opt/ml/input/data/code/sourcedir.tar.gz", **container},
        {"Name": "sagemaker_program", "Default": "transfer_learning.py", **container},
        {"Name": "sagemaker_container_log_level", "Default": "20", **container},
    ]


def _document(name: str, version: str, gated: bool, trainable: bool, image: str, longest: int) -> dict[str, Any]:
    cache = PRIVATE if gated else CACHE
    hosting = {
        "HostingEcrUri": image,
        "HostingArtifactUri": f"{cache}/{name}/artifacts/inference-prepack/v{version}/",
        "HostingArtifactS3DataType": "S3Prefix",
        "HostingArtifactCompressionType": "None",
        "HostingScriptUri": f"{CACHE}/source-directory-tarballs/{name}/inference/v{version}/sourcedir.tar.gz",
        "HostingUseScriptUri": False,
        "InferenceEnableNetworkIsolation": True,
        "DefaultInferenceInstanceType": "ml.g5.2xlarge",
        "SupportedInferenceInstanceTypes": ["ml.g5.2xlarge", "ml.g5.12xlarge", "ml.g6.2xlarge", "ml.p4d.24xlarge"],
        "InferenceEnvironmentVariables": [
            {"Name": "SAGEMAKER_PROGRAM", "Type": "text", "Default": "inference.py", "Scope": "container"},
            {"Name": "SM_NUM_GPUS", "Type": "text", "Default": "1", "Scope": "container"},
            {"Name": "MAX_INPUT_LENGTH", "Type": "text", "Default": "8191", "Scope": "container"},
        ],
        "HostingInstanceTypeVariants": {
            "Variants": {"g6": {"Properties": {"ImageUri": image, "EnvironmentVariables": {"SM_NUM_GPUS": "2"}}}}
        },
        "ModelDataDownloadTimeout": 1200,
        "ContainerStartupHealthCheckTimeout": 1200,
        "DefaultPayloads": {
            "asks": {
                "ContentType": "application/json",
                "PromptKey": "inputs",
                "OutputKeys": {"generated_text": "[0].generated_text"},
                "Body": {"inputs": "Which day comes after Monday?", "parameters": {"max_new_tokens": 16}},
            }
        },
    }
    eula = {"HostingEulaUri": f"{CACHE}/fmhMetadata/eula/{name}.txt"} if gated else {}
    variants = {
        "g5": {"Properties": {"ImageUri": TRAINING_IMAGE}},
        "p5": {"Properties": {"ImageUri": TRAINING_IMAGE, "EnvironmentVariables": {"NCCL_DEBUG": "WARN"}}},
    }
    training = {
        "TrainingEcrUri": TRAINING_IMAGE,
        "TrainingScriptUri": f"{CACHE}/source-directory-tarballs/training/{name}/v{version}/sourcedir.tar.gz",
        "TrainingArtifactUri": f"{cache}/{name}/artifacts/training/v{version}/",
        "TrainingArtifactS3DataType": "S3Prefix",
        "TrainingArtifactCompressionType": "None",
        "TrainingMetrics": [
            {"Name": f"{METRICS}:eval-loss", "Regex": r"eval_epoch_loss=tensor\(([0-9\.]+)"},
            {"Name": f"{METRICS}:train-loss", "Regex": r"train_epoch_loss=([0-9\.]+)"},
        ],
        "Hyperparameters": _hyperparameters(longest),
        "DefaultTrainingInstanceType": "ml.g5.2xlarge",
        "SupportedTrainingInstanceTypes": ["ml.g5.2xlarge", "ml.g5.12xlarge", "ml.p4d.24xlarge", "ml.p5.48xlarge"],
        "TrainingInstanceTypeVariants": {"Variants": variants},
        "TrainingVolumeSize": 256,
        "TrainingEnableNetworkIsolation": True,
        "ValidationSupported": True,
        "FineTuningSupported": True,
        "DisableOutputCompression": gated,
        "MaxRuntimeInSeconds": 360000,
    }
    return {
        "Url": "https://models.invalid/",
        "ModelTypes": ["OPEN_WEIGHTS"],
        "Task": "text-generation",
        "Framework": "meta" if gated else "huggingface",
        "License": "community" if gated else "apache-2.0",
        "MinSdkVersion": "2.189.0",
        "Capabilities": ["TRAINING", "FINE_TUNING", "VALIDATION"] if trainable else [],
        "GatedBucket": gated,
        "TrainingSupported": trainable,
        "IncrementalTrainingSupported": False,
        **eula,
        **hosting,
        **(training if trainable else {}),
    }


MODELS: dict[str, dict[str, dict[str, Any]]] = {
    GATED: {
        version: _document(GATED, version, gated=True, trainable=True, image=LMI_IMAGE, longest=16384)
        for version in ("1.3.0", "1.10.0")
    },
    OPEN: {"2.0.1": _document(OPEN, "2.0.1", gated=False, trainable=True, image=TGI_IMAGE, longest=8192)},
    SHORT: {"1.0.0": _document(SHORT, "1.0.0", gated=False, trainable=True, image=TGI_IMAGE, longest=600)},
    UNTRAINABLE: {"1.0.0": _document(UNTRAINABLE, "1.0.0", gated=False, trainable=False, image=LMI_IMAGE, longest=0)},
}


def describe_hub_content(world: World, request: dict[str, Any]) -> dict[str, Any]:
    if request["HubName"] != HUB:
        raise not_found(f"Hub {request['HubName']} does not exist")
    name = request["HubContentName"]
    versions = MODELS.get(name, {})
    version = request.get("HubContentVersion") or (_newest(versions) if versions else "")
    if version not in versions:
        raise not_found(f"HubContent with name {name} and version {version or '*'} does not exist")
    return {
        **_summary(name, version),
        "HubName": HUB,
        "HubArn": f"arn:aws:sagemaker:{REGION}:aws:hub/{HUB}",
        "HubContentDocument": json.dumps(versions[version]),
    }


def list_hub_contents(world: World, request: dict[str, Any]) -> dict[str, Any]:
    if request["HubName"] != HUB:
        raise not_found(f"Hub {request['HubName']} does not exist")
    names = sorted(name for name in MODELS if request.get("NameContains", "") in name)
    start = int(request.get("NextToken") or 0)
    end = start + min(world.configuration.page_size, request.get("MaxResults", 100))
    summaries = [_summary(name, _newest(MODELS[name])) for name in names[start:end]]
    return {"HubContentSummaries": summaries, **({"NextToken": str(end)} if end < len(names) else {})}


def list_hub_content_versions(world: World, request: dict[str, Any]) -> dict[str, Any]:
    versions = MODELS.get(request["HubContentName"])
    if versions is None or request["HubName"] != HUB:
        raise not_found(f"HubContent with name {request['HubContentName']} does not exist")
    return {"HubContentSummaries": [_summary(request["HubContentName"], version) for version in versions]}


def _summary(name: str, version: str) -> dict[str, Any]:
    return {
        "HubContentName": name,
        "HubContentArn": f"arn:aws:sagemaker:{REGION}:aws:hub-content/{HUB}/Model/{name}/{version}",
        "HubContentVersion": version,
        "HubContentType": "Model",
        "DocumentSchemaVersion": "2.4.0",
        "HubContentStatus": "Available",
        "CreationTime": PUBLISHED,
    }


def _newest(versions: dict[str, Any]) -> str:
    if not versions:
        raise ServiceError("ResourceNotFound", "no version")
    return max(versions, key=lambda version: [int(part) for part in version.split(".")])
