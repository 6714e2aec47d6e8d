"""Azure Resource Manager over its own SDK: the account's deployments, asked with Entra ID and through the door.

The SDK brings the resource model, API version and retries of reading calls. What it would wait for is asked for instead:
a deployment is found again by its name, whoever began it.
"""

import contextlib
import os
import time
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from resources.egress.door import Door
from resources.egress.policy import EgressDenied, admit, is_loopback
from resources.errors import RaftlineError, SettingsError
from resources.training.azure_openai.deployments import Deployed, deployed_of
from resources.training.azure_openai.management_faults import AccountBusy, fault_of_management
from resources.training.azure_openai.options import SECTION, AzureTrainerOptions, serving_problems
from resources.training.azure_openai.transport import open_transport
from resources.training.replies import readable

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.mgmt.cognitiveservices import CognitiveServicesManagementClient
    from azure.mgmt.cognitiveservices.models import Deployment

T = TypeVar("T")

SETTING = f"{SECTION}.management.endpoint"
_IDENTITY = ("AZURE_", "IDENTITY_", "MSI_")
"""How the variables begin that azure-identity reads."""


class Account:
    """The deployments of one account. Nothing is opened before the first call."""

    def __init__(self, options: AzureTrainerOptions, door: Door):
        self.options = options
        self.host = (urlsplit(options.management.endpoint).hostname or "").lower()
        self._door = door
        self._client: CognitiveServicesManagementClient | None = None

    def get(self, name: str) -> Deployed | None:
        """A deployment as it is now; None if there is none of this name.

        A list is asked before that is said: it fails where it is not the deployment that is missing but its account.
        """
        from azure.core.exceptions import ResourceNotFoundError

        def look(client: "CognitiveServicesManagementClient") -> Deployed | None:
            try:
                return deployed_of(client.deployments.get(*self._place, name))
            except ResourceNotFoundError:
                listed = [deployed_of(one) for one in client.deployments.list(*self._place)]
                return next((one for one in listed if one.name == name), None)

        return self._ask(look)

    def list(self) -> Sequence[Deployed]:
        return self._ask(lambda client: [deployed_of(one) for one in client.deployments.list(*self._place)])

    def put(self, name: str, deployment: "Deployment") -> None:
        """Begins to bring up a deployment; sent once, unless the account is busy."""
        self._insist(
            lambda client: client.deployments.begin_create_or_update(
                *self._place, name, deployment, polling=False, retry_total=0
            )
        )

    def tag(self, name: str, tags: Mapping[str, str]) -> None:
        """Replaces all tags of a deployment."""
        from azure.mgmt.cognitiveservices.models import PatchResourceTagsAndSku

        change = PatchResourceTagsAndSku(tags=dict(tags))
        self._insist(lambda client: client.deployments.begin_update(*self._place, name, change, polling=False))

    def delete(self, name: str) -> None:
        """Begins to delete a deployment; one that is not there is fine."""
        from azure.core.exceptions import ResourceNotFoundError

        def remove(client: "CognitiveServicesManagementClient") -> None:
            with contextlib.suppress(ResourceNotFoundError):
                client.deployments.begin_delete(*self._place, name, polling=False)

        self._insist(remove)

    @property
    def place(self) -> str:
        """Which account this is, as handles remember it."""
        return "/".join((self.options.management.subscription, *self._place)).lower()

    @property
    def _place(self) -> tuple[str, str]:
        return self.options.management.resource_group, self.options.management.account

    def _insist(self, send: "Callable[[CognitiveServicesManagementClient], object]") -> None:
        """Asks again while the account is busy with another deployment: it did nothing then."""
        deadline = time.monotonic() + self.options.busy_seconds
        while True:
            try:
                self._ask(send)
                return
            except AccountBusy:
                if time.monotonic() > deadline:
                    raise
            time.sleep(self.options.polling_seconds)

    def _ask(self, send: "Callable[[CognitiveServicesManagementClient], T]") -> T:
        """Raises `DeploymentFailed` for a refusal, `TrainingUnreachable` where the service or a token is out of reach."""
        client = self._opened()
        from azure.core.exceptions import AzureError

        failure: RaftlineError
        try:
            with readable(self.host):
                return send(client)
        except AzureError as error:
            failure = fault_of_management(error, self.host)
        raise failure

    def _opened(self) -> "CognitiveServicesManagementClient":
        if self._client is None:
            found = serving_problems(self.options)
            if found:
                raise SettingsError("; ".join(found))
            admit(self.options.management.endpoint, "deploying", SETTING, self._door.options)
            self._client = _client(self.options, self._door)
        return self._client


@lru_cache(maxsize=4)
def _credential(_environment: tuple[tuple[str, str], ...]) -> "TokenCredential":
    """Who this process is. Finding that out takes seconds on some machines, and tokens are kept inside."""
    from azure.identity import DefaultAzureCredential

    return DefaultAzureCredential()


def _client(options: AzureTrainerOptions, door: Door) -> "CognitiveServicesManagementClient":
    try:
        from azure.core.pipeline.policies import SansIOHTTPPolicy
        from azure.mgmt.cognitiveservices import CognitiveServicesManagementClient

        credential = _credential(tuple(sorted(pair for pair in os.environ.items() if pair[0].startswith(_IDENTITY))))
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"{SECTION} deploys through Azure's own packages: install raftline with the `azure` extra"
        ) from error

    address = options.management.endpoint.rstrip("/")
    scope = f"{address}/.default"

    class Departures(SansIOHTTPPolicy):
        """Lets requests to the configured address out, and no others."""

        def on_request(self, request: Any) -> None:
            url, body = request.http_request.url, request.http_request.body
            if urlsplit(url)[:2] != urlsplit(address)[:2]:
                raise EgressDenied(f"deploying may contact the host of {SETTING} only, not {urlsplit(url).hostname}")
            sent = body.encode() if isinstance(body, str) else body or b""
            door.release("deploying", url, sent, "application/json", SETTING)

    class LoopbackToken(SansIOHTTPPolicy):
        """A token over plain HTTP, which the SDK's own policy rightly refuses to send: for this machine only."""

        def on_request(self, request: Any) -> None:
            token = credential.get_token(scope).token
            request.http_request.headers["Authorization"] = f"Bearer {token}"

    here = is_loopback(urlsplit(address).hostname or "")
    plain = here and urlsplit(address).scheme == "http"
    more: dict[str, Any] = {"authentication_policy": LoopbackToken()} if plain else {}
    return CognitiveServicesManagementClient(
        credential,
        options.management.subscription,
        address,
        credential_scopes=[scope],
        transport=open_transport(door.options.ca_bundle, not here, options.timeout_seconds),
        per_call_policies=[Departures()],
        retry_total=options.retries,
        permit_redirects=False,
        **more,
    )
