"""The limiter's queue: order, concurrency, and what happens to calls whose run ends."""

import asyncio
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.llm.limiter import Limiter, limiter_of
from resources.llm.roles import Limits
from resources.llm.sizes import Size

SIZE = Size(10, 10, 10, 20)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 6), st.lists(st.integers(0, 3), min_size=1, max_size=40))
def test_calls_start_in_the_order_in_which_they_came_and_never_too_many_at_once(concurrency, lengths) -> None:
    limiter = Limiter(Limits(concurrency=concurrency))
    started: list[int] = []
    most = 0

    async def call(number: int, length: int) -> None:
        nonlocal most
        charge = await limiter.admit(limiter.ticket(SIZE, None))
        started.append(number)
        most = max(most, limiter.in_flight)
        for _ in range(length):
            await asyncio.sleep(0)
        limiter.answered(charge, 20, None)
        limiter.landed(charge)

    async def work() -> None:
        await asyncio.gather(*(call(number, length) for number, length in enumerate(lengths)))

    asyncio.run(work())
    assert started == sorted(started)
    assert most <= concurrency
    assert limiter.in_flight == 0


def test_a_repeated_call_keeps_its_place_before_those_that_came_later() -> None:
    limiter = Limiter(Limits(concurrency=1))
    order: list[str] = []

    async def call(name: str, attempts: int) -> None:
        ticket = limiter.ticket(SIZE, None)
        for _ in range(attempts):
            charge = await limiter.admit(ticket)
            order.append(name)
            await asyncio.sleep(0)
            limiter.landed(charge)

    async def work() -> None:
        await asyncio.gather(call("a", 2), call("b", 1), call("c", 1))

    asyncio.run(work())
    assert order == ["a", "a", "b", "c"] or order == ["a", "b", "a", "c"]


def test_calls_of_a_run_that_ends_fail_and_others_go_on() -> None:
    limiter = Limiter(Limits(concurrency=1))

    async def work() -> None:
        charge = await limiter.admit(limiter.ticket(SIZE, "one"))
        doomed = asyncio.create_task(limiter.admit(limiter.ticket(SIZE, "one")))
        other = asyncio.create_task(limiter.admit(limiter.ticket(SIZE, "two")))
        await asyncio.sleep(0)
        limiter.leave("one", ValueError("over"))
        limiter.landed(charge)
        with pytest.raises(ValueError, match="over"):
            await doomed
        limiter.landed(await other)

    asyncio.run(work())
    assert limiter.in_flight == 0


def test_a_cancelled_call_gives_its_place_back() -> None:
    limiter = Limiter(Limits(concurrency=1))

    async def work() -> None:
        charge = await limiter.admit(limiter.ticket(SIZE, None))
        waiting = [asyncio.create_task(limiter.admit(limiter.ticket(SIZE, None))) for _ in range(3)]
        await asyncio.sleep(0)
        limiter.landed(charge)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        limiter.landed(await asyncio.wait_for(limiter.admit(limiter.ticket(SIZE, None)), 1))

    asyncio.run(work())
    assert limiter.in_flight == 0


def test_event_loops_in_several_threads_share_one_limiter() -> None:
    limiter = limiter_of("shared", Limits(concurrency=3))
    assert limiter_of("shared", Limits(concurrency=3)) is limiter
    most = [0]

    async def call() -> None:
        charge = await limiter.admit(limiter.ticket(SIZE, None))
        most[0] = max(most[0], limiter.in_flight)
        await asyncio.sleep(0.002)
        limiter.answered(charge, 20, None)
        limiter.landed(charge)

    async def work() -> None:
        await asyncio.gather(*(call() for _ in range(30)))

    threads = [threading.Thread(target=lambda: asyncio.run(work())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert not any(thread.is_alive() for thread in threads)
    assert most[0] == 3
    assert limiter.in_flight == 0


@pytest.mark.parametrize(("answered", "at_once"), [(True, 10), (False, 4)])
def test_a_deployment_that_answered_under_other_limits_needs_no_scouts(answered, at_once) -> None:
    name = f"deployment that answered: {answered}"

    async def work() -> int:
        known = limiter_of(name, Limits(concurrency=2))
        charge = await known.admit(known.ticket(SIZE, None))
        if answered:
            known.answered(charge, 20, None)
        known.landed(charge)
        limiter = limiter_of(name, Limits(concurrency=10))
        limiter.enter("run")
        calls = [asyncio.create_task(limiter.admit(limiter.ticket(SIZE, "run"))) for _ in range(10)]
        for _ in range(3):
            await asyncio.sleep(0)
        started = limiter.in_flight
        await asyncio.gather(*calls)
        return started

    assert asyncio.run(work()) == at_once
