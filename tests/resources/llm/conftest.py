"""Ledgers, and a chat service that writes down what it was asked."""

import asyncio
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from resources.llm.ledger import Ledger
from resources.llm.provider import CallError
from resources.llm.request import Completion, Message, ModelIdentity, Request


@dataclass
class RecordingService:
    """Answers `echo: <text>`; texts that start with `fail` raise."""

    identity: ModelIdentity = field(default_factory=lambda: ModelIdentity("test", "local", "echo-1"))
    asked: list[str] = field(default_factory=list)

    async def complete(self, request: Request) -> Completion:
        self.asked.append(request.user_text)
        if request.user_text.startswith("fail"):
            raise ConnectionError("the line is dead")
        return Completion(f"echo: {request.user_text}", "stop", 100, 10)

    async def close(self) -> None:
        """Holds nothing."""

    def request(self, text: str, *sources: str) -> Request:
        return Request("teacher", self.identity, (Message("user", text),), sources=sources)


@dataclass
class FaultyService:
    """A chat service behind the real protocol that fails as told. `fate(request, attempt)` gives an error or None.

    `answered` is what was paid for; `calls` every attempt.
    """

    fate: Callable[[Request, int], CallError | None] = lambda request, attempt: None
    latency: float = 0.0
    identity: ModelIdentity = field(default_factory=lambda: ModelIdentity("test", f"local/{uuid.uuid4()}", "faulty-1"))
    calls: list[str] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0
    closed: int = 0

    async def complete(self, request: Request) -> Completion:
        attempt = self.calls.count(request.user_text)
        self.calls.append(request.user_text)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await asyncio.sleep(self.latency)
            error = self.fate(request, attempt)
            if error:
                raise error
        finally:
            self.in_flight -= 1
        self.answered.append(request.user_text)
        return Completion(f"echo: {request.user_text}", "stop", 10, 5)

    async def close(self) -> None:
        self.closed += 1

    def requests(self, *texts: str, role: str = "teacher") -> list[Request]:
        return [Request(role, self.identity, (Message("user", text),)) for text in texts]


@pytest.fixture
def open_ledger() -> Iterator[Callable[[str], Ledger]]:
    """Opens ledgers that are closed with the test."""
    opened: list[Ledger] = []

    def open_one(url: str) -> Ledger:
        opened.append(Ledger(url))
        return opened[-1]

    yield open_one
    for ledger in opened:
        ledger.close()


@pytest.fixture
def any_ledger(ledger_url: str, open_ledger: Callable[[str], Ledger]) -> Ledger:
    """An empty ledger, on each kind of database in turn."""
    return open_ledger(ledger_url)


@pytest.fixture
def ledger(tmp_path: Path, open_ledger: Callable[[str], Ledger]) -> Ledger:
    """An empty ledger on SQLite."""
    return open_ledger(f"sqlite:///{tmp_path / 'deep' / 'ledger.db'}")


@pytest.fixture
def service() -> RecordingService:
    return RecordingService()


@pytest.fixture
def faulty() -> Callable[..., FaultyService]:
    """Makes services that fail as told."""
    return FaultyService
