"""What a test can set: deployments, faults, latency, quotas, overridden answers. Unknown keys are errors."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

KEY = "emulator-key"
ENTRA_PREFIX = "entra-"

CONTENT_FAULTS = ("empty", "malformed", "length", "content_filter")
"""Faults that damage what the model says; the service charges for them."""
BODY_FAULTS = ("slow", "truncated")
"""Faults that damage how a good answer travels."""


@dataclass(frozen=True)
class Deployment:
    """What a deployment's name stands for. It embeds if it has dimensions and chats otherwise."""

    model: str
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    vision: bool = True
    structured_output: bool = True
    context_window: int = 128_000
    embedding_dimensions: int = 0


@dataclass(frozen=True)
class Fault:
    """A fault to inject: which requests it may hit, how often, and whether it comes before or after the effect.

    `kind` is an HTTP status, `quota` (429, nothing left to pay with), `reset`, or one of the content or body faults.
    `rate` is drawn per body and per time that this body was seen, so that equal runs meet equal faults.
    """

    kind: str
    rate: float = 1.0
    when: str = "before"
    times: int | None = None
    path: str = ""
    match: str = ""
    retry_after: float | None = None
    delay: float = 2.0


@dataclass(frozen=True)
class Override:
    """The text of the answer to every request whose messages hold `match`."""

    match: str
    text: str


DEPLOYMENTS = {
    "gpt-4o": Deployment("gpt-4o-2024-08-06"),
    "gpt-4o-mini": Deployment("gpt-4o-mini-2024-07-18"),
    "text-embedding-3-small": Deployment("text-embedding-3-small", context_window=8192, embedding_dimensions=1536),
}
TUNED = Deployment("gpt-4o-mini-2024-07-18")
"""Any deployment whose name starts with `ft-`: it answers exactly like its base."""


@dataclass(frozen=True)
class Configuration:
    """Everything that decides how the emulator behaves. `quota_counts` is `estimate` (prompt + max_tokens) or `actual`."""

    latency: float = 0.0
    key: str = KEY
    seed: int = 7
    dialect: str = "observed"
    quota_window_s: float = 60.0
    quota_counts: str = "estimate"
    batch_polls: int = 1
    batch_expires_after: int | None = None
    validate: bool = True
    echo_key: bool = False
    deployments: Mapping[str, Deployment] = field(default_factory=lambda: dict(DEPLOYMENTS))
    faults: tuple[Fault, ...] = ()
    answers: tuple[Override, ...] = ()
    transcriptions: Mapping[str, str] = field(default_factory=dict)

    def deployment(self, name: str) -> Deployment | None:
        """Who answers under a name."""
        known = self.deployments.get(name)
        return TUNED if known is None and name.startswith("ft-") else known

    def changed(self, settings: Mapping[str, Any]) -> "Configuration":
        """This configuration with other settings; deployments are added to those there are."""
        values = dict(settings)
        unknown = set(values) - {known.name for known in fields(self)}
        if unknown:
            raise ValueError(f"unknown settings: {', '.join(sorted(unknown))}")
        if "deployments" in values:
            added = {name: Deployment(**value) for name, value in values["deployments"].items()}
            values["deployments"] = {**self.deployments, **added}
        if "faults" in values:
            values["faults"] = tuple(Fault(**value) for value in values["faults"])
        if "answers" in values:
            values["answers"] = tuple(Override(**value) for value in values["answers"])
        return replace(self, **values)
