"""A connection to a hosted service: an HTTP client for each event loop, one call at a time, no retries.

Model calls are posted directly: the SDK would cost each of them half a millisecond. Files and batches go through it.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

from resources.egress.client import open_client
from resources.errors import RaftlineError
from resources.llm.provider import Unavailable
from resources.llm.providers import azure_openai, openai_compatible
from resources.llm.providers.credentials import Credential
from resources.llm.providers.faults import fault_of_response, fault_of_transport
from resources.llm.providers.site import Site

if TYPE_CHECKING:
    import httpx2
    import openai

T = TypeVar("T")

ClientFactory = Callable[[float], "httpx2.AsyncClient"]
"""Makes the HTTP client of a connection, given the timeout in seconds. What every call goes through."""


def plain_client(timeout: float) -> "httpx2.AsyncClient":
    """A client that heeds proxies and SSL_CERT_FILE, follows no redirect, and has a connection for every call in flight."""
    return open_client(timeout)


@dataclass(frozen=True)
class Reply:
    """A service's answer: a JSON object, and the headers."""

    body: dict[str, Any]
    headers: Mapping[str, str]


@dataclass
class _Clients:
    """The clients of one event loop, which share their connections."""

    http: "httpx2.AsyncClient"
    sdk: "openai.AsyncOpenAI | None" = None


@dataclass(frozen=True)
class Connection:
    """How to reach a site. Each event loop has a client of its own, opened by the first call on it."""

    site: Site
    credential: Credential
    client_factory: ClientFactory = plain_client
    _clients: WeakKeyDictionary[asyncio.AbstractEventLoop, _Clients] = field(
        default_factory=WeakKeyDictionary, repr=False
    )

    async def post(self, path: str, body: dict[str, Any]) -> Reply:
        """One call. Raises the `CallError` that fits; it holds no secret, and neither does what it was raised from."""
        import httpx2

        failure: Exception | None = None
        try:
            async with asyncio.timeout(self.site.settings.timeout_seconds):
                response = await self._send(path, body)
        except (RaftlineError, httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, OSError, UnicodeError) as error:
            failure = error
        if failure is not None:
            raise fault_of_transport(failure, self.site)
        if not response.is_success:
            raise fault_of_response(response, self.site, self.credential.secrets)
        return self._reply(response)

    async def call(self, send: "Callable[[openai.AsyncOpenAI], Awaitable[T]]", seconds: float | None = None) -> T:
        """What `send` gets from the SDK's client, within so many seconds (the role's timeout). Raises as `post` does."""
        import httpx2
        import openai

        refused: httpx2.Response | None = None
        failure: Exception | None = None
        try:
            async with asyncio.timeout(seconds or self.site.settings.timeout_seconds):
                return await send(self._sdk())
        except openai.APIStatusError as error:
            refused = error.response
        except (openai.OpenAIError, TimeoutError, UnicodeEncodeError, httpx2.InvalidURL) as error:
            failure = error
        if refused is not None:
            raise fault_of_response(refused, self.site, self.credential.secrets)
        raise fault_of_transport(failure or TimeoutError(), self.site)

    async def close(self) -> None:
        """Closes the clients of the running event loop."""
        clients = self._clients.pop(asyncio.get_running_loop(), None)
        if clients is not None:
            await clients.http.aclose()

    async def _send(self, path: str, body: dict[str, Any]) -> "httpx2.Response":
        content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        headers = {"Content-Type": "application/json", **await self.credential.headers(self.site)}
        return await self._here().http.post(_parsed(self.site.address(path)), content=content, headers=headers)

    def _reply(self, response: "httpx2.Response") -> Reply:
        try:
            found = response.json()
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise Unavailable(f"{self.site.host} sent something that is not a JSON object")
        return Reply(found, response.headers)

    def _here(self) -> _Clients:
        loop = asyncio.get_running_loop()
        clients = self._clients.get(loop)
        if clients is None:
            clients = self._clients[loop] = _Clients(self.client_factory(self.site.settings.timeout_seconds))
        return clients

    def _sdk(self) -> "openai.AsyncOpenAI":
        clients = self._here()
        if clients.sdk is None:
            sdk = azure_openai if self.site.is_azure else openai_compatible
            clients.sdk = sdk.open_client(self.site, self.credential, clients.http)
        return clients.sdk


@lru_cache(maxsize=64)
def _parsed(address: str) -> "httpx2.URL":
    import httpx2

    return httpx2.URL(address)
