"""The resource seen from training: reading calls that may be repeated, and orders that are given once.

Everything goes through the connection that model calls use, hence through the door: one host, one log, no telemetry.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from resources.egress.door import Door
from resources.egress.policy import EgressOptions
from resources.errors import RaftlineError, SettingsError
from resources.llm.provider import CallError
from resources.llm.providers.connection import Connection
from resources.llm.providers.credentials import credential_of
from resources.llm.providers.headers import EMULATOR
from resources.llm.providers.site import Site
from resources.training.azure_openai.faults import fault_of_call, fault_of_response
from resources.training.azure_openai.options import SECTION, AzureTrainerOptions, training_problems
from resources.training.base import TrainingUnreachable
from resources.training.replies import readable

if TYPE_CHECKING:
    import httpx2
    import openai

T = TypeVar("T")

Send = Callable[["openai.AsyncOpenAI"], Awaitable[T]]


class Service:
    """A resource and how to ask it. Opens nothing before the first call, and nothing stays open after one."""

    def __init__(self, options: AzureTrainerOptions, door: Door):
        self.options = options
        self.site = Site("training", options.role(), SECTION)
        self.emulated: bool | None = None
        """Whether an emulator answered; None before the first answer."""
        self._door = door

    def read(self, send: Send[T], seconds: float | None = None) -> T:
        """What `send` gets from the SDK's client. It only reads: busy moments are waited out.

        Raises `TrainingUnreachable`, `CapacityLacking` or `TrainingRejected`, without a secret.
        """
        return asyncio.run(self._ask(send, self.options.retries, seconds))

    def order(self, send: Send[T], seconds: float | None = None) -> T:
        """The same for something that changes the resource: sent once, whatever comes of it."""
        return asyncio.run(self._ask(send, 0, seconds))

    @cached_property
    def connection(self) -> Connection:
        """Raises `SettingsError` for settings that nothing can be asked with."""
        found = training_problems(self.options)
        if found:
            raise SettingsError("; ".join(found))
        setting = self.site.setting("endpoint")
        open_client = self._door.client_factory("training", self.site.endpoint, setting)

        def watched(timeout: float) -> "httpx2.AsyncClient":
            client = open_client(timeout)
            client.event_hooks["response"].append(self._note)
            return client

        return Connection(self.site, credential_of(self.site), watched)

    async def _note(self, response: "httpx2.Response") -> None:
        self.emulated = bool(self.emulated) or EMULATOR in response.headers

    async def _ask(self, send: Send[T], retries: int, seconds: float | None) -> T:
        import openai

        refused: httpx2.Response | None = None
        connection = self.connection

        async def guarded(client: "openai.AsyncOpenAI") -> list[T]:
            nonlocal refused
            try:
                return [await send(client.with_options(max_retries=retries))]
            except openai.APIStatusError as error:
                refused = error.response
            return []

        failure: RaftlineError | None = None
        try:
            with readable(self.site.host):
                answer = await connection.call(guarded, seconds)
            if answer:
                return answer[0]
        except CallError as error:
            failure = fault_of_call(error)
        finally:
            await connection.close()
        if refused is not None:
            failure = fault_of_response(refused, self.site, connection.credential.secrets)
        raise failure or TrainingUnreachable(f"{self.site.host} did not answer")


def door_of(egress: EgressOptions, folder: str) -> Door:
    """What everything passes on its way to the resource."""
    return Door(egress, folder=Path(folder) if folder else None)
