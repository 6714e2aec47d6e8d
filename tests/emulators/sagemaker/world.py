"""The emulator's memory: its clock, jobs, models, endpoints, tags, and what was asked of it."""

import math
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sagemaker.configuration import Configuration, Fault

ACCOUNT = "123456789012"


@dataclass
class Job:
    """A training job: the request that made it, and how far it is. `stop` is where, after how many polls and when."""

    name: str
    request: dict[str, Any]
    created: float
    number: int
    steps: int = 0
    stop: tuple[int, int, float] | None = None
    path: list[tuple[str, str]] = field(default_factory=list)
    written: bool = False
    ended: float | None = None


@dataclass
class Endpoint:
    """An endpoint, what its container was told to load, and how far it is. `until` is when it was gone."""

    name: str
    config: str
    created: float
    instance_type: str
    instances: int
    asynchronous: bool
    variant: str
    loaded: dict[str, Any]
    steps: int = 0
    failure: str = ""
    deleting: int | None = None
    ready: float | None = None
    until: float | None = None
    last_invoked: float | None = None


@dataclass
class World:
    """Everything that `reset` forgets."""

    configuration: Configuration = field(default_factory=Configuration)
    now: float = field(default_factory=lambda: float(round(time.time())))
    """The emulator's clock (seconds of the epoch): it starts with the world's, and moves when it is told to."""
    jobs: dict[str, Job] = field(default_factory=dict)
    models: dict[str, dict[str, Any]] = field(default_factory=dict)
    configs: dict[str, dict[str, Any]] = field(default_factory=dict)
    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    gone: list[Endpoint] = field(default_factory=list)
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    served: list[dict[str, Any]] = field(default_factory=list)
    fired: Counter[int] = field(default_factory=Counter)
    passed: Counter[int] = field(default_factory=Counter)
    listed: Counter[str] = field(default_factory=Counter)

    def arn(self, kind: str, name: str) -> str:
        return f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:{kind}/{name.lower()}"

    def tag(self, arn: str, tags: list[Mapping[str, str]]) -> None:
        self.tags.setdefault(arn, {}).update({tag["Key"]: tag["Value"] for tag in tags})

    def steps_since(self, moment: float, polls: int) -> int:
        """How many steps something has taken: by polls, or by the clock."""
        if self.configuration.advance == "polls":
            return polls
        return math.floor((self.now - moment) / self.configuration.phase_seconds)

    def fault(self, operation: str, body: bytes, when: str) -> Fault | None:
        """The first configured fault that meets this request, counted as fired."""
        for index, fault in enumerate(self.configuration.faults):
            fits = fault.operation in ("", operation) and fault.when == when and fault.match.encode() in body
            if not fits or (fault.times is not None and self.fired[index] >= fault.times):
                continue
            if self.passed[index] < fault.after:
                self.passed[index] += 1
                continue
            self.fired[index] += 1
            return fault
        return None

    def lags(self, listing: str) -> bool:
        """Whether a listing does not yet show what is new."""
        self.listed[listing] += 1
        return self.listed[listing] <= self.configuration.listing_lag
