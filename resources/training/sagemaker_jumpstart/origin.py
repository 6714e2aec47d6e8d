"""Where a model of a training job comes from: base, revision, image, data and template, as the service tells of the job."""

from collections.abc import Mapping
from typing import Any

from resources.training.sagemaker_jumpstart.aws import Aws
from resources.training.sagemaker_jumpstart.rows import prompt_template
from resources.training.sagemaker_jumpstart.storage import Storage
from resources.training.sagemaker_jumpstart.tagged import tags_at
from resources.training.sagemaker_jumpstart.tags import TAG


def provenance_of(aws: Aws, storage: Storage, job: Mapping[str, Any]) -> dict[str, str]:
    """What a finished job is made of, and what its deployment needs to know."""
    tags = tags_at(aws, str(job["TrainingJobArn"]))
    source = {one["ChannelName"]: one["DataSource"]["S3DataSource"]["S3Uri"] for one in job["InputDataConfig"]}
    is_chat = "True" in str(job.get("HyperParameters", {}).get("chat_dataset", ""))
    template = None if is_chat else storage.read(f"{source['training']}template.json")
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
