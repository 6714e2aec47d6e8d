"""The throttle against services that count in different ways, in simulated time: the quota is used, and never overrun."""

import heapq
import math
import random
from collections import deque
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.llm.accounts import Account
from resources.llm.request import Quota
from resources.llm.roles import Limits
from resources.llm.sizes import Size
from resources.llm.throttle import Throttle

MINUTE = 60.0
WARM_UP = 3 * MINUTE


@dataclass
class FixedMinutes:
    """Counts in minutes that start at the first call, as Azure does."""

    limit: float
    requests: int = 10**9
    started: float = -math.inf
    tokens: float = 0.0
    count: int = 0
    phase: float = 0.0

    def left(self, now: float) -> float:
        if now - self.started >= MINUTE:
            self.started = now - self.phase if self.started == -math.inf else now - (now - self.started) % MINUTE
            self.tokens, self.count = 0.0, 0
        return self.limit - self.tokens

    def take(self, now: float, tokens: float) -> bool:
        if self.left(now) < tokens or self.count >= self.requests:
            return False
        self.tokens += tokens
        self.count += 1
        return True

    def settle(self, now: float, tokens: float) -> None:
        self.left(now)
        self.tokens += tokens


@dataclass
class SlidingMinute:
    """Counts the minute that ends now."""

    limit: float
    log: deque[tuple[float, float]] = field(default_factory=deque)

    def left(self, now: float) -> float:
        while self.log and self.log[0][0] <= now - MINUTE:
            self.log.popleft()
        return self.limit - sum(tokens for _, tokens in self.log)

    def take(self, now: float, tokens: float) -> bool:
        fits = self.left(now) >= tokens
        if fits:
            self.log.append((now, tokens))
        return fits

    def settle(self, now: float, tokens: float) -> None:
        self.log.append((now, tokens))


@dataclass
class Bucket:
    """Refills all the time; holds a minute's worth."""

    limit: float
    level: float = math.nan
    at: float = 0.0

    def left(self, now: float) -> float:
        full = self.limit if math.isnan(self.level) else self.level + (now - self.at) * self.limit / MINUTE
        self.level, self.at = min(self.limit, full), now
        return self.level

    def take(self, now: float, tokens: float) -> bool:
        fits = self.left(now) >= tokens
        self.level -= tokens if fits else 0.0
        return fits

    def settle(self, now: float, tokens: float) -> None:
        self.left(now)
        self.level -= tokens


@dataclass
class Outcome:
    """When which tokens were used, and when calls were refused."""

    used: list[tuple[float, float]]
    refused: list[float]
    most_in_flight: int

    def share_of(self, limit: float, start: float, end: float) -> float:
        return sum(tokens for at, tokens in self.used if start <= at < end) / (limit * (end - start) / MINUTE)


def simulate(throttle, service, counts_estimate, minutes, seed, headers=True, start=0.0):
    """Calls without end through the throttle to the service, for some minutes."""
    chance = random.Random(seed)
    now, events, answer = start, [], (50, 400)
    outcome = Outcome([], [], 0)
    number = 0

    def next_size() -> Size:
        prompt = chance.randint(200, 1500)
        # As learned: the mean and the mean deviation.
        return Size(prompt, prompt, (answer[0] + answer[1]) // 2 + (answer[1] - answer[0]) // 4, prompt + 1000)

    size = next_size()
    throttle.scouting = False
    while now < start + minutes * MINUTE:
        wait = throttle.wait(now, size)
        if wait == 0.0:
            charge = throttle.start(now, size)
            number += 1
            heapq.heappush(events, (now + chance.uniform(0.0, 0.03), number, "arrive", charge, 0))
            size = next_size()
            outcome.most_in_flight = max(outcome.most_in_flight, throttle.in_flight)
            continue
        following = events[0][0] if events else math.inf
        if now + wait < following:
            now += max(wait, 1e-6)
            continue
        now, _, kind, charge, actual = heapq.heappop(events)
        if kind == "arrive":
            real = charge.size.prompt + chance.randint(*answer)
            taken = service.take(now, charge.size.most if counts_estimate else real)
            if taken:
                outcome.used.append((now, charge.size.most if counts_estimate else real))
            kind = "answer" if taken else "refuse"
            number += 1
            delay = chance.uniform(0.3, 2.0) if taken else 0.02
            heapq.heappush(events, (now + delay, number, kind, charge, real))
        elif kind == "answer":
            left = int(max(0.0, service.left(now)))
            throttle.landed(charge)
            throttle.answered(now, charge, actual, Quota(None, int(service.limit), None, left) if headers else None)
        else:
            outcome.refused.append(now)
            throttle.landed(charge)
            throttle.refused(now, charge, None)
    return outcome


@pytest.mark.parametrize("counts_estimate", [True, False], ids=["counts the longest answer", "counts what was used"])
@pytest.mark.parametrize("headers", [True, False], ids=["tells what is left", "tells nothing"])
@pytest.mark.parametrize("kind", ["fixed", "fixed, mid-minute", "sliding", "bucket"])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_known_quota_is_used_and_nothing_is_refused_once_warm(kind, counts_estimate, headers, seed) -> None:
    limit = 200_000
    services = {
        "fixed": FixedMinutes(limit),
        "fixed, mid-minute": FixedMinutes(limit, phase=37.0),
        "sliding": SlidingMinute(limit),
        "bucket": Bucket(limit),
    }
    throttle = Throttle(Limits(tokens_per_minute=limit))
    outcome = simulate(throttle, services[kind], counts_estimate, 9, seed, headers)
    assert [at for at in outcome.refused if at > WARM_UP] == []
    assert outcome.share_of(limit, WARM_UP, 9 * MINUTE) >= 0.95
    assert outcome.most_in_flight <= 32


@pytest.mark.parametrize("per_minute", [10, 60, 300])
def test_requests_per_minute_are_used_and_kept_to_in_every_sixth_of_a_minute(per_minute) -> None:
    service = FixedMinutes(10**9, requests=per_minute)
    outcome = simulate(Throttle(Limits(requests_per_minute=per_minute)), service, False, 6, 1, headers=False)
    steady = [at for at, _ in outcome.used if WARM_UP <= at < 6 * MINUTE]
    assert outcome.refused == []
    assert len(steady) >= 0.95 * per_minute * 3
    for start in range(180, 350, 10):
        assert sum(start <= at < start + 10 for at in steady) <= math.ceil(per_minute / 6)


@pytest.mark.parametrize("counts_estimate", [True, False])
def test_a_quota_that_only_the_headers_tell_is_used_and_kept_to(counts_estimate) -> None:
    outcome = simulate(Throttle(Limits()), FixedMinutes(200_000), counts_estimate, 9, 1)
    assert [at for at in outcome.refused if at > WARM_UP] == []
    assert outcome.share_of(200_000, WARM_UP, 9 * MINUTE) >= 0.95


def test_a_service_that_counts_otherwise_than_was_concluded_is_understood_again() -> None:
    throttle = Throttle(Limits(tokens_per_minute=200_000))
    simulate(throttle, FixedMinutes(200_000), True, 2, 1)
    outcome = simulate(throttle, FixedMinutes(200_000), False, 9, 1, start=3 * MINUTE)
    assert outcome.share_of(200_000, 7 * MINUTE, 12 * MINUTE) >= 0.95


@pytest.mark.parametrize("headers", [True, False])
def test_a_quota_that_is_half_of_what_is_set_is_found(headers) -> None:
    throttle = Throttle(Limits(tokens_per_minute=400_000))
    outcome = simulate(throttle, FixedMinutes(200_000), False, 15, 1, headers)
    assert [at for at in outcome.refused if at > 8 * MINUTE] == []
    assert outcome.share_of(200_000, 8 * MINUTE, 15 * MINUTE) >= 0.9


def test_without_any_word_on_the_quota_calls_go_on_and_refusals_are_few() -> None:
    outcome = simulate(Throttle(Limits()), FixedMinutes(200_000), False, 9, 1, headers=False)
    assert outcome.share_of(200_000, WARM_UP, 9 * MINUTE) >= 0.95
    assert len(outcome.refused) < 0.2 * len(outcome.used)


@settings(max_examples=60, deadline=None)
@given(
    st.floats(100, 10_000),
    st.lists(st.tuples(st.floats(0, 20), st.floats(1, 3000), st.floats(0, 1)), min_size=1, max_size=60),
    st.booleans(),
)
def test_no_minute_wherever_it_is_cut_holds_more_than_the_limit(limit, calls, paced) -> None:
    account = Account(limit)
    account.paced = paced
    now, booked = 0.0, []
    for pause, amount, settled in calls:
        now += pause
        while (wait := account.wait(now, amount)) > 0:
            now += wait + 1e-9
        entry = account.add(now, amount)
        account.settle(now, entry, amount * settled)
        booked.append((now, amount * settled))
    for start, _ in booked:
        inside = [amount for at, amount in booked if start <= at < start + MINUTE]
        assert sum(inside) <= max(limit, max(inside)) + 1e-6
