"""A judge whose answers a test writes by hand, behind the real gateway and a real ledger."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from resources.llm.gateway import EmbeddingLane, Gateway, Lane
from resources.llm.ledger import Ledger
from resources.llm.models import ChatModel, Embedder
from resources.llm.providers import embedding_provider
from resources.llm.request import Completion, ModelIdentity, Request
from resources.llm.roles import Role


@dataclass
class WrittenJudge:
    """Answers each schema, by its title, with what `answers` holds for it, in turn; the last answer stays."""

    answers: dict[str, list[Any]] = field(default_factory=dict)
    finish_reason: str = "stop"
    identity: ModelIdentity = field(default_factory=lambda: ModelIdentity("test", "local", "judge-1"))
    asked: list[Request] = field(default_factory=list)

    async def complete(self, request: Request) -> Completion:
        self.asked.append(request)
        written = self.answers[json.loads(request.schema or "{}")["title"]]
        answer = written.pop(0) if len(written) > 1 else written[0]
        text = answer if isinstance(answer, str) else json.dumps(answer)
        return Completion(text, self.finish_reason, 100, 10)

    async def close(self) -> None:
        return None


@pytest.fixture
def written() -> WrittenJudge:
    return WrittenJudge()


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    yield Gateway(ledger)
    ledger.close()


@pytest.fixture
def judge(written: WrittenJudge, gateway: Gateway) -> ChatModel:
    return ChatModel(Lane("judge", written), gateway, (("max_tokens", 4096),))


@pytest.fixture
def embedder(gateway: Gateway) -> Embedder:
    return Embedder(EmbeddingLane(embedding_provider(Role())), gateway)
