"""What a test can set: how jobs and endpoints fare, faults, whose credentials count. Unknown keys are errors."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

PHASE_SECONDS = 600.0
"""What each step of a training job or endpoint takes on the emulator's clock."""


@dataclass(frozen=True)
class JobRule:
    """How the training jobs fare whose name holds `match`, looked up whenever they are asked about.

    `secondary` is how they end; `hold` a secondary status that they never leave; `interruptions` how often spot capacity
    is taken away while they train. `artifact` False: the service names an artifact that is not there. `after` lets so
    many jobs of this emulator pass first, `times` is for how many it holds.
    """

    match: str = ""
    status: str = "Completed"
    secondary: str = ""
    reason: str = ""
    hold: str = ""
    interruptions: int = 0
    artifact: bool = True
    billable_share: float = 0.3
    after: int = 0
    times: int | None = None


@dataclass(frozen=True)
class EndpointRule:
    """How the endpoints fare whose name holds `match`: `polls` until they are ready, `stuck` stays in Creating."""

    match: str = ""
    polls: int = 2
    status: str = "InService"
    reason: str = ""
    stuck: bool = False
    deleting_polls: int = 1


@dataclass(frozen=True)
class Fault:
    """A fault to inject into an operation: an HTTP status, `reset`, `expired`, `throttle`, or an error code of the service.

    `when` is before or after the effect. `match` must be in the request's body or path.
    """

    kind: str
    operation: str = ""
    when: str = "before"
    message: str = ""
    match: str = ""
    times: int | None = None
    after: int = 0


@dataclass(frozen=True)
class Answer:
    """The text of the answer to every invocation whose prompt holds `match`."""

    match: str
    text: str


@dataclass(frozen=True)
class Configuration:
    """Everything that decides how the emulator behaves.

    `advance` is `polls` (a describe takes a job or endpoint one step on) or `clock` (a step per `phase_seconds`).
    `credentials` is valid, expired, unknown or denied; `denied` lists operations that are forbidden; `expired_keys` are ids
    of access keys that do not count any more.
    `listing_lag` hides jobs from listings and resources from the tagging API for so many calls.
    """

    advance: str = "polls"
    phase_seconds: float = PHASE_SECONDS
    credentials: str = "valid"
    denied: tuple[str, ...] = ()
    expired_keys: tuple[str, ...] = ()
    listing_lag: int = 0
    page_size: int = 3
    context_window: int = 8192
    reply_shape: str = "container"
    prices: Mapping[str, float] = field(default_factory=dict)
    jobs: tuple[JobRule, ...] = ()
    endpoints: tuple[EndpointRule, ...] = ()
    faults: tuple[Fault, ...] = ()
    answers: tuple[Answer, ...] = ()

    def changed(self, settings: Mapping[str, Any]) -> "Configuration":
        """This configuration with other settings. Raises `ValueError` or `TypeError` for unknown ones."""
        unknown = set(settings) - {known.name for known in fields(self)}
        if unknown:
            raise ValueError(f"unknown settings: {', '.join(sorted(unknown))}")
        values = dict(settings)
        kinds = {"jobs": JobRule, "endpoints": EndpointRule, "faults": Fault, "answers": Answer}
        for name, kind in kinds.items():
            if name in values:
                values[name] = tuple(kind(**value) for value in values[name])
        for name in ("denied", "expired_keys"):
            if name in values:
                values[name] = tuple(values[name])
        return replace(self, **values)

    def endpoint(self, name: str) -> EndpointRule:
        return next((rule for rule in self.endpoints if rule.match in name), EndpointRule())

    def price(self, instance_type: str) -> float:
        """USD per hour of an instance."""
        return self.prices.get(instance_type, 1.0)
