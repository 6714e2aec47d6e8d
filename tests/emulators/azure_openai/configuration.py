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

    `kind` is an HTTP status, `quota` (429, nothing left to pay with), `reset`, `hang` (silence for `delay` seconds, then
    `reset`), or one of the content or body faults.
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

JOB_ERROR = {"code": "internalFailure", "message": "The training process ended unexpectedly: loss is not finite."}
USD_PER_HOUR = {"Standard": 1.7, "GlobalStandard": 1.7, "DeveloperTier": 0.0}


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
    expired_tokens: bool = False
    """Whether every Entra ID token counts as expired."""
    may_train: bool = True
    may_deploy: bool = True
    base_models: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What is different about base models: fine_tune, fine_tune_days, inference_days, lifecycle."""
    job_statuses: tuple[str, ...] = ("pending", "queued", "running", "running", "succeeded")
    """What a job goes through, a step with each look at it."""
    job_hours: float | None = None
    """How long a job takes by the clock; None: looks move it on."""
    job_error: Mapping[str, Any] = field(default_factory=lambda: dict(JOB_ERROR))
    job_slots: int | None = None
    file_limit: int = 50
    """Files for tuning that the resource holds at most, results included."""
    listing_lag: int = 0
    """Lists in which a new job is still missing."""
    keeps_metadata: bool = True
    names_model: bool = True
    """Whether a job that succeeded says which model it made."""
    results_base64: bool = False
    deployment_polls: int = 1
    """Looks at a deployment until it is up."""
    deployment_outcome: str = "Succeeded"
    deletion_polls: int = 0
    one_at_a_time: bool = True
    """Whether the account refuses to change a deployment while another one is coming up or going."""
    capacity: int | None = None
    """Units that all deployments of the account may have together."""
    usd_per_hour: Mapping[str, float] = field(default_factory=lambda: dict(USD_PER_HOUR))
    """What a deployment of a tuned model costs, by SKU, from its creation on; a base model's costs nothing per hour."""

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
        if "job_statuses" in values:
            values["job_statuses"] = tuple(values["job_statuses"])
        if "answers" in values:
            values["answers"] = tuple(Override(**value) for value in values["answers"])
        return replace(self, **values)
