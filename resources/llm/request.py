"""The request value: everything that decides a model's answer, and the key under which it is paid for once."""

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from resources.hashing import canonical_json, content_hash


@dataclass(frozen=True)
class Image:
    """A picture in a message. The request's key holds its hash, never its bytes."""

    media_type: str
    data: bytes = field(repr=False)

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True)
class Message:
    """One turn of an OpenAI-shaped conversation. `role` is system, user or assistant; images follow the text."""

    role: str
    content: str
    images: tuple[Image, ...] = ()

    @property
    def body(self) -> list[object]:
        """The message as it enters the key."""
        pictures = [[image.media_type, image.sha256] for image in self.images]
        return [self.role, self.content, pictures] if pictures else [self.role, self.content]


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

    @property
    def located(self) -> str:
        """The same with the endpoint: equal texts mean equal ledger keys."""
        return f"{self.id} at {self.endpoint}" if self.endpoint else self.id


@dataclass(frozen=True)
class Request:
    """A call to a model, as it leaves the machine. Equal keys mean equal calls, whoever makes them and when.

    `dialect` names how the service is told of schema and length limit, where that can change what it answers.
    Three fields are no part of the key: `sources`, the document versions that the text came from, recorded for erasure;
    `restorations`, pairs of placeholder and original text, put back into the answer after it was recorded; `refusal`,
    the reason why the egress policy does not let this request out.
    """

    role: str
    model: ModelIdentity
    messages: tuple[Message, ...]
    schema: str | None = None
    parameters: tuple[tuple[str, float | int | str], ...] = ()
    prompt_version: str = ""
    sample: int = 0
    attempt: int = 0
    dialect: str = ""
    sources: tuple[str, ...] = field(default=(), compare=False)
    restorations: tuple[tuple[str, str], ...] = field(default=(), compare=False, repr=False)
    refusal: str = field(default="", compare=False)

    @cached_property
    def body(self) -> dict[str, Any]:
        """The request as plain JSON, without sources and without any secret."""
        return {
            "role": self.role,
            "model": [self.model.provider, self.model.endpoint, self.model.model],
            "messages": [message.body for message in self.messages],
            "schema": self.schema,
            "parameters": [list(parameter) for parameter in sorted(self.parameters)],
            "prompt_version": self.prompt_version,
            "sample": self.sample,
            "attempt": self.attempt,
            **({"dialect": self.dialect} if self.dialect else {}),
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
class Quota:
    """What a service's headers say about a deployment's quota, as of one answer. None where it did not say.

    `limit_*` are per minute (`x-ratelimit-limit-*`), `remaining_*` what is left (`x-ratelimit-remaining-*`),
    `*_reset` seconds until it is full again (`x-ratelimit-reset-*`).
    """

    limit_requests: int | None = None
    limit_tokens: int | None = None
    remaining_requests: int | None = None
    remaining_tokens: int | None = None
    requests_reset: float | None = None
    tokens_reset: float | None = None


@dataclass(frozen=True)
class Completion:
    """What a model answered, or why it will not: usable only if `usable`.

    Tokens are the provider's own count; `cached_tokens` of the prompt tokens came from the provider's prompt cache.
    `cached` says that the answer came from our ledger and cost nothing now. `failure` is the reason of a request that no
    retry can mend (too long, filtered, not allowed out); such a completion has no text and is not in the ledger.
    `real` is False for an emulator's answer. `quota` is for the limiter; the ledger does not keep it.
    """

    text: str
    finish_reason: str
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0
    cached: bool = False
    cached_tokens: int = 0
    served_model: str = ""
    request_id: str = ""
    real: bool = True
    failure: str = ""
    quota: Quota | None = field(default=None, compare=False, repr=False)

    @property
    def usable(self) -> bool:
        return self.finish_reason == "stop" and not self.failure

    @staticmethod
    def failed(reason: str) -> "Completion":
        return Completion("", "failed", failure=reason)


def chat(system: str, user: str) -> tuple[Message, ...]:
    """The usual two-message conversation."""
    return (Message("system", system), Message("user", user))
