"""A deployment as the account tells of it and as it is ordered: its model, its tags, its end."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from resources.training.moments import moment_of
from resources.training.serving import EndpointPhase, StudentModel

if TYPE_CHECKING:
    from azure.mgmt.cognitiveservices.models import Deployment

NEVER = "never"
"""Tag `expires_at` of a deployment that is renewed."""

TUNED = ".ft-"
"""What the name of a tuned model holds."""

_PHASES: Mapping[str, EndpointPhase] = {
    "succeeded": "ready",
    "failed": "failed",
    "canceled": "failed",
    "disabled": "failed",
    "deleting": "deleting",
}
_VERSIONED = re.compile(r"(.+)-(\d{4}-\d{2}-\d{2})")
_UNTAGGABLE = re.compile(r"[<>%&\\?/]")


@dataclass(frozen=True)
class Deployed:
    """What is read of a deployment. `model` is the name under which the service knows what it has loaded."""

    name: str
    model: str
    state: str
    sku: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    created_at: datetime | None = None

    @property
    def phase(self) -> EndpointPhase:
        """A state that nobody knows is that of a deployment which comes up."""
        return _PHASES.get(self.state.lower(), "creating")

    @property
    def tuned(self) -> bool:
        return TUNED in self.model

    @property
    def expires_at(self) -> datetime | None:
        """None for one that is renewed, and for a tag that somebody else wrote."""
        return moment_of(self.tags.get("expires_at", ""))


def deployed_of(found: "Deployment") -> Deployed:
    """A deployment of the SDK. A base model is named with its version, as everywhere else."""
    properties, sku, system = found.properties, found.sku, found.system_data
    model = properties.model if properties else None
    name, version = str(model.name or "") if model else "", str(model.version or "") if model else ""
    dated = TUNED not in name and version and not name.endswith(version)
    return Deployed(
        str(found.name),
        f"{name}-{version}" if dated else name,
        str(properties.provisioning_state or "") if properties else "",
        str(sku.name) if sku else "",
        dict(found.tags or {}),
        system.created_at.astimezone(UTC) if system and system.created_at else None,
    )


def described(model: str, sku: str, capacity: int, tags: Mapping[str, str]) -> "Deployment":
    """The order for a deployment that loads a model: a tuned one by its whole name, a base model by name and version."""
    from azure.mgmt.cognitiveservices.models import Deployment, DeploymentModel, DeploymentProperties, Sku

    versioned = None if TUNED in model else _VERSIONED.fullmatch(model)
    name, version = (versioned[1], versioned[2]) if versioned else (model, "1" if TUNED in model else None)
    loaded = DeploymentModel(format="OpenAI", name=name, version=version)
    properties = DeploymentProperties(model=loaded)
    return Deployment(sku=Sku(name=sku, capacity=capacity), tags=dict(tags), properties=properties)


def loaded_by(model: StudentModel) -> str:
    """What a student's deployment has to load: the job's own model, or the base model of an untrained one."""
    return model.location or model.base_model


def tags_of(values: Mapping[str, str]) -> dict[str, str]:
    """Tags as Azure takes them."""
    return {_UNTAGGABLE.sub("_", key)[:512]: value[:256] for key, value in values.items()}


def stamp(expires_at: datetime | None) -> str:
    """The tag `expires_at`."""
    return expires_at.astimezone(UTC).isoformat() if expires_at else NEVER
