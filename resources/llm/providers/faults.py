"""What went wrong with a call, as the kind of failure that the gateway acts on and in words that say what to check."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from resources.errors import RaftlineError
from resources.llm.provider import CallError, Misconfigured, NoDeployment, RateLimited, Refused, Unavailable
from resources.llm.providers.headers import retry_after
from resources.llm.providers.site import Site
from resources.llm.providers.words import scrubbed

if TYPE_CHECKING:
    import httpx2

PASSING = frozenset({408, 409, 425, 499})
"""Client errors that pass by themselves."""

_SETTINGS = {
    "temperature": "parameters.temperature",
    "top_p": "parameters.top_p",
    "seed": "parameters.seed",
    "reasoning_effort": "parameters.reasoning_effort",
    "max_tokens": "token_limit",
    "max_completion_tokens": "token_limit",
    "response_format": "structured_output",
    "dimensions": "dimensions",
}
"""The setting behind each field of a request that a model may not take."""

_NO_MONEY = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})
_NO_MODEL = frozenset({"deploymentnotfound", "model_not_found", "notfounderror", "invalid_model", "unknown_model"})
_FILTERED = frozenset({"content_filter", "content_policy_violation", "responsibleaipolicyviolation"})
_TOO_LONG = re.compile(
    r"(?i)maximum context length|context[ _](?:length|window|size)|too many (?:input )?tokens|too long"
)
_UNSUPPORTED = re.compile(
    r"(?i)unsupported[ _](?:parameter|value)|unrecognized (?:request )?(?:argument|parameter)|not supported|does not support"
)
_BLIND = re.compile(r"(?i)image[^.]*(?:not support|only supported|unsupported|cannot|not a multimodal|does not)|"
                    r"(?:not support|not a multimodal|unsupported|does not accept)[^.]*(?:image|vision)")  # fmt: skip


@dataclass(frozen=True)
class Said:
    """A service's error as it said it, whatever dialect it speaks."""

    status: int
    code: str = ""
    parameter: str = ""
    message: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


def fault_of_response(response: "httpx2.Response", site: Site, secrets: tuple[str, ...]) -> CallError:
    """The failure behind an answer with an error status."""
    try:
        body = response.json()
    except ValueError:
        body = response.text
    return fault_of(said(response.status_code, body, response.headers, secrets), site)


def said(status: int, body: Any, headers: Mapping[str, str], secrets: tuple[str, ...]) -> Said:
    """Reads the error dialects of OpenAI, Azure, API management, vLLM, Ollama and FastAPI."""
    if not isinstance(body, dict):
        return Said(status, message=scrubbed(str(body or ""), secrets), headers=headers)
    error = body.get("error") or body
    if not isinstance(error, dict):
        return Said(status, message=scrubbed(str(error), secrets), headers=headers)
    inner = error.get("innererror") or error.get("inner_error") or {}
    codes = [error.get("code"), inner.get("code") if isinstance(inner, dict) else None, error.get("type")]
    code = " ".join(str(code).lower() for code in codes if code is not None)
    message = error.get("message") or error.get("detail") or ""
    return Said(status, code, str(error.get("param") or ""), scrubbed(str(message), secrets), headers)


def fault_of(told: Said, site: Site) -> CallError:
    """The failure that a service's words stand for."""
    codes = set(told.code.split())
    reason = f": {told.message}" if told.message else ""
    if told.status == 429:
        if codes & _NO_MONEY:
            return Misconfigured(f"{site.host} has no quota or credit left for {_payer(site)}{reason}")
        wait = retry_after(told.headers, told.message)
        return RateLimited(f"{site.host} asks {site.name} to slow down (429){reason}", wait)
    if told.status >= 500 or told.status in PASSING:
        return Unavailable(f"{site.host} failed ({told.status}){reason}", retry_after(told.headers))
    if told.status in (401, 402, 403):
        return Misconfigured(_denied(told, site) + reason)
    if told.status in (404, 405) or codes & _NO_MODEL or "operationnotsupported" in codes:
        kind = NoDeployment if "deploymentnotfound" in codes else Misconfigured
        return kind(_not_there(told, codes, site) + reason)
    if told.status < 400:
        target = scrubbed(told.headers.get("location", "elsewhere"), ())
        return Misconfigured(
            f"{site.host} sends calls on to {target} ({told.status}), which is not followed: check {site.setting('endpoint')}"
        )
    return _refused(told, codes, site, reason)


def fault_of_transport(error: Exception, site: Site) -> CallError:
    """The failure behind a call that got no answer: name, certificate, proxy, time, or a broken line."""
    import socket
    import ssl

    import httpx2

    chain = list(_causes(error))
    own = next((cause for cause in chain if isinstance(cause, RaftlineError)), None)
    if own:
        return own if isinstance(own, CallError) else Misconfigured(str(own))
    endpoint = site.setting("endpoint")
    for cause in chain:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return Misconfigured(
                f"the certificate of {site.host} is not trusted ({cause.verify_message}): if your network has its own "
                "certificate authority, let SSL_CERT_FILE name its bundle"
            )
        if isinstance(cause, ssl.SSLError):
            return Unavailable(f"no TLS connection to {site.host} ({cause.reason}): is {endpoint} an https address?")
        if isinstance(cause, socket.gaierror):
            return Unavailable(f"the name {site.host} cannot be resolved: check {endpoint}, the network and its proxy")
        if isinstance(cause, ConnectionRefusedError):
            return Unavailable(f"nothing answers at {site.host}: check {endpoint}, or start the server")
        if isinstance(cause, httpx2.ProxyError):
            words = scrubbed(str(cause), ())
            kind = Misconfigured if re.search(r"\b40[37]\b", words) else Unavailable
            return kind(
                f"the proxy does not let calls to {site.host} through ({words}): check HTTPS_PROXY and NO_PROXY"
            )
        if isinstance(cause, httpx2.ConnectTimeout):
            return Unavailable(f"no connection to {site.host} in time: check {endpoint}, the network and its proxy")
        if isinstance(cause, httpx2.TimeoutException | TimeoutError):
            seconds = site.settings.timeout_seconds
            return Unavailable(f"{site.host} did not answer within {seconds:g} s ({site.setting('timeout_seconds')})")
        if isinstance(cause, httpx2.InvalidURL | httpx2.UnsupportedProtocol | httpx2.LocalProtocolError):
            return Misconfigured(f"{endpoint} cannot be called: {scrubbed(str(cause), ())}")
        if isinstance(cause, UnicodeEncodeError):
            return Refused("the request holds a character that is no valid Unicode")
    return Unavailable(f"the connection to {site.host} broke ({type(chain[-1]).__name__})")


def _denied(told: Said, site: Site) -> str:
    if told.status == 402:
        return f"{site.host} wants to be paid first (402) by {_payer(site)}"
    if site.settings.auth == "none":
        return (
            f"{site.host} asks for credentials ({told.status}), but {site.setting('auth')} is none: "
            f"set it to key and put the key into {site.key_variable}"
        )
    if site.settings.auth == "entra":
        return (
            f"{site.host} does not accept your Entra ID identity ({told.status}): it needs the role 'Cognitive Services "
            f"OpenAI User' on this resource, and {site.setting('endpoint')} must be the resource's own address"
        )
    if told.status == 403:
        return (
            f"{site.host} forbids the call (403): the key in {site.key_variable} may lack a permission for {site.name}, "
            "or the resource's network rules do not let this machine in"
        )
    return (
        f"{site.host} does not accept the key in {site.key_variable} (401): it may belong to another resource; "
        f"check {site.key_variable} and {site.setting('endpoint')}"
    )


def _not_there(told: Said, codes: set[str], site: Site) -> str:
    if "operationnotsupported" in codes:
        return f"{site.name} at {site.host} is a model of another kind: check {site.setting('deployment')}"
    known = bool(codes & _NO_MODEL) or bool(re.search(r"(?i)(model|deployment).*(not exist|not found)", told.message))
    if not known:
        shape = "https://NAME.openai.azure.com" if site.is_azure else "the base URL, which usually ends in /v1"
        return f"{site.host} has no such address ({told.status}): {site.setting('endpoint')} must be {shape}"
    if site.is_azure:
        return (
            f"{site.host} has no deployment {site.name!r} ({told.status}): check {site.setting('deployment')}; "
            "a new deployment answers after some minutes"
        )
    key = "deployment" if site.settings.deployment else "model"
    return f"{site.host} has no model {site.name!r} ({told.status}): check {site.setting(key)}"


def _refused(told: Said, codes: set[str], site: Site, reason: str) -> CallError:
    """A request that is not valid: this one's fault, or that of settings which every request shares."""
    if codes & _FILTERED:
        return Refused(f"the content filter of {site.host} refused the request{reason}")
    if "context_length_exceeded" in codes or _TOO_LONG.search(told.message):
        return Refused(f"longer than the window of {site.name}{reason}")
    if re.search(r"(?i)max_tokens or model output limit was reached", told.message):
        return Refused(f"the answer did not fit into {site.setting('parameters.max_tokens')}{reason}")
    if _BLIND.search(told.message):
        return Misconfigured(
            f"{site.name} at {site.host} takes no pictures: {site.setting('model')} needs vision{reason}"
        )
    named = told.parameter.split(".")[0] or _first_field(told.message)
    unsupported = bool(codes & {"unsupported_parameter", "unsupported_value"}) or bool(
        _UNSUPPORTED.search(told.message)
    )
    if named == "response_format" or (unsupported and "response_format" in told.message):
        return Misconfigured(
            f"{site.name} at {site.host} has no structured output of this kind: set {site.setting('structured_output')} "
            f"to json_object or prompt{reason}"
        )
    if named in ("max_tokens", "max_completion_tokens") and "too large" in told.message:
        return Misconfigured(
            f"{site.name} at {site.host} writes less: lower {site.setting('parameters.max_tokens')}{reason}"
        )
    if unsupported and named in _SETTINGS:
        setting = site.setting(_SETTINGS[named])
        other = "max_tokens" if named == "max_completion_tokens" else "max_completion_tokens"
        change = f"set {setting} to {other}" if _SETTINGS[named] == "token_limit" else f"set {setting} to null"
        return Misconfigured(f"{site.name} at {site.host} does not take {named} as it was sent: {change}{reason}")
    return Refused(f"{site.host} does not accept the request ({told.status}){reason}")


def _first_field(message: str) -> str:
    """The first field of a request that a message names; empty if none."""
    found = re.search(rf"\b({'|'.join(_SETTINGS)})\b", message)
    return found[1] if found else ""


def _payer(site: Site) -> str:
    return f"the key in {site.key_variable}" if site.settings.auth == "key" else site.name


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An exception and what led to it, the nearest first."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__
