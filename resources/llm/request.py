"""The request value: everything that decides a model's answer, and the key under which it is paid for once."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from resources.hashing import canonical_json, content_hash


@dataclass(frozen=True)
class Message:
    """One turn of an OpenAI-shaped conversation. `role` is system, user or assistant."""

    role: str
    content: str


@dataclass(frozen=True)
class ModelIdentity:
    """Which weights answer: provider, endpoint and underlying model, never a deployment alias.

    A tuned student's `model` is its `TrainingSpec.idem()`, so a redeployed student cannot inherit answers.
    """

    provider: str
    endpoint: str
    model: str

    @property
    def id(self) -> str:
        return f"{self.provider}/{self.model}"


@dataclass(frozen=True)
class Request:
    """A call to a model. Equal keys mean equal calls, whoever makes them and when.

    `sources` (document versions the text came from) is recorded for erasure and is not part of the key.
    """

    role: str
    model: ModelIdentity
    messages: tuple[Message, ...]
    schema: str | None = None
    parameters: tuple[tuple[str, float | int | str], ...] = ()
    prompt_version: str = ""
    sample: int = 0
    attempt: int = 0
    sources: tuple[str, ...] = field(default=(), compare=False)

    @cached_property
    def body(self) -> dict[str, Any]:
        """The request as plain JSON, without sources and without any secret."""
        return {
            "role": self.role,
            "model": [self.model.provider, self.model.endpoint, self.model.model],
            "messages": [[message.role, message.content] for message in self.messages],
            "schema": self.schema,
            "parameters": [list(parameter) for parameter in sorted(self.parameters)],
            "prompt_version": self.prompt_version,
            "sample": self.sample,
            "attempt": self.attempt,
        }

    @cached_property
    def key(self) -> str:
        """sha256 of the canonical JSON of `body`."""
        return content_hash(self.body)

    @property
    def body_json(self) -> str:
        return canonical_json(self.body)

    @property
    def user_text(self) -> str:
        """The last user message."""
        return next((message.content for message in reversed(self.messages) if message.role == "user"), "")


@dataclass(frozen=True)
class Completion:
    """What a model answered. Usable only if `finish_reason` is `stop`; tokens are the provider's own count."""

    text: str
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    cost: float = 0.0
    cached: bool = False


def chat(system: str, user: str) -> tuple[Message, ...]:
    """The usual two-message conversation."""
    return (Message("system", system), Message("user", user))
