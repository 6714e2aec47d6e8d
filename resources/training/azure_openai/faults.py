"""What the service said no to, as the kind of trouble that a training run acts on and in words that say what to do."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from resources.errors import RaftlineError
from resources.llm.provider import CallError, Misconfigured, Refused
from resources.llm.providers.faults import Said, said
from resources.llm.providers.headers import request_id
from resources.llm.providers.site import Site
from resources.training.base import CapacityLacking, TrainingRejected, TrainingUnreachable

if TYPE_CHECKING:
    import httpx2

FULL = frozenset({"quotaexceeded", "insufficientquota", "insufficientcapacity", "capacitynotavailable", "nocapacity"})
"""The service's codes for: there is no room now."""

_NO_MONEY = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})
_PASSING = frozenset({408, 409, 425, 499})


class AccessDenied(TrainingRejected):
    """Credentials or permissions that the service does not accept. A job that runs already goes on without them."""


def fault_of_response(response: "httpx2.Response", site: Site, secrets: tuple[str, ...]) -> RaftlineError:
    """The trouble behind an answer with an error status; the message ends with the id by which support finds the call."""
    try:
        body = response.json()
    except ValueError:
        body = response.text
    number = request_id(response.headers)
    return fault_of(said(response.status_code, body, response.headers, secrets), site, number)


def fault_of_call(error: CallError) -> RaftlineError:
    """The trouble behind a call that brought no answer at all."""
    if isinstance(error, Refused):
        return TrainingRejected(str(error))
    if isinstance(error, Misconfigured):
        return AccessDenied(str(error))
    return TrainingUnreachable(str(error))


def fault_of(told: Said, site: Site, number: str) -> RaftlineError:
    """The trouble that a service's words stand for."""
    codes = set(told.code.split())
    reason = (f": {told.message}" if told.message else "") + (f" (request {number})" if number else "")
    if codes & _NO_MONEY:
        return TrainingRejected(f"{site.host} has no quota or credit left for this resource{reason}")
    if codes & FULL:
        return CapacityLacking(f"{site.host} has no room for the job now{reason}")
    if told.status == 429:
        return TrainingUnreachable(f"{site.host} asks to slow down (429){reason}")
    if told.status >= 500 or told.status in _PASSING:
        return TrainingUnreachable(f"{site.host} failed ({told.status}){reason}")
    if told.status in (401, 403):
        return AccessDenied(_denied(told.status, site) + reason)
    if told.status < 400:
        return TrainingRejected(
            f"{site.host} sends calls on to another address ({told.status}), which is not followed: "
            f"check {site.setting('endpoint')}{reason}"
        )
    if told.status == 404:
        return TrainingRejected(
            f"{site.host} knows no such thing (404): {site.setting('endpoint')} must be the address of a resource in a "
            f"region that offers fine-tuning{reason}"
        )
    hint = ""
    if "does not support fine-tuning" in told.message:
        hint = (
            f"; the model may not be offered in the resource's region, or not with {site.setting('training_type')} as it "
            "is set"
        )
    return TrainingRejected(f"{site.host} does not accept this ({told.status}){reason}{hint}")


def _denied(status: int, site: Site) -> str:
    if status == 401 and site.settings.auth == "key":
        return (
            f"{site.host} does not accept the key in {site.key_variable} (401): it may have been renewed or belong to "
            f"another resource; check {site.key_variable} and {site.setting('endpoint')}"
        )
    if site.settings.auth == "key":
        return (
            f"{site.host} forbids this (403): keys may be switched off for the resource (then set {site.setting('auth')} "
            "to entra), or its network rules do not let this machine in"
        )
    return (
        f"{site.host} does not accept your Entra ID identity ({status}): to train it needs the role 'Cognitive Services "
        "OpenAI Contributor' on the resource, or 'Azure AI User' on a Foundry resource"
    )


@contextmanager
def waiting_for(*missing: type[RaftlineError]) -> Generator[None]:
    """A job goes on while its credentials are renewed: whoever asks for it waits for them."""
    words = ""
    try:
        yield
    except missing as error:
        words = str(error)
    if words:
        raise TrainingUnreachable(words)
