"""Students behind SageMaker endpoints: each loads its own training job's weights, and carries owner, purpose and end as tags."""

import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import Field

from resources.egress.door import Door
from resources.egress.policy import EgressOptions
from resources.llm.request import ModelIdentity
from resources.training.base import (
    TrainingData,
    TrainingRejected,
    TrainingUnreachable,
)
from resources.training.replies import readable
from resources.training.sagemaker_jumpstart.aws import Aws, aws_of
from resources.training.sagemaker_jumpstart.faults import told
from resources.training.sagemaker_jumpstart.hosting import ASYNCHRONOUS, config_request, model_request
from resources.training.sagemaker_jumpstart.hub import fetch
from resources.training.sagemaker_jumpstart.invocation import Asked, InvokedChat
from resources.training.sagemaker_jumpstart.loading import hosting_of, require_unchanged, weights_of
from resources.training.sagemaker_jumpstart.options import BACKEND, SageMakerTrainerOptions
from resources.training.sagemaker_jumpstart.payloads import style_of
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
_read = readable("SageMaker")


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

    @_read
    def verify(self, model: StudentModel) -> None:
        require_unchanged(model, Storage(self._aws, self._door))

    @_read
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
        with _refused(f"endpoint {name}"):
            hub = fetch(self._aws, model.base_model)
            hosting = hosting_of(hub, self.options)
            weights = weights_of(model, hub, hosting, Storage(self._aws, self._door), self.owner)
            made = model_request(name, hosting, weights, self.options, carried)
            stack.create(made, config_request(name, hosting, self.options, carried), carried)
        there = stack.get("Endpoint")
        if there is None:
            raise TrainingUnreachable(f"endpoint {name} was accepted, but is not there yet")
        return self._adopted(there, model, expires_at)

    @_read
    def status(self, endpoint: EndpointHandle) -> EndpointState:
        stack = Stack(self._aws, endpoint.name)
        there = stack.get("Endpoint")
        if there:
            status, reason = str(there["EndpointStatus"]), told(there.get("FailureReason") or "")
            return EndpointState(_PHASES.get(status, "creating"), f"{status}: {reason}" if reason else status)
        left = stack.left()
        return EndpointState("failed", f"there is no endpoint, but its {' and '.join(left)}") if left else _GONE

    @_read
    def renew(self, endpoint: EndpointHandle, expires_at: datetime | None) -> EndpointHandle:
        stack = Stack(self._aws, endpoint.name)
        there = stack.get("Endpoint")
        if there is None:
            raise DeploymentFailed(f"endpoint {endpoint.name} is gone and cannot be renewed")
        stack.tag({TAG.expires_at: expires_at.isoformat() if expires_at else NEVER})
        tags = tags_at(self._aws, there["EndpointArn"])
        return self._handle(Owned(endpoint.name, tags, ("endpoint",)), there["CreationTime"])

    @_read
    def undeploy(self, endpoint: EndpointHandle) -> None:
        """Endpoint, configuration, model, scaling. Returns when all are gone; raises `DeploymentFailed` if that takes long."""
        stack = Stack(self._aws, endpoint.name)
        with _refused(f"endpoint {endpoint.name} cannot be deleted yet"):
            stack.delete()  # first: this is what costs money
        deadline = time.monotonic() + self.options.deletion_seconds
        while there := stack.get("Endpoint"):
            if time.monotonic() > deadline:
                status = there["EndpointStatus"]
                raise DeploymentFailed(f"endpoint {endpoint.name} was deleted, but is still there ({status})")
            time.sleep(self.options.polling_seconds)
        if ASYNCHRONOUS in (self.options.serving, endpoint.details.get("mode")):
            with _refused(f"endpoint {endpoint.name} is gone, but not what scaled it"):
                forget_scaling(self._aws, endpoint.name)

    @_read
    def list_owned(self) -> Sequence[EndpointHandle]:
        """Orphans too: `details['orphan']` names what is left of an endpoint that is not there."""
        found = []
        for one in owned(self._aws, self.owner):
            there = Stack(self._aws, one.name).get("Endpoint") if "endpoint" in one.kinds else None
            if there or "endpoint" not in one.kinds:
                found.append(self._handle(one, there["CreationTime"] if there else None))
        return found

    @_read
    def target(self, endpoint: EndpointHandle, model: StudentModel, data: TrainingData) -> ChatTarget:
        """Looks at what the endpoint has loaded first: an answer must not be filed under another model's name."""
        there = Stack(self._aws, endpoint.name).get("Endpoint")
        tags = tags_at(self._aws, there["EndpointArn"]) if there else {}
        other = self._other(there, tags, model) if there else ""
        if other or there is None:
            does = f"serves {other}" if there else "is gone"
            raise DeploymentFailed(f"endpoint {endpoint.name} {does}; {model.name} was to be asked")
        asynchronous = tags.get(TAG.mode) == ASYNCHRONOUS
        if asynchronous:
            scale_to_zero(self._aws, endpoint.name)
        hub = fetch(self._aws, model.base_model)
        style = style_of(model, hub.hosting(self.options.endpoint_instance_type, self.options.region))
        asked = Asked(endpoint.name, self._aws.address("sagemaker-runtime"), asynchronous, style, self.identity(model))
        return ChatTarget(InvokedChat(asked, self._aws, self._door))

    @_read
    def loaded(self, endpoint: EndpointHandle) -> str:
        return Stack(self._aws, endpoint.name).weights()

    def _adopted(self, there: Mapping[str, Any], model: StudentModel, expires_at: datetime | None) -> EndpointHandle:
        name = str(there["EndpointName"])
        tags = tags_at(self._aws, str(there["EndpointArn"]))
        if there["EndpointStatus"] == "Deleting":
            raise DeploymentFailed(f"endpoint {name} is still being deleted; try again when it is gone")
        other = self._other(there, tags, model)
        if other:
            raise DeploymentFailed(f"endpoint {name} serves {other}, not {model.name}; it is left as it is")
        handle = self._handle(Owned(name, tags, ("endpoint",)), there["CreationTime"])
        return handle if handle.expires_at == expires_at else self.renew(handle, expires_at)

    def _other(self, there: Mapping[str, Any], tags: Mapping[str, str], model: StudentModel) -> str:
        """What an endpoint serves if that is not this model, by its tags and by what it loads; else an empty text."""
        if (tags.get(TAG.model_id), tags.get(TAG.base_model)) != (model.model_id, model.base_model):
            return f"{tags.get(TAG.base_model)}@{tags.get(TAG.model_id)}"
        name = str(there["EndpointName"])
        if there["EndpointConfigName"] != name:
            return f"the configuration {there['EndpointConfigName']}"
        loaded = Stack(self._aws, name).weights()
        return loaded if model.location and loaded.rstrip("/") != model.location.rstrip("/") else ""

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


@contextmanager
def _refused(what: str) -> Generator[None]:
    """What AWS does not permit of an endpoint is a deployment that failed."""
    try:
        yield
    except TrainingRejected as refusal:
        raise DeploymentFailed(f"{what}: {refusal}") from None
