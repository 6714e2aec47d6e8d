"""What a hub document says for one instance type, by Amazon's own rules: the part of this backend that is the SDK's.

A document holds defaults, and overrides per instance type and per family of types, whose precedence differs by property.
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from resources.training.base import TrainingRejected
from resources.training.sagemaker_jumpstart.options import extra_needed

_MALFORMED = (AttributeError, KeyError, OSError, TypeError, ValueError)


@dataclass(frozen=True)
class Variant:
    """The overrides for an instance type; empty where there are none. `hyperparameters` are names and values."""

    image: str = ""
    artifact: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    hyperparameters: Mapping[str, str] = field(default_factory=dict)


def variant_of(spec: Any, instance_type: str, region: str) -> Variant:
    """What `TrainingInstanceTypeVariants` or `HostingInstanceTypeVariants` of a document means for an instance type."""
    if not spec:
        return Variant()
    with extra_needed():
        from sagemaker.core.jumpstart.types import JumpStartInstanceTypeVariants
    try:
        variants = JumpStartInstanceTypeVariants(deepcopy(spec), is_hub_content=True)  # it writes into what it is given
        if variants.variants is None:
            return Variant()
        artifact = variants.get_instance_specific_gated_model_key_env_var_value(instance_type)
        return Variant(
            variants.get_image_uri(instance_type, region) or "",
            artifact or variants.get_instance_specific_training_artifact_key(instance_type) or "",
            {str(k): str(v) for k, v in variants.get_instance_specific_environment_variables(instance_type).items()},
            {one.name: str(one.default) for one in variants.get_instance_specific_hyperparameters(instance_type)},
        )
    except _MALFORMED as error:
        raise TrainingRejected(f"the hub's settings for {instance_type} cannot be read: {error!r}") from error


def image_of(specs: Mapping[str, Any], region: str, instance_type: str) -> str:
    """The container image behind `HostingEcrSpecs` (framework and versions), from the registry of the region."""
    with extra_needed():
        from sagemaker.core import image_uris
    framework, version = str(specs.get("Framework") or ""), str(specs.get("FrameworkVersion") or "")
    transformers = specs.get("HuggingfaceTransformersVersion")
    try:
        return image_uris.retrieve(
            "huggingface" if transformers else framework,
            region,
            version=transformers or version,
            base_framework_version=f"{framework}{version}" if transformers else None,
            py_version=specs.get("PyVersion"),
            instance_type=instance_type,
            image_scope="inference",
        )
    except _MALFORMED as error:
        raise TrainingRejected(f"no container image for {framework} in {region}: {error}") from error
