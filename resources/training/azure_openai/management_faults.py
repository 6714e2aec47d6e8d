"""What a management call failed of, as the kind of trouble that runs act on and in words that say what to check."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from resources.errors import RaftlineError
from resources.llm.providers.words import scrubbed
from resources.training.azure_openai.options import SECTION
from resources.training.base import TrainingUnreachable
from resources.training.serving import DeploymentFailed

if TYPE_CHECKING:
    from azure.core.exceptions import AzureError

_ADVICE: Mapping[str, str] = {
    "SubscriptionNotFound": f"check {SECTION}.management.subscription",
    "ResourceGroupNotFound": f"check {SECTION}.management.resource_group",
    "ResourceNotFound": f"check {SECTION}.management.account",
    "ParentResourceNotFound": f"check {SECTION}.management.account",
    "InsufficientQuota": f"lower {SECTION}.capacity, delete other deployments, or ask for quota in this region",
    "DeploymentModelNotSupported": "the model or its SKU may not be offered in the resource's region",
    "InvalidResourceProperties": f"check {SECTION}.evaluation_sku, serving_sku and base_sku",
}
_PASSING = frozenset({408, 425, 429})


class NoToken(TrainingUnreachable):
    """There is no valid Entra ID token now; whoever signs in again brings one."""


class AccountBusy(DeploymentFailed):
    """The account changes one deployment at a time, and it is at it."""


def fault_of_management(error: "AzureError", host: str) -> RaftlineError:
    """What the failure of a management call means, in words that say what to check."""
    from azure.core.exceptions import ClientAuthenticationError, HttpResponseError

    told = error.error.message if isinstance(error, HttpResponseError) and error.error else None
    words = scrubbed(str(told or error.message), ())
    if not isinstance(error, HttpResponseError):
        return TrainingUnreachable(f"{host} cannot be reached: {words}")
    status = error.status_code
    if isinstance(error, ClientAuthenticationError) or status is None or status == 401:
        return NoToken(
            f"{host} got no valid Entra ID token: sign in with `az login`, or give this machine an identity: {words}"
        )
    number = str(getattr(error.response, "headers", {}).get("x-ms-request-id", ""))
    reason = f"{words} (request {number})" if number else words
    if status < 300:
        return TrainingUnreachable(f"{host} sent something that is not whole: {reason}")
    if status in _PASSING or status >= 500:
        return TrainingUnreachable(f"{host} failed ({status}): {reason}")
    if status == 403:
        return DeploymentFailed(
            f"{host} forbids this (403): to deploy, your identity needs the role 'Cognitive Services OpenAI Contributor' on "
            f"the resource; on a Foundry resource 'Azure AI Owner', as 'Azure AI User' may only train: {reason}"
        )
    if status == 409:
        return AccountBusy(f"{host} is busy with another deployment (409): {reason}")
    advice = _ADVICE.get(str(error.error.code) if error.error else "", "")
    return DeploymentFailed(f"{host} refused ({status}): {reason}" + (f"; {advice}" if advice else ""))
