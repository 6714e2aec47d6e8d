"""What AWS said no to, as the kind of trouble that a training run acts on and in words that say what to do."""

import os
import re
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from resources.errors import RaftlineError, SettingsError
from resources.llm.providers.words import scrubbed
from resources.training.base import CapacityLacking, TrainingRejected, TrainingUnreachable
from resources.training.sagemaker_jumpstart.options import SECTION

_CREDENTIALS = frozenset(
    "expiredtoken expiredtokenexception requestexpired tokenrefreshrequired invalidtoken unrecognizedclientexception "
    "invalidclienttokenid invalidaccesskeyid signaturedoesnotmatch invalidsignatureexception incompletesignature "
    "missingauthenticationtoken missingauthenticationtokenexception authfailure".split()
)
_BUSY = frozenset(
    "throttling throttlingexception throttledexception toomanyrequestsexception requestlimitexceeded slowdown "
    "requestthrottled requestthrottledexception".split()
)
_FULL = frozenset("capacityerror insufficientcapacity insufficientinstancecapacity capacityunavailable".split())
_LIMITS = frozenset("resourcelimitexceeded limitexceededexception limitexceeded servicequotaexceededexception".split())
_DENIED = frozenset("accessdenied accessdeniedexception unauthorizedoperation forbidden 403".split())
_NO_CREDENTIALS = frozenset(
    "NoCredentialsError PartialCredentialsError CredentialRetrievalError TokenRetrievalError UnauthorizedSSOTokenError "
    "SSOTokenLoadError RefreshWithMFAUnsupportedError NoAuthTokenError LoginRefreshRequired".split()
)
_SETTINGS = frozenset(
    "NoRegionError ProfileNotFound ConfigNotFound ConfigParseError InvalidRegionError InvalidEndpointConfigurationError".split()
)
_REFUSED_HERE = frozenset({"ParamValidationError", "UnknownServiceError", "InvalidConfigError"})
_ABSENT = frozenset(
    "resourcenotfound resourcenotfoundexception objectnotfoundexception nosuchkey nosuchbucket notfound 404".split()
)
_TAKEN = re.compile(r"(?i)already exist")
_MISSING = re.compile(r"(?i)could not find|not found|does not exist|no such|no scalable target")
_NONE_AT_ALL = re.compile(r"(?i)\bis 0 (?:instances?|units?)?")
_KEY_ID = re.compile(r"\b(?:AKIA|ASIA|AROA|AIDA|ABIA|ACCA)[A-Z0-9]{8,}\b")


class AccessDenied(TrainingRejected):
    """A permission that is missing. A job that runs already goes on without it."""


class CredentialsRefused(TrainingUnreachable):
    """Credentials that are missing, expired or not accepted now. They may be renewed while a job runs."""


class NotThere(TrainingRejected):
    """A job, model, endpoint or object that does not exist (any more)."""


class NameTaken(TrainingRejected):
    """Something of this name exists already."""


def told(text: Any) -> str:
    """A service's words without keys and secrets, on one line."""
    secrets = tuple(
        value for name in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN") if len(value := os.environ.get(name, "")) > 7
    )
    return scrubbed(_KEY_ID.sub("***", str(text)), secrets)


def fault_of(error: Exception, action: str) -> RaftlineError:
    """The trouble behind an exception of boto3. `action` says what was asked, such as `sagemaker CreateTrainingJob`."""
    from botocore.exceptions import ClientError

    if isinstance(error, ClientError):
        said = error.response.get("Error", {})
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") or 0)
        return _refusal(str(said.get("Code") or ""), told(said.get("Message") or ""), status, action)
    kind = type(error).__name__
    if kind in _NO_CREDENTIALS:
        return CredentialsRefused(
            f"{action}: there are no usable AWS credentials now ({kind}): set them in the environment, a profile or a role "
            "(AWS_PROFILE, AWS_ACCESS_KEY_ID, `aws sso login`); what runs at AWS goes on"
        )
    if kind in _SETTINGS:
        return SettingsError(f"{action}: {told(error)}")
    if kind in _REFUSED_HERE:
        return TrainingRejected(f"{action}: the request is not valid: {told(error)}")
    hint = f"; check the network and {SECTION}.region" if kind == "EndpointConnectionError" else ""
    return TrainingUnreachable(f"{action}: AWS did not answer ({kind}): {told(error)}{hint}")


def _refusal(code: str, message: str, status: int, action: str) -> RaftlineError:
    known = code.lower()
    reason = f": {message}" if message else ""
    if known in _CREDENTIALS:
        return CredentialsRefused(
            f"{action}: AWS does not accept the credentials now ({code}){reason}; renew them, what runs at AWS goes on"
        )
    if known in _BUSY or status == 429:
        return TrainingUnreachable(f"{action}: AWS asks to slow down ({code}){reason}")
    if known in _FULL:
        return CapacityLacking(f"{action}: there is no room now ({code}){reason}")
    if known in _LIMITS:
        if _NONE_AT_ALL.search(message):
            return TrainingRejected(
                f"{action}: the account has no quota for this{reason}. Ask for it in Service Quotas"
            )
        return CapacityLacking(f"{action}: the account's quota is used up now ({code}){reason}")
    if status >= 500:
        return TrainingUnreachable(f"{action}: AWS failed ({status} {code}){reason}")
    if known in _DENIED:
        return AccessDenied(
            f"{action} is not permitted ({code}){reason}; docs/training-sagemaker.md lists the permissions"
        )
    if known in ("resourceinuse", "resourceinuseexception", "conflictexception") or _TAKEN.search(message):
        return NameTaken(f"{action}: the name is taken{reason}")
    if known in _ABSENT:
        return NotThere(f"{action}: not found{reason}")
    if known.startswith("validation") and _MISSING.search(message):
        return NotThere(f"{action}: not found{reason}")
    return TrainingRejected(f"{action}: AWS does not accept this ({code}){reason}")


@contextmanager
def while_it_runs() -> Generator[None]:
    """A permission that is missing now is waited for: the job there goes on."""
    try:
        yield
    except AccessDenied as error:
        raise TrainingUnreachable(str(error)) from None


def asked(action: str, call: Callable[..., Any], **request: Any) -> Any:
    """What a call of boto3 returns. Raises what `fault_of` makes of its exceptions; they are not kept, they may quote."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return call(**request)
    except (ClientError, BotoCoreError) as error:
        failure = fault_of(error, action)
    raise failure
