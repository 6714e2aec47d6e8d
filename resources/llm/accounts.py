"""Accounts of a quota: what was used of it within the last minute, and what a service says is left of it."""

import math
from collections import deque
from dataclasses import dataclass

MINUTE = 60.0
GUARD = 1.01
"""Our minute over theirs: two calls a minute apart may reach the service a little less than a minute apart."""

PACED_BURST = 0.015
"""Share of a minute's tokens that may start at once, after a service refused more."""

PACED_RATE = 0.97
"""What paced calls use of the quota, so that no minute, wherever it is cut, holds more than the quota."""


class Account:
    """What was used of one quota: a sliding window, and once `paced` a bucket that spreads starts within it."""

    def __init__(self, limit: float | None, window: float = MINUTE):
        self.limit = limit
        self.window = window
        self.share = 1.0
        self.paced = False
        self._log: deque[list[float]] = deque()
        self._total = 0.0
        self._debt = 0.0
        self._at = 0.0

    def used(self, now: float) -> float:
        """What the window that ends now used."""
        while self._log and self._log[0][0] <= now - self.window * GUARD:
            self._total -= self._log.popleft()[1]
        return self._total if self._log else 0.0

    def wait(self, now: float, amount: float) -> float:
        """Seconds until an amount fits. An amount larger than the whole quota fits when nothing else is used."""
        if self.limit is None:
            return 0.0
        used, limit = self.used(now), self.limit * self.share
        pause = 0.0
        if self.paced:
            self._drain(now)
            excess = self._debt + amount - max(PACED_BURST * limit, amount)
            pause = max(0.0, excess / (limit * PACED_RATE / self.window))
        excess = used + min(amount, limit) - limit
        for start, held in self._log:
            if excess <= 0:
                break
            excess -= held
            pause = max(pause, start + self.window * GUARD - now)
        return pause

    def add(self, now: float, amount: float) -> list[float]:
        """Books an amount; the entry can be settled later."""
        self._drain(now)
        self._debt += amount
        self._total += amount
        entry = [now, amount]
        self._log.append(entry)
        return entry

    def settle(self, now: float, entry: list[float], amount: float) -> None:
        """Corrects a booked amount."""
        self._debt = max(0.0, self._debt + amount - entry[1])
        self.used(now)
        if entry[0] > now - self.window * GUARD:
            self._total += amount - entry[1]
            entry[1] = amount

    def _drain(self, now: float) -> None:
        rate = 0.0 if self.limit is None else self.limit * self.share * PACED_RATE / self.window
        self._debt = max(0.0, self._debt - (now - self._at) * rate)
        self._at = now


@dataclass
class Left:
    """What a service said is left, less what was started since. Nothing is held back before it said so."""

    amount: float = math.inf
    reset_at: float = 0.0

    def tell(self, now: float, remaining: int | None, in_flight: float, reset: float | None) -> None:
        if remaining is not None:
            self.amount = remaining - in_flight
            self.reset_at = now + (1.0 if reset is None else min(reset, MINUTE))

    def wait(self, now: float, amount: float, in_flight: int) -> float:
        """Until the next answer tells anew; with none in flight, until the quota is full again."""
        if amount <= self.amount:
            return 0.0
        return math.inf if in_flight else max(0.0, self.reset_at - now)
