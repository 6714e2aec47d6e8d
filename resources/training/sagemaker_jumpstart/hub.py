"""Base models as a JumpStart hub describes them: what trains them, what serves them, what they take, what must be accepted.

Documents are written by others and differ by model family: whatever is not needed may be missing.
"""

import difflib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from resources.training.base import TrainingRejected
from resources.training.sagemaker_jumpstart.aws import Aws
from resources.training.sagemaker_jumpstart.faults import NotThere
from resources.training.sagemaker_jumpstart.variants import Variant, image_of, variant_of

_NAMED = re.compile(r"(?P<id>[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}))(?:/(?P<version>\d{1,4}\.\d{1,4}\.\d{1,4}))?")
_NAMES_AT_MOST = 4000
_VOLUME_GB = 256


@dataclass(frozen=True)
class Hyperparameter:
    """A hyperparameter of a training script. `container` marks those that steer the container, not the training."""

    name: str
    kind: str
    default: str
    least: float | None
    most: float | None
    options: tuple[str, ...]
    container: bool


@dataclass(frozen=True)
class Hosting:
    """What serves a model: image, its environment, and the hub's own weights (`uri`, never those of a tuned model)."""

    image: str
    environment: Mapping[str, str]
    uri: str
    compressed: bool
    instance_type: str
    instance_types: tuple[str, ...]
    isolated: bool
    download_seconds: int
    startup_seconds: int
    machine_image: str
    speaks_chat: bool


@dataclass(frozen=True)
class HubModel:
    """A version of a model, and its document."""

    model_id: str
    version: str
    document: Mapping[str, Any]

    @property
    def name(self) -> str:
        """As a recipe names it."""
        return f"{self.model_id}/{self.version}"

    @property
    def gated(self) -> bool:
        """Whether its licence (EULA) has to be accepted."""
        return bool(self.document.get("GatedBucket") or self.document.get("HostingEulaUri"))

    @property
    def eula(self) -> str:
        return str(self.document.get("HostingEulaUri") or self.document.get("License") or "its provider's licence")

    @property
    def trainable(self) -> bool:
        return bool(self.document.get("TrainingSupported"))

    @property
    def training_types(self) -> tuple[str, ...]:
        return _texts(self.document.get("SupportedTrainingInstanceTypes"))

    @property
    def takes_validation(self) -> bool:
        return self.document.get("ValidationSupported") is not False

    @property
    def volume_gb(self) -> int:
        size = self.document.get("TrainingVolumeSize")
        return int(size) if isinstance(size, int | float) and size > 0 else _VOLUME_GB

    @property
    def metrics(self) -> tuple[tuple[str, str], ...]:
        """Names and regular expressions of what a training job's log tells."""
        found = self.document.get("TrainingMetrics") or ()
        return tuple((str(one["Name"]), str(one["Regex"])) for one in found if one.get("Name") and one.get("Regex"))

    @property
    def hyperparameters(self) -> dict[str, Hyperparameter]:
        found = [_hyperparameter(one) for one in self.document.get("Hyperparameters") or () if one.get("Name")]
        return {one.name: one for one in found}

    def training_variant(self, instance_type: str, region: str) -> Variant:
        return variant_of(self.document.get("TrainingInstanceTypeVariants"), instance_type, region)

    def hosting(self, instance_type: str, region: str) -> Hosting:
        """What serves it on an instance type (the hub's default if empty). Raises `TrainingRejected` if nothing does."""
        told = self.document
        chosen = instance_type or str(told.get("DefaultInferenceInstanceType") or "")
        if not chosen:
            raise TrainingRejected(f"{self.name} has no default instance type: set endpoint_instance_type")
        variant = variant_of(told.get("HostingInstanceTypeVariants"), chosen, region)
        image = variant.image or str(told.get("HostingEcrUri") or "")
        specs = told.get("HostingEcrSpecs")
        if not image and specs:
            image = image_of(specs, region, chosen)
        if not image:
            raise TrainingRejected(f"the hub names no container image that serves {self.name}")
        payloads = json.dumps(told.get("DefaultPayloads") or {})
        return Hosting(
            image,
            {**_environment(told), **_script(told), **variant.environment},
            variant.artifact or str(told.get("HostingArtifactUri") or ""),
            str(told.get("HostingArtifactCompressionType") or "Gzip").lower() == "gzip",
            chosen,
            _texts(told.get("SupportedInferenceInstanceTypes")),
            bool(told.get("InferenceEnableNetworkIsolation")),
            int(told.get("ModelDataDownloadTimeout") or 1200),
            int(told.get("ContainerStartupHealthCheckTimeout") or 1200),
            str(told.get("InferenceAmiVersion") or ""),
            '"messages"' in payloads,
        )


def fetch(aws: Aws, base_model: str) -> HubModel:
    """The model of a name `MODEL_ID/VERSION`. Raises `TrainingRejected`, naming similar ones for one that is unknown."""
    named = _NAMED.fullmatch(base_model)
    if named is None:
        raise TrainingRejected(
            f"base_model {base_model!r} must be MODEL_ID/VERSION of the hub, such as my-model-7b/1.0.0"
        )
    model_id, version = named["id"], named["version"]
    hub = {"HubName": aws.options.hub, "HubContentType": "Model", "HubContentName": model_id}
    try:
        found = aws.read(
            "sagemaker", "DescribeHubContent", **hub, **({"HubContentVersion": version} if version else {})
        )
    except NotThere:
        raise TrainingRejected(_unknown(aws, model_id, version)) from None
    newest = str(found["HubContentVersion"])
    if not version:
        raise TrainingRejected(
            f"base_model {model_id} names no version, so that it could change under a student; write {model_id}/{newest}"
        )
    try:
        document = json.loads(found["HubContentDocument"])
    except ValueError as error:
        raise TrainingRejected(f"the hub's document of {base_model} cannot be read: {error}") from error
    if not isinstance(document, dict):
        raise TrainingRejected(f"the hub's document of {base_model} is no description")
    return HubModel(model_id, newest, document)


def _unknown(aws: Aws, model_id: str, version: str | None) -> str:
    """What to say of a model that the hub does not have: its versions, or names like it."""
    hub = {"HubName": aws.options.hub, "HubContentType": "Model"}
    try:
        known = aws.read("sagemaker", "ListHubContentVersions", **hub, HubContentName=model_id)
        versions = sorted({str(one["HubContentVersion"]) for one in known["HubContentSummaries"]}, key=_order)
    except TrainingRejected:
        versions = []
    if version and versions:
        return f"{model_id} has no version {version} in {aws.options.hub}; there are {', '.join(versions[-5:])}"
    near = difflib.get_close_matches(model_id, _names(aws, hub), n=5, cutoff=0.4)
    hint = f"; similar are {', '.join(near)}" if near else ""
    return f"{aws.options.hub} in {aws.options.region} has no model {model_id}{hint}"


def _names(aws: Aws, hub: Mapping[str, str]) -> list[str]:
    """The hub's models; an incomplete list if it cannot be read."""
    names: list[str] = []
    request: dict[str, Any] = {**hub}
    try:
        while len(names) < _NAMES_AT_MOST:
            page = aws.read("sagemaker", "ListHubContents", **request)
            names += [str(one["HubContentName"]) for one in page["HubContentSummaries"]]
            if not page.get("NextToken"):
                break
            request["NextToken"] = page["NextToken"]
    except TrainingRejected:
        return names
    return names


def _order(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdigit()]


def _hyperparameter(told: Mapping[str, Any]) -> Hyperparameter:
    name = str(told["Name"])
    return Hyperparameter(
        name,
        str(told.get("Type") or "text"),
        str(told.get("Default", "")),
        _number(told.get("Min")),
        _number(told.get("Max")),
        _texts(told.get("Options")),
        told.get("Scope") == "container" or name.startswith("sagemaker_"),
    )


def _environment(document: Mapping[str, Any]) -> dict[str, str]:
    found = document.get("InferenceEnvironmentVariables") or ()
    return {
        str(one["Name"]): str(one["Default"]) for one in found if one.get("Name") and one.get("Default") is not None
    }


def _script(document: Mapping[str, Any]) -> dict[str, str]:
    """The hub's own inference script, for containers that need one."""
    uri = document.get("HostingScriptUri")
    return {"SAGEMAKER_SUBMIT_DIRECTORY": str(uri)} if uri and document.get("HostingUseScriptUri") else {}


def _texts(found: Any) -> tuple[str, ...]:
    return tuple(map(str, found)) if isinstance(found, list) else ()


def _number(found: Any) -> float | None:
    try:
        return float(found)
    except (TypeError, ValueError):
        return None
