"""A ledger of its own, and a chat service that writes down what it was asked."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from resources.llm.ledger import Ledger
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

    def request(self, text: str, *sources: str) -> Request:
        return Request("teacher", self.identity, (Message("user", text),), sources=sources)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger(f"sqlite:///{tmp_path / 'deep' / 'ledger.db'}")
    yield opened
    opened.close()


@pytest.fixture
def service() -> RecordingService:
    return RecordingService()
