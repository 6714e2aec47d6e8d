"""When a failed call is made again, and when a failure is final: decisions without a clock of their own."""

from dataclasses import dataclass

from resources.hashing import seeded_unit
from resources.llm.provider import CallError, RateLimited, Unavailable

FIRST_SECONDS = 0.25
LONGEST_SECONDS = 20.0

ENOUGH_ATTEMPTS = 8
"""So many faults of one call, while others are answered, are the call's own."""

ENOUGH_USELESS = 4
"""So many paid answers to one call that are of no use are the call's own, whatever becomes of others."""


@dataclass
class Trouble:
    """The failures of one call so far."""

    key: str
    patience: float
    first_at: float | None = None
    faults: int = 0
    useless: int = 0

    def note(self, now: float, error: CallError) -> None:
        """Takes in a failure."""
        self.first_at = now if self.first_at is None else self.first_at
        self.faults += isinstance(error, Unavailable)
        self.useless += isinstance(error, Unavailable) and error.paid is not None

    def is_its_own(self, answered_at: float) -> bool:
        """Whether it is the request, not the service: it fails while others are answered, or its answers are no use."""
        if self.useless >= ENOUGH_USELESS:
            return True
        return self.faults >= ENOUGH_ATTEMPTS and self.first_at is not None and answered_at > self.first_at

    def is_hopeless(self, now: float, answered_at: float, error: CallError) -> bool:
        """Whether nothing was answered for so long, or will be by the service's own word, that waiting makes no sense."""
        wait = error.retry_after or 0.0 if isinstance(error, RateLimited | Unavailable) else 0.0
        since = max(self.first_at or now, answered_at)
        return wait > self.patience or now - since > self.patience

    def pause(self, error: CallError) -> float:
        """Seconds before the next attempt: the service's word, or twice as long each time, with a jitter of its own.

        A refusal for lack of quota makes everybody wait, in the limiter; the call itself need not.
        """
        if not isinstance(error, Unavailable):
            return 0.0
        jitter = 0.5 + seeded_unit(self.key, self.faults)
        if error.retry_after is not None:
            return error.retry_after * (1 + 0.1 * jitter)
        return min(FIRST_SECONDS * 2.0 ** (self.faults - 1), LONGEST_SECONDS) * jitter
