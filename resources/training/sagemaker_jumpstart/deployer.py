"""Students behind SageMaker endpoints: each loads its own training job's weights, and carries owner, purpose and end as tags."""

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import Field

from resources.egress.door import Door
from resources.egress.policy import EgressOptions
from resources.llm.request import ModelIdentity
from resources.training.base import (
    TrainingData,
    TrainingFailed,
    TrainingRejected,
    TrainingUnreachable,
)
from resources.training.sagemaker_jumpstart.aws import Aws, aws_of
from resources.training.sagemaker_jumpstart.faults import told
from resources.training.sagemaker_jumpstart.hosting import ASYNCHRONOUS, Weights, config_request, model_request
from resources.training.sagemaker_jumpstart.hub import Hosting, HubModel, fetch
from resources.training.sagemaker_jumpstart.invocation import Asked, InvokedChat
from resources.training.sagemaker_jumpstart.options import BACKEND, SECTION, SageMakerTrainerOptions
from resources.training.sagemaker_jumpstart.payloads import style_of
from resources.training.sagemaker_jumpstart.requests import eula_problem
from resources.training.sagemaker_jumpstart.scaling import forget_scaling, scale_to_zero
from resources.training.sagemaker_jumpstart.stack import Stack
from resources.training.sagemaker_jumpstart.storage import Storage
from resources.training.sagemaker_jumpstart.tagged import Owned, owned, tags_at
from resources.training.sagemaker_jumpstart.tags import NEVER, TAG
from resources.training.serving import (
    BASE,
    ChatTarget,
    Deployer,
    DeploymentFailed,
    EndpointHandle,
    EndpointPhase,
    EndpointState,
    Purpose,
    StudentModel,
)

_PHASES: Mapping[str, EndpointPhase] = {
    "InService": "ready",
    "SystemUpdating": "ready",
    "Failed": "failed",
    "OutOfService": "failed",
    "UpdateRollbackFailed": "failed",
    "Deleting": "deleting",
}
"""Statuses that are not on the way up; every other one, known or not, is."""

_GONE = EndpointState("gone")


class SageMakerDeployer(Deployer):
    """Serves students from endpoints in one AWS account and region. Making one contacts nobody."""

    options: SageMakerTrainerOptions = Field(description="Where it serves, on what, and what it costs.")
    owner: str = Field("raftline", description="Tag `raftline:owner` of this home's endpoints.")
    egress: EgressOptions = Field(EgressOptions(), description="What may leave, and where to.")
    egress_folder: str = Field("", description="Folder of the egress log; nothing is logged if empty.")

    @property
    def backend(self) -> str:
        return BACKEND

    def identity(self, model: StudentModel) -> ModelIdentity:
        return ModelIdentity(BACKEND, self._aws.host("sagemaker-runtime"), model.name)

    def deploy(
        self, model: StudentModel, name: str, purpose: Purpose, expires_at: datetime | None, tags: Mapping[str, str]
    ) -> EndpointHandle:
        """Adopts an endpoint of this name that serves this model; refuses to touch one that serves another."""
        stack = Stack(self._aws, name)
        there = stack.get("Endpoint")
        if there:
            return self._adopted(there, model, expires_at)
        own = {
            TAG.owner: self.owner,
            TAG.purpose: purpose,
            TAG.model_id: model.model_id,
            TAG.base_model: model.base_model,
            TAG.name: name,
            TAG.mode: self.options.serving,
            TAG.expires_at: expires_at.isoformat() if expires_at else "",
        }
        carried = {**tags, **own}
        try:
            hub = fetch(self._aws, model.base_model)
            hosting = self._hosting(hub)
            made = model_request(name, hosting, self._weights(model, hub, hosting), self.options, carried)
            stack.create(made, config_request(name, hosting, self.options, carried), carried)
        except TrainingRejected as refusal:
            raise DeploymentFailed(f"endpoint {name}: {refusal}") from None
        there = stack.get("Endpoint")
        if there is None:
            raise TrainingUnreachable(f"endpoint {name} was accepted, but is not there yet")
        return self._adopted(there, model, expires_at)

    def status(self, endpoint: EndpointHandle) -> EndpointState:
        stack = Stack(self._aws, endpoint.name)
        there = stack.get("Endpoint")
        if there:
            status, reason = str(there["EndpointStatus"]), told(there.get("FailureReason") or "")
            return EndpointState(_PHASES.get(status, "creating"), f"{status}: {reason}" if reason else status)
        left = stack.left()
        return EndpointState("failed", f"there is no endpoint, but its {' and '.join(left)}") if left else _GONE

    def renew(self, endpoint: EndpointHandle, expires_at: datetime | None) -> EndpointHandle:
        stack = Stack(self._aws, endpoint.name)
        there = stack.get("Endpoint")
        if there is None:
            raise DeploymentFailed(f"endpoint {endpoint.name} is gone and cannot be renewed")
        stack.tag({TAG.expires_at: expires_at.isoformat() if expires_at else NEVER})
        tags = tags_at(self._aws, there["EndpointArn"])
        return self._handle(Owned(endpoint.name, tags, ("endpoint",)), there["CreationTime"])

    def undeploy(self, endpoint: EndpointHandle) -> None:
        """Endpoint, configuration, model, scaling. Returns when all are gone; raises `DeploymentFailed` if that takes long."""
        stack = Stack(self._aws, endpoint.name)
        try:
            if ASYNCHRONOUS in (self.options.serving, endpoint.details.get("mode")):
                forget_scaling(self._aws, endpoint.name)
            stack.delete()
        except TrainingRejected as refusal:
            raise DeploymentFailed(f"endpoint {endpoint.name} cannot be deleted yet: {refusal}") from None
        deadline = time.monotonic() + self.options.deletion_seconds
        while there := stack.get("Endpoint"):
            if time.monotonic() > deadline:
                status = there["EndpointStatus"]
                raise DeploymentFailed(f"endpoint {endpoint.name} was deleted, but is still there ({status})")
            time.sleep(self.options.polling_seconds)

    def list_owned(self) -> Sequence[EndpointHandle]:
        """Orphans too: `details['orphan']` names what is left of an endpoint that is not there."""
        found = []
        for one in owned(self._aws, self.owner):
            there = Stack(self._aws, one.name).get("Endpoint") if "endpoint" in one.kinds else None
            if there or "endpoint" not in one.kinds:
                found.append(self._handle(one, there["CreationTime"] if there else None))
        return found

    def target(self, endpoint: EndpointHandle, model: StudentModel, data: TrainingData) -> ChatTarget:
        """Looks at what the endpoint has loaded first: an answer must not be filed under another model's name."""
        there = Stack(self._aws, endpoint.name).get("Endpoint")
        tags = tags_at(self._aws, there["EndpointArn"]) if there else {}
        if (tags.get(TAG.model_id), tags.get(TAG.base_model)) != (model.model_id, model.base_model):
            serves = f"serves {tags.get(TAG.base_model)}@{tags.get(TAG.model_id)}" if there else "is gone"
            raise DeploymentFailed(f"endpoint {endpoint.name} {serves}; {model.name} was to be asked")
        asynchronous = tags.get(TAG.mode) == ASYNCHRONOUS
        if asynchronous:
            scale_to_zero(self._aws, endpoint.name)
        hub = fetch(self._aws, model.base_model)
        style = style_of(model, hub.hosting(self.options.endpoint_instance_type, self.options.region))
        asked = Asked(endpoint.name, self._aws.address("sagemaker-runtime"), asynchronous, style, self.identity(model))
        return ChatTarget(InvokedChat(asked, self._aws, self._door))

    def loaded(self, endpoint: EndpointHandle) -> str:
        return Stack(self._aws, endpoint.name).weights()

    def _weights(self, model: StudentModel, hub: HubModel, hosting: Hosting) -> Weights:
        """A tuned model's own weights, verified; the hub's for the base model."""
        if model.location:
            found = Storage(self._aws, self._door).manifest(model.location)
            if model.provenance.get("manifest", found) != found:
                raise TrainingFailed(
                    f"model {model.model_id}: what lies at {model.location} is not what its job left there"
                )
            return Weights(model.location, model.location.endswith(".tar.gz"))
        if not hosting.uri:
            raise DeploymentFailed(f"the hub names no weights of {hub.name}")
        if hub.gated and not self._accepted(model):
            raise DeploymentFailed(eula_problem(hub))
        return Weights(hosting.uri, hosting.compressed, hub.gated)

    def _accepted(self, model: StudentModel) -> bool:
        """Whether a recipe accepted the licence of a base model: as told, or for a training job of ours."""
        if model.provenance.get("accept_eula") == "true":
            return True
        found = owned(
            self._aws, self.owner, {TAG.base_model: model.base_model, TAG.eula: "accepted"}, ("training-job",)
        )
        return bool(found)

    def _hosting(self, hub: HubModel) -> Hosting:
        hosting = hub.hosting(self.options.endpoint_instance_type, self.options.region)
        if hosting.instance_types and hosting.instance_type not in hosting.instance_types:
            offered = ", ".join(hosting.instance_types)
            raise DeploymentFailed(
                f"{hub.name} is not served on {hosting.instance_type}; {SECTION}.endpoint_instance_type may be {offered}"
            )
        return hosting

    def _adopted(self, there: Mapping[str, Any], model: StudentModel, expires_at: datetime | None) -> EndpointHandle:
        name = str(there["EndpointName"])
        tags = tags_at(self._aws, str(there["EndpointArn"]))
        if there["EndpointStatus"] == "Deleting":
            raise DeploymentFailed(f"endpoint {name} is still being deleted; try again when it is gone")
        if (tags.get(TAG.model_id), tags.get(TAG.base_model)) != (model.model_id, model.base_model):
            serves = f"{tags.get(TAG.base_model)}@{tags.get(TAG.model_id)}"
            raise DeploymentFailed(f"endpoint {name} serves {serves}, not {model.name}; it is left as it is")
        handle = self._handle(Owned(name, tags, ("endpoint",)), there["CreationTime"])
        return handle if handle.expires_at == expires_at else self.renew(handle, expires_at)

    def _handle(self, one: Owned, created_at: datetime | None) -> EndpointHandle:
        purpose = one.tags.get(TAG.purpose, "")
        details = {"region": self.options.region, "mode": one.tags.get(TAG.mode, "")}
        if "endpoint" not in one.kinds:
            details["orphan"] = " ".join(one.kinds)
        return EndpointHandle(
            BACKEND,
            one.name,
            one.tags.get(TAG.model_id, BASE),
            purpose if purpose in ("serving", "smoke") else "evaluation",
            created_at and created_at.astimezone(UTC),
            one.expires_at,
            self.options.usd_per_endpoint_hour if "endpoint" in one.kinds else 0.0,
            {key: value for key, value in details.items() if value},
        )

    @property
    def _aws(self) -> Aws:
        return aws_of(self.options, self.egress)

    @property
    def _door(self) -> Door:
        return Door(self.egress, folder=Path(self.egress_folder) if self.egress_folder else None)
