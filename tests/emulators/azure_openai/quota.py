"""Requests and tokens per minute of a deployment, counted as Azure does: in fixed windows, from the estimate.

Azure adds prompt and `max_tokens` of a request to a count that starts anew every minute, and looks at the number of
requests in sixths of it. A test may shorten the minute.
"""

import math
from dataclasses import dataclass, field

from azure_openai.configuration import Deployment

SLICES = 6


@dataclass
class Window:
    """One deployment's counts in the current window."""

    started: float = 0.0
    slice_started: float = 0.0
    tokens: int = 0
    requests: int = 0
    sliced: int = 0
    used: list[int] = field(default_factory=list)

    def advance(self, now: float, length: float) -> None:
        """Starts the windows that `now` belongs to."""
        if now - self.started >= length:
            if self.started:
                self.used.append(self.tokens)
            self.started = now - (now - self.started) % length if self.started else now
            self.tokens = self.requests = 0
        if now - self.slice_started >= length / SLICES:
            self.slice_started = now
            self.sliced = 0

    def refused(self, deployment: Deployment, tokens: int, now: float, length: float) -> tuple[str, float] | None:
        """Which limit a request would break and when to come again; None, and it is counted, if it fits."""
        self.advance(now, length)
        limit = deployment.tokens_per_minute
        if limit is not None and self.tokens + tokens > limit:
            return "token", self.started + length - now
        per_minute = deployment.requests_per_minute
        if per_minute is not None:
            if self.requests >= per_minute:
                return "call", self.started + length - now
            if self.sliced >= math.ceil(per_minute / SLICES):
                return "call", self.slice_started + length / SLICES - now
        self.tokens += tokens
        self.requests += 1
        self.sliced += 1
        return None

    def headers(self, deployment: Deployment, now: float, length: float) -> dict[str, str]:
        """What the service says about what is left."""
        shown = {}
        reset = f"{max(0.0, self.started + length - now):.3f}s"
        if deployment.requests_per_minute is not None:
            left = max(0, deployment.requests_per_minute - self.requests)
            shown |= {
                "x-ratelimit-limit-requests": str(deployment.requests_per_minute),
                "x-ratelimit-remaining-requests": str(left),
                "x-ratelimit-reset-requests": reset,
            }
        if deployment.tokens_per_minute is not None:
            shown |= {
                "x-ratelimit-limit-tokens": str(deployment.tokens_per_minute),
                "x-ratelimit-remaining-tokens": str(max(0, deployment.tokens_per_minute - self.tokens)),
                "x-ratelimit-reset-tokens": reset,
            }
        return shown
