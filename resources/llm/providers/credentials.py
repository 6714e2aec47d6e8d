"""How a call proves who pays for it: a key from the environment, a token from Entra ID, or not at all."""

import asyncio
import os
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from resources.errors import SettingsError
from resources.llm.provider import Misconfigured
from resources.llm.providers.site import Site
from resources.llm.providers.words import scrubbed

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

SCOPE = "https://cognitiveservices.azure.com/.default"
_EARLY = 300.0
"""Seconds before its end at which a token is renewed."""

TokenSource = Callable[[], Awaitable[str]]


@dataclass(frozen=True)
class Credential:
    """A key or a source of tokens; neither for a service that asks for none. Never shown."""

    key: str = field(default="", repr=False)
    token: TokenSource | None = field(default=None, repr=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not appear in any text."""
        held = self.token.held if isinstance(self.token, EntraToken) else ""
        return tuple(filter(None, (self.key, held)))

    async def headers(self, site: Site) -> dict[str, str]:
        """What proves it in a call: a bearer token, or the key as the API of the site wants it."""
        if self.token:
            return {"Authorization": f"Bearer {await self.token()}"}
        if not self.key:
            return {}
        legacy = site.is_azure and bool(site.settings.api_version)
        return {"api-key": self.key} if legacy else {"Authorization": f"Bearer {self.key}"}


def credential_of(site: Site) -> Credential:
    """The credential that a role's settings ask for. Raises `SettingsError` naming role and variable."""
    if site.settings.auth == "none":
        return Credential()
    if site.settings.auth == "entra":
        return Credential(token=EntraToken(site))
    key = os.environ.get(site.key_variable, "").strip()
    if not key:
        otherwise = "entra asks for a token instead" if site.is_azure else "none sends no key"
        raise SettingsError(
            f"{site.title}: the environment variable {site.key_variable} is not set; it must hold the key for "
            f"{site.host} ({site.setting('api_key_variable')} names another variable, {site.setting('auth')}: {otherwise})"
        )
    if not key.isascii() or not key.isprintable():
        raise SettingsError(f"{site.title}: the key in {site.key_variable} holds characters that no key has")
    return Credential(key)


class EntraToken:
    """A bearer token for Azure OpenAI, renewed before it ends.

    azure-identity's asynchronous half needs aiohttp and belongs to one event loop; its ordinary one, in a thread, does
    neither.
    """

    def __init__(self, site: Site):
        self._site = site
        self._credential = _default_credential(site)
        self._lock = threading.Lock()
        self.held = ""
        """The token of now; empty before the first call."""
        self._ends = 0.0

    async def __call__(self) -> str:
        if time.time() > self._ends - _EARLY:
            await asyncio.to_thread(self._renew)
        return self.held

    def _renew(self) -> None:
        from azure.core.exceptions import AzureError

        with self._lock:
            if time.time() <= self._ends - _EARLY:
                return
            try:
                found = self._credential.get_token(SCOPE)
                self.held, self._ends, problem = found.token, float(found.expires_on), ""
            except AzureError as error:
                problem = scrubbed(str(error.message), ())
        if problem:
            raise Misconfigured(
                f"no Entra ID token for {self._site.host}: sign in with `az login`, or give this machine an identity "
                f"(managed identity, or AZURE_CLIENT_ID, AZURE_TENANT_ID and a secret in the environment): {problem}"
            )


def _default_credential(site: Site) -> "TokenCredential":
    try:
        from azure.identity import DefaultAzureCredential
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"{site.setting('auth')} is entra, which needs azure-identity: install raftline with the `azure` extra"
        ) from error
    return DefaultAzureCredential()
