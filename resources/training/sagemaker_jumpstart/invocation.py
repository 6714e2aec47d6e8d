"""A student behind an endpoint, asked like any chat model: signed requests of the runtime, or through S3 for asynchronous ones."""

import asyncio
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from resources.egress.door import Door
from resources.llm.provider import CallError, Misconfigured, RateLimited, Refused, Unavailable
from resources.llm.providers.headers import EMULATOR, retry_after
from resources.llm.request import Completion, ModelIdentity, Request
from resources.training.base import TrainingRejected, TrainingUnreachable
from resources.training.replies import UNREADABLE
from resources.training.sagemaker_jumpstart.aws import Aws
from resources.training.sagemaker_jumpstart.faults import told
from resources.training.sagemaker_jumpstart.hosting import answers_folder
from resources.training.sagemaker_jumpstart.options import SECTION
from resources.training.sagemaker_jumpstart.payloads import Style, completion_of, payload_of
from resources.training.sagemaker_jumpstart.storage import Storage, split

if TYPE_CHECKING:
    import httpx2

_JSON = "application/json"
_SIGNED_FOR = "sagemaker"
_CREDENTIALS = ("unrecognizedclient", "invalidsignature", "accessdenied", "missingauthentication")
_WAITS = 3600
"""Seconds that an asynchronous endpoint may take for one answer, its start from no instance included."""


@dataclass(frozen=True)
class Asked:
    """Which endpoint is asked, where, and how."""

    endpoint: str
    address: str
    asynchronous: bool
    style: Style
    identity: ModelIdentity


class InvokedChat:
    """One endpoint as a chat provider. Opens connections at the first call, anew on every event loop."""

    def __init__(self, asked: Asked, aws: Aws, door: Door):
        self._asked = asked
        self._aws = aws
        self._door = door
        self._open = door.client_factory("student", asked.address, f"{SECTION}.region")
        self._clients: dict[asyncio.AbstractEventLoop, httpx2.AsyncClient] = {}

    @property
    def identity(self) -> ModelIdentity:
        return self._asked.identity

    async def complete(self, request: Request) -> Completion:
        sent = payload_of(request, self._asked.style, self._aws.options.answer_tokens)
        body = json.dumps(sent, ensure_ascii=False).encode()
        try:
            if self._asked.asynchronous:
                found, real = await self._through_storage(body), not self._aws.emulated
            else:
                found, real = await self._invoked(body)
            return completion_of(_parsed(found), request, sent, real)
        except UNREADABLE as error:
            raise Unavailable(f"the container sent something that is not whole ({type(error).__name__})") from None

    async def close(self) -> None:
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client:
            await client.aclose()

    async def _invoked(self, body: bytes) -> tuple[bytes, bool]:
        """The container's reply, and whether no emulator gave it."""
        import httpx2

        loop = asyncio.get_running_loop()
        if loop not in self._clients:
            self._clients[loop] = self._open(self._aws.options.ask_seconds)
        url = f"{self._asked.address.rstrip('/')}/endpoints/{self._asked.endpoint}/invocations"
        try:
            headers = await asyncio.to_thread(self._signed, url, body)
            response = await self._clients[loop].post(url, content=body, headers=headers)
        except TrainingUnreachable as error:
            raise Misconfigured(str(error)) from None
        except (httpx2.TransportError, TimeoutError) as error:
            own = next((cause for cause in _causes(error) if isinstance(cause, CallError)), None)
            raise own or Unavailable(
                f"{self._asked.identity.endpoint} did not answer ({type(error).__name__})"
            ) from None
        if response.status_code != 200:
            raise self._fault(response.status_code, response.content, response.headers)
        return response.content, EMULATOR not in response.headers

    def _signed(self, url: str, body: bytes) -> dict[str, str]:
        """The headers of an invocation, signed with the credentials of this moment."""
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest

        credentials = self._aws.credentials()
        if credentials is None:
            raise TrainingUnreachable("there are no AWS credentials: set them in the environment, a profile or a role")
        request = AWSRequest("POST", url, headers={"Content-Type": _JSON, "Accept": _JSON}, data=body)
        SigV4Auth(credentials, _SIGNED_FOR, self._aws.options.region).add_auth(request)
        return dict(request.headers.items())

    async def _through_storage(self, body: bytes) -> bytes:
        """The reply of an asynchronous endpoint: the question is put into S3, the answer is waited for there."""
        try:
            answer, failure, question = await asyncio.to_thread(self._ordered, body)
            for _ in range(max(1, round(_WAITS / self._aws.options.polling_seconds))):
                found = await asyncio.to_thread(self._taken, answer, failure, question)
                if found is not None:
                    return found
                await asyncio.sleep(self._aws.options.polling_seconds)
        except TrainingUnreachable as error:
            raise Unavailable(str(error)) from None
        except TrainingRejected as error:
            raise Misconfigured(str(error)) from None
        raise Unavailable(f"endpoint {self._asked.endpoint} did not answer within {_WAITS} s")

    def _ordered(self, body: bytes) -> tuple[str, str, str]:
        """Where the answer and a failure would be, and where the question lies."""
        question = f"{answers_folder(self._aws.options, self._asked.endpoint)}/questions/{uuid.uuid4().hex}.json"
        bucket, key = split(question)
        self._door.release("student", self._aws.address("s3"), body, _JSON, f"{SECTION}.prefix")
        self._aws.order("s3", "PutObject", Bucket=bucket, Key=key, Body=body, ContentType=_JSON)
        given = self._aws.order(
            "sagemaker-runtime",
            "InvokeEndpointAsync",
            EndpointName=self._asked.endpoint,
            InputLocation=question,
            ContentType=_JSON,
            InvocationTimeoutSeconds=_WAITS,
        )
        return str(given["OutputLocation"]), str(given.get("FailureLocation") or ""), question

    def _taken(self, answer: str, failure: str, question: str) -> bytes | None:
        """The answer once it is there; nothing of the conversation stays in the bucket."""
        storage = Storage(self._aws, self._door)
        found = storage.read(answer)
        told_wrong = storage.read(failure) if found is None and failure else None
        if found is None and told_wrong is None:
            return None
        for uri in (question, answer if found is not None else failure):
            bucket, key = split(uri)
            self._aws.order("s3", "DeleteObject", Bucket=bucket, Key=key)
        if found is None:
            raise Refused(f"endpoint {self._asked.endpoint}: {told((told_wrong or b'').decode('utf-8', 'replace'))}")
        return found

    def _fault(self, status: int, content: bytes, headers: Mapping[str, str]) -> CallError:
        """The failure behind an answer with an error status: the runtime's own, or the container's behind a ModelError."""
        name = self._asked.endpoint
        body = _error_body(content)
        code = (headers.get("x-amzn-errortype") or str(body.get("__type") or "")).split(":")[0].split("#")[-1]
        words = told(body.get("OriginalMessage") or body.get("message") or body.get("Message") or "")
        said = f"endpoint {name} ({status} {code})" + (f": {words}" if words else "")
        if code == "ModelError":
            original = int(body.get("OriginalStatusCode") or 500)
            if original == 429:
                return RateLimited(said, retry_after(headers))
            return Refused(said) if 400 <= original < 500 and original != 408 else Unavailable(said)
        if code.startswith("Throttling") or status == 429:
            return RateLimited(said, retry_after(headers))
        if status >= 500 or code in ("ModelNotReadyException", "ServiceUnavailable", "InternalFailure"):
            return Unavailable(said, retry_after(headers))
        if code.startswith("ExpiredToken"):
            self._aws.forget()
            return Unavailable(f"{said}: the AWS credentials have expired, renew them")
        if status == 403 or code.lower().startswith(_CREDENTIALS):
            return Misconfigured(f"{said}: renew the AWS credentials, or permit sagemaker:InvokeEndpoint")
        if status == 413:
            return Refused(said)
        return Misconfigured(said)


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        raise Unavailable("the container sent something that is no JSON") from None


def _error_body(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except ValueError:
        return {"message": content.decode("utf-8", "replace")}
    return found if isinstance(found, dict) else {"message": str(found)}


def _causes(error: BaseException | None) -> list[BaseException]:
    found = []
    while error is not None:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found
