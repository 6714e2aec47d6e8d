"""Students on Azure OpenAI: deployments that carry owner, purpose and end as tags, and load exactly the tuned model."""

import time
from collections.abc import Mapping, Sequence
from datetime import datetime

from pydantic import Field, PrivateAttr

from resources.egress.policy import EgressOptions
from resources.llm.prices import price_of
from resources.llm.providers.connection import Connection
from resources.llm.providers.credentials import credential_of
from resources.llm.providers.hosted import HostedChat
from resources.llm.providers.site import Site
from resources.llm.request import ModelIdentity
from resources.training.azure_openai.deployments import Deployed, described, loaded_by, stamp, tags_of
from resources.training.azure_openai.fresh import FreshChat
from resources.training.azure_openai.management import Account
from resources.training.azure_openai.options import BACKEND, SECTION, AzureTrainerOptions
from resources.training.azure_openai.service import door_of
from resources.training.base import TrainingData, TrainingFailed, TrainingUnreachable
from resources.training.serving import (
    BASE,
    ChatTarget,
    Deployer,
    DeploymentFailed,
    EndpointHandle,
    EndpointState,
    Purpose,
    StudentModel,
)


class AzureDeployer(Deployer):
    """Serves students from the account's deployments. Making a deployer contacts nobody.

    Methods raise `TrainingUnreachable` where the service cannot be asked now, as trainers do.
    """

    options: AzureTrainerOptions = Field(description="Where it deploys, on what, and what it costs.")
    owner: str = Field("raftline", description="Tag `owner` of this home's deployments.")
    egress: EgressOptions = Field(EgressOptions(), description="What may leave, and where to.")
    egress_folder: str = Field("", description="Folder of the egress log; nothing is logged if empty.")

    _opened: Account | None = PrivateAttr(None)

    @property
    def backend(self) -> str:
        return BACKEND

    def identity(self, model: StudentModel) -> ModelIdentity:
        return self._site(model, "").identity

    def verify(self, model: StudentModel) -> None:
        if model.location and model.provenance.get("fine_tuned_model") != model.location:
            raise TrainingFailed(
                f"model {model.model_id}: its job made another model than {model.location}; train it again"
            )

    def deploy(
        self, model: StudentModel, name: str, purpose: Purpose, expires_at: datetime | None, tags: Mapping[str, str]
    ) -> EndpointHandle:
        """Adopts a deployment of this name that loads this model; refuses to touch one that loads another."""
        self.verify(model)
        loaded = loaded_by(model)
        there = self._account.get(name)
        if there and there.phase == "deleting":
            raise DeploymentFailed(f"deployment {name} is still being deleted; try again when it is gone")
        if there and there.model != loaded:
            raise DeploymentFailed(f"deployment {name} serves {there.model}, not {loaded}; it is left as it is")
        if there is None or there.phase == "failed":
            own = {"purpose": purpose, "model_id": model.model_id, "expires_at": stamp(expires_at)}
            self._create(name, loaded, self._sku(model, purpose), {"owner": self.owner, **tags, **own})
        elif there.expires_at != expires_at:
            self._account.tag(name, {**there.tags, "expires_at": stamp(expires_at)})
        there = self._account.get(name)
        if there is None:
            raise TrainingUnreachable(f"deployment {name} was accepted, but is not there yet")
        return self._handle(there)

    def status(self, endpoint: EndpointHandle) -> EndpointState:
        there = self._there(endpoint)
        if there is None:
            return EndpointState("gone")
        advice = "; the resource's activity log says why" if there.phase == "failed" else ""
        return EndpointState(there.phase, f"{there.state}{advice}")

    def renew(self, endpoint: EndpointHandle, expires_at: datetime | None) -> EndpointHandle:
        there = self._there(endpoint)
        if there is None:
            raise DeploymentFailed(f"deployment {endpoint.name} is gone and cannot be renewed")
        self._account.tag(endpoint.name, {**there.tags, "expires_at": stamp(expires_at)})
        return self._handle(self._account.get(endpoint.name) or there)

    def undeploy(self, endpoint: EndpointHandle) -> None:
        """Returns when the deployment is gone, and raises `DeploymentFailed` if that takes too long."""
        self._there(endpoint)  # whether this is its account at all
        self._account.delete(endpoint.name)
        deadline = time.monotonic() + self.options.deletion_seconds
        while there := self._there(endpoint):
            if time.monotonic() > deadline:
                raise DeploymentFailed(f"deployment {endpoint.name} was deleted, but is still there ({there.state})")
            time.sleep(self.options.polling_seconds)

    def list_owned(self) -> Sequence[EndpointHandle]:
        return [self._handle(one) for one in self._account.list() if one.tags.get("owner") == self.owner]

    def target(self, endpoint: EndpointHandle, model: StudentModel, data: TrainingData) -> ChatTarget:
        """Looks at what the deployment has loaded first: an answer must not be filed under another model's name."""
        there = self._there(endpoint)
        if there is None or there.model != loaded_by(model):
            serves = f"serves {there.model}" if there else "is gone"
            raise DeploymentFailed(f"deployment {endpoint.name} {serves}; {loaded_by(model)} was to be asked")
        site = self._site(model, endpoint.name)
        door = door_of(self.egress, self.egress_folder)
        client_factory = door.client_factory("student", site.endpoint, site.setting("endpoint"))
        chat = HostedChat(Connection(site, credential_of(site), client_factory))
        variable = site.key_variable if self.options.auth == "key" else ""
        price = price_of(self.options.role(model.base_model))
        return ChatTarget(FreshChat(chat), f"{site.endpoint}/openai/v1", endpoint.name, variable, price)

    def loaded(self, endpoint: EndpointHandle) -> str:
        there = self._there(endpoint)
        return there.model if there else "nothing: it is gone"

    def _there(self, endpoint: EndpointHandle) -> Deployed | None:
        """An endpoint's deployment. Raises `DeploymentFailed` where the settings name another account than it is in."""
        place = endpoint.details.get("account", "")
        if place and place != self._account.place:
            raise DeploymentFailed(
                f"deployment {endpoint.name} is in the account {place}, and {SECTION}.management names another: name the "
                "former one until it is deleted, or delete it there"
            )
        return self._account.get(endpoint.name)

    def _site(self, model: StudentModel, deployment: str) -> Site:
        return Site("student", self.options.role(model.name, deployment), SECTION, loaded_by(model))

    def _create(self, name: str, model: str, sku: str, tags: Mapping[str, str]) -> None:
        """Ordered once; an order without an answer is looked for under its name."""
        try:
            self._account.put(name, described(model, sku, self.options.capacity, tags_of(tags)))
        except TrainingUnreachable:
            if self._account.get(name) is None:
                raise

    def _sku(self, model: StudentModel, purpose: Purpose) -> str:
        if not model.location:
            return self.options.base_sku
        return self.options.serving_sku if purpose == "serving" else self.options.evaluation_sku

    def _handle(self, there: Deployed) -> EndpointHandle:
        purpose = there.tags.get("purpose", "")
        return EndpointHandle(
            BACKEND,
            there.name,
            there.tags.get("model_id", BASE),
            purpose if purpose in ("serving", "smoke") else "evaluation",
            there.created_at,
            there.expires_at,
            self.options.usd_per_hour.get(there.sku) if there.tuned else 0.0,
            {"model": there.model, "sku": there.sku, "account": self._account.place},
        )

    @property
    def _account(self) -> Account:
        if self._opened is None:
            self._opened = Account(self.options, door_of(self.egress, self.egress_folder))
        return self._opened
