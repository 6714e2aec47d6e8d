"""What a deployment's quota lets through at a moment: decisions as functions of time and of what the service said.

Two accounts of tokens are kept: what calls did use, and what they might have used at most. Services differ in which one
they hold against the quota; the refusals tell.
"""

import math
from dataclasses import dataclass

from resources.llm.accounts import MINUTE, Account, Left
from resources.llm.request import Quota
from resources.llm.roles import Limits
from resources.llm.sizes import Size

SLICES = 6
"""Services look at requests in slices of ten seconds, a sixth of the minute's number in each."""

HELD_BACK = 0.01
"""Share of a minute's tokens kept for answers that turn out longer than expected."""

SCOUTS = 4
"""Calls that go ahead when a run starts: a wrong key is refused a handful of times, not by the dozen."""

LEAST_SHARE, SLOWER, FASTER_PER_SECOND = 0.05, 0.9, 0.002
"""Of a quota that others use too: what we claim at least, less after a refusal, more with time."""

FEWER, MORE_PER_ANSWER = 0.6, 0.5
"""Calls in flight where nothing is known of the quota: after a refusal, and after an answer."""

SURPRISES = 3
"""Answers in a row that must tell of more use than there was."""

DOUBT_SECONDS = 1.5 * MINUTE
"""Without such an answer, for a service thought to count the longest answers."""

FIRST_PAUSE, LONGER, LONGEST_PAUSE = 0.05, 1.5, 60.0
"""Seconds after a refusal that names none: at first, so many times longer after each that follows, and at most."""


@dataclass(eq=False)
class Charge:
    """A call in flight, and its entries in the accounts."""

    start: float
    size: Size
    requests: tuple[list[float], ...]
    tokens: list[float]
    most: list[float]


class Throttle:
    """One deployment's quota as far as it is known. Not for several threads at once."""

    def __init__(self, limits: Limits):
        self._limits = limits
        self._requests = (Account(None), Account(None, MINUTE / SLICES))
        self._limit_requests(limits.requests_per_minute)
        self._tokens = Account(limits.tokens_per_minute)
        self._most = Account(limits.tokens_per_minute)
        self._tokens_left, self._requests_left = Left(), Left()
        self._counts_most = False
        self._shared = False
        self.in_flight = 0
        self._expected = 0
        self._concurrency = float(limits.concurrency)
        self._paused_until = 0.0
        self._refusals = 0
        self._cut_at = -math.inf
        self._ceiling = 1.0
        self._shared_at = math.inf
        self.scouting = True
        self._surprises = 0
        self._surprised_at = math.inf

    def wait(self, now: float, size: Size) -> float:
        """Seconds until a call of this size may start; infinite while only an answer can make room."""
        if self.in_flight >= max(1, int(self._concurrency)):
            return math.inf
        if self.scouting and self.in_flight >= SCOUTS:
            return math.inf
        waits = [
            self._paused_until - now,
            *(account.wait(now, 1.0) for account in self._requests),
            self._wait_for_tokens(now, size),
        ]
        if self._shared or self._tokens.limit is None:
            waits.append(self._tokens_left.wait(now, size.expected, self.in_flight))
            waits.append(self._requests_left.wait(now, 1.0, self.in_flight))
        return max(0.0, *waits)

    def _wait_for_tokens(self, now: float, size: Size) -> float:
        if self._counts_most:
            return self._most.wait(now, size.most)
        return self._tokens.wait(now, size.expected + HELD_BACK * (self._tokens.limit or 0.0))

    def start(self, now: float, size: Size) -> Charge:
        """Books a call that starts now."""
        charge = Charge(
            now,
            size,
            tuple(account.add(now, 1.0) for account in self._requests),
            self._tokens.add(now, size.expected),
            self._most.add(now, size.most),
        )
        self.in_flight += 1
        self._expected += size.expected
        self._tokens_left.amount -= size.expected
        self._requests_left.amount -= 1
        return charge

    def answered(self, now: float, charge: Charge, tokens: int, quota: Quota | None) -> None:
        """Settles a call with what it did use, and takes in what the service says is left."""
        self.scouting = False
        if tokens:
            self._tokens.settle(now, charge.tokens, tokens)
        self._refusals = 0
        self._concurrency = min(float(self._limits.concurrency), self._concurrency + MORE_PER_ANSWER)
        share = self._tokens.share + FASTER_PER_SECOND * max(0.0, now - self._shared_at)
        self._tokens.share = self._most.share = max(self._tokens.share, min(self._ceiling, share))
        self._shared_at = now
        if quota:
            self._listen(now, quota)

    def refused(self, now: float, charge: Charge, retry_after: float | None) -> None:
        """Takes in a 429: everything waits, and if the quota was thought to have room, less is assumed from now on.

        Calls that started before the last such lesson teach nothing new.
        """
        self.scouting = False
        self._tokens.settle(now, charge.tokens, 0.0)
        self._most.settle(now, charge.most, 0.0)
        if retry_after is not None:
            self._paused_until = max(self._paused_until, now + max(retry_after, FIRST_PAUSE))
        if charge.start < self._cut_at:
            return
        self._cut_at = now
        if retry_after is None:
            pause = min(FIRST_PAUSE * LONGER**self._refusals, LONGEST_PAUSE)
            self._paused_until = max(self._paused_until, now + pause)
            self._refusals += 1
        self._explain(now)

    def landed(self, charge: Charge) -> None:
        """Ends a call, whatever came of it. One that brought nothing stays booked: the service may have counted it."""
        self.scouting = False
        self.in_flight -= 1
        self._expected -= charge.size.expected

    def returned(self, now: float, charge: Charge) -> None:
        """Ends a call that was not sent after all."""
        self.in_flight -= 1
        self._expected -= charge.size.expected
        self._tokens.settle(now, charge.tokens, 0.0)
        self._most.settle(now, charge.most, 0.0)
        for account, entry in zip(self._requests, charge.requests, strict=True):
            account.settle(now, entry, 0.0)

    def calm(self) -> None:
        """Forgets refusals: what was used stays in the accounts, what was concluded from moods does not."""
        self._concurrency = float(self._limits.concurrency)
        self._paused_until = 0.0
        self._refusals = 0
        self._tokens_left, self._requests_left = Left(), Left()
        self._tokens.share = self._most.share = self._ceiling = 1.0
        self._shared = False
        self.scouting = True

    def _limit_requests(self, per_minute: float | None) -> None:
        minute, piece = self._requests
        if per_minute is not None and (minute.limit is None or per_minute < minute.limit):
            minute.limit, piece.limit = float(per_minute), float(math.ceil(per_minute / SLICES))

    def _listen(self, now: float, quota: Quota) -> None:
        self._limit_requests(quota.limit_requests)
        if quota.limit_tokens and (self._tokens.limit is None or quota.limit_tokens < self._tokens.limit):
            self._tokens.limit = self._most.limit = float(quota.limit_tokens)
        if quota.limit_tokens and quota.remaining_tokens is not None:
            self._compare(now, float(quota.limit_tokens - quota.remaining_tokens))
        self._tokens_left.tell(now, quota.remaining_tokens, float(self._expected), quota.tokens_reset)
        self._requests_left.tell(now, quota.remaining_requests, float(self.in_flight), quota.requests_reset)

    def _compare(self, now: float, counted: float) -> None:
        """Learns what a service counts from how much it says is used: what calls used, or what they might have used.

        It counts the longest answer if it tells of more than calls can have used, and does not if it never does so while
        the quota is in use.
        """
        surprising = counted > 1.1 * self._tokens.used(now) and counted <= 1.1 * self._most.used(now)
        self._surprises = self._surprises + 1 if surprising else 0
        if surprising or not self._counts_most:
            self._surprised_at = now
        if self._surprises >= SURPRISES:
            self._counts_most = True
        elif now - self._surprised_at > DOUBT_SECONDS:
            self._counts_most = False

    def _explain(self, now: float) -> None:
        """Looks for what is wrong in our picture of the quota after a refusal, the likeliest first."""
        limit, used, most = self._tokens.limit, self._tokens.used(now), self._most.used(now)
        if limit is not None and not self._counts_most and used < 0.9 * limit <= most:
            self._counts_most, self._surprised_at = True, now
        elif limit is None or max(used, most if self._counts_most else 0.0) < limit * self._tokens.share / 2:
            self._concurrency = max(1.0, self._concurrency * FEWER)
        elif not self._tokens.paced:
            self._tokens.paced = self._most.paced = True
        else:
            self._shared = True
            self._ceiling = max(LEAST_SHARE, self._tokens.share - 0.02)
            self._shared_at = now
            self._tokens.share = self._most.share = max(LEAST_SHARE, self._tokens.share * SLOWER)
