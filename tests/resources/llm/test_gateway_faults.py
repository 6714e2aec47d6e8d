"""The gateway when things go wrong: nothing that was answered is lost, and what cannot work ends soon and in words."""

import asyncio
import logging
import random
import time

import pytest

from resources.llm.gateway import Gateway, Lane, ModelCallFailed
from resources.llm.ledger import Ledger
from resources.llm.prices import Price
from resources.llm.provider import Misconfigured, RateLimited, Refused, Unavailable
from resources.llm.request import Completion, Message, Request
from resources.llm.roles import Limits

NUMBERS = [str(number) for number in range(200)]


def lane(service, role="teacher", **limits) -> Lane:
    return Lane(role, service, Price(1.0, 1.0, 1.0), Limits(**limits))


def storm(seed):
    """40 % of 429 and 2 % each of 5xx, resets and torn bodies."""
    chance = random.Random(seed)

    def fate(request, attempt):
        drawn = chance.random()
        if drawn < 0.40:
            return RateLimited("too many requests", 0.01 if drawn < 0.2 else None)
        return Unavailable("the body was torn", 0.0) if drawn < 0.46 else None

    return fate


@pytest.mark.parametrize("seed", [1, 2])
def test_in_a_storm_of_refusals_and_faults_every_answer_arrives_in_order_and_is_recorded_once(ledger, faulty, seed):
    service = faulty(storm(seed))
    numbers = NUMBERS[:60]
    requests = service.requests(*numbers)
    gateway = Gateway(ledger)
    answers = gateway.complete(lane(service), requests)
    assert [answer.text for answer in answers] == [f"echo: {number}" for number in numbers]
    assert sorted(service.answered) == sorted(numbers)
    assert len(ledger.find(requests)) == gateway.usage.calls == 60
    assert gateway.usage.retried == len(service.calls) - 60 > 15


def test_a_wrong_key_ends_thousands_of_requests_in_seconds_after_at_most_one_round_of_calls(ledger, faulty) -> None:
    service = faulty(lambda request, attempt: Misconfigured("401: the key is not this resource's"), latency=0.01)
    started = time.monotonic()
    with pytest.raises(
        ModelCallFailed, match=r"role teacher, model test/faulty-1: 401: the key is not this resource's"
    ):
        Gateway(ledger).complete(lane(service), service.requests(*map(str, range(3_000))))
    assert time.monotonic() - started < 15
    assert len(service.calls) <= lane(service).limits.concurrency


def test_a_deployment_that_breaks_midway_keeps_what_was_in_flight(ledger, faulty) -> None:
    broken = faulty(lambda request, attempt: Misconfigured("404") if request.user_text == "3" else None, latency=0.02)
    requests = broken.requests(*NUMBERS[:60])
    with pytest.raises(ModelCallFailed, match="404"):
        Gateway(ledger).complete(lane(broken), requests)
    assert sorted(broken.answered) == sorted(r.user_text for r in requests if r.key in ledger.find(requests))
    assert 3 <= len(broken.answered) < 59


def test_calls_that_nobody_answers_for_too_long_fail_and_name_the_last_reason(ledger, faulty) -> None:
    service = faulty(lambda request, attempt: Unavailable("503", 0.02) if request.user_text > "4" else None)
    requests = service.requests(*NUMBERS[:10])
    with pytest.raises(ModelCallFailed, match=r"no answer for 0.3 s.*503"):
        Gateway(ledger).complete(lane(service, patience_seconds=0.3), requests)
    assert len(ledger.find(requests)) == len(service.answered) == 5


def test_a_service_that_asks_for_more_patience_than_there_is_fails_at_once(ledger, faulty) -> None:
    service = faulty(lambda request, attempt: RateLimited("no quota left today", 3600.0))
    with pytest.raises(ModelCallFailed, match="no quota left today"):
        Gateway(ledger).complete(lane(service), service.requests("a"))


def test_what_was_paid_for_an_answer_of_no_use_is_in_the_account_and_answers_nothing(any_ledger, faulty) -> None:
    useless = Completion("", "stop", 7, 3)
    service = faulty(lambda request, attempt: Unavailable("empty", 0.001, paid=useless) if attempt < 2 else None)
    requests = service.requests("a", "b")
    gateway = Gateway(any_ledger)
    one = Lane("teacher", service, Price(1000.0, 1000.0, 1000.0))
    answers = gateway.complete(one, requests)
    assert [answer.text for answer in answers] == ["echo: a", "echo: b"]
    [row] = any_ledger.spend().to_pylist()
    assert (row["calls"], row["prompt_tokens"], row["completion_tokens"]) == (6, 2 * (2 * 7 + 10), 2 * (2 * 3 + 5))
    assert gateway.usage.cost == pytest.approx(row["cost"]) == pytest.approx(0.07)
    assert (gateway.usage.calls, gateway.usage.retried) == (2, 4)
    again = Gateway(any_ledger)
    assert [answer.text for answer in again.complete(one, requests)] == ["echo: a", "echo: b"]
    assert (again.usage.calls, again.usage.cached) == (0, 2)


def test_a_request_whose_every_answer_is_of_no_use_leaves_what_it_cost(ledger, faulty) -> None:
    useless = Completion("", "stop", 7, 3)
    service = faulty(lambda request, attempt: Unavailable("empty", 0.05, paid=useless))
    with pytest.raises(ModelCallFailed, match="empty"):
        Gateway(ledger).complete(Lane("teacher", service, limits=Limits(patience_seconds=0.1)), service.requests("a"))
    [row] = ledger.spend().to_pylist()
    assert row["prompt_tokens"] == 7 * len(service.calls) > 7
    assert ledger.find(service.requests("a")) == {}


def test_a_request_that_alone_never_works_fails_alone(ledger, faulty) -> None:
    service = faulty(
        lambda request, attempt: Unavailable("500", 0.001) if request.user_text == "bad" else None, latency=0.005
    )
    gateway = Gateway(ledger)
    answers = gateway.complete(lane(service, concurrency=2), service.requests("bad", *NUMBERS))
    assert "given up after 8 failures of this request alone; at last: 500" in answers[0].failure
    assert not answers[0].usable
    assert all(answer.usable for answer in answers[1:])


def test_a_refused_request_is_not_in_the_ledger_and_asked_again_next_time(ledger, faulty) -> None:
    service = faulty(lambda request, attempt: Refused("content filter") if request.user_text == "2" else None)
    requests = service.requests("1", "2", "3")
    for _ in range(2):
        answers = Gateway(ledger).complete(lane(service), requests)
        assert [answer.failure for answer in answers] == ["", "content filter", ""]
    assert service.calls.count("2") == 2
    assert service.calls.count("1") == 1


def test_a_request_longer_than_the_window_fails_without_a_call(ledger, faulty) -> None:
    service = faulty()
    long = Request("teacher", service.identity, (Message("user", "word " * 3000),), parameters=(("max_tokens", 2000),))
    short = Request("teacher", service.identity, (Message("user", "word"),), parameters=(("max_tokens", 2000),))
    answers = Gateway(ledger).complete(Lane("teacher", service, context_window=4096), [long, short])
    assert "tokens in all; the model's context window is 4096 (roles.teacher.context_window)" in answers[0].failure
    assert answers[1].usable
    assert service.calls == ["word"]


def test_a_request_that_may_not_leave_is_not_sent(ledger, faulty) -> None:
    service = faulty()
    request = Request("teacher", service.identity, (Message("user", "secret"),), refusal="egress: secret document")
    assert Gateway(ledger).complete(lane(service), [request])[0].failure == "egress: secret document"
    assert service.calls == []


def test_a_pause_that_the_service_asks_for_holds_for_every_call_of_the_deployment(ledger, faulty) -> None:
    times = []

    def fate(request, attempt):
        times.append(time.monotonic())
        return RateLimited("slow down", 0.4) if len(times) == 1 else None

    service = faulty(fate)
    Gateway(ledger).complete(lane(service, concurrency=1), service.requests(*NUMBERS[:5]))
    assert len(times) == 6
    assert times[1] - times[0] >= 0.4


def test_an_error_of_our_own_is_a_failure_and_not_a_retry(ledger, faulty) -> None:
    def fate(request, attempt):
        raise KeyError("a bug")

    service = faulty(fate)
    with pytest.raises(ModelCallFailed, match="a bug"):
        Gateway(ledger).complete(lane(service), service.requests("a"))
    assert len(service.calls) == 1


def test_two_roles_of_one_deployment_share_its_limit(ledger, faulty) -> None:
    service = faulty(latency=0.01)
    gateway = Gateway(ledger)
    lanes = [lane(service, role, concurrency=6) for role in ("teacher", "judge")]

    async def work() -> None:
        asks = [
            gateway.ask(one, request) for one in lanes for request in service.requests(*NUMBERS[:40], role=one.role)
        ]
        await asyncio.gather(*asks)

    gateway.run(work)
    assert len(service.answered) == 80
    assert service.most_in_flight == 6


def test_an_answer_is_on_disk_before_whoever_asked_has_it(any_ledger, open_ledger, faulty) -> None:
    service = faulty()
    gateway = Gateway(any_ledger)
    other = open_ledger(any_ledger.url)

    async def one(request: Request) -> bool:
        await gateway.ask(lane(service), request)
        return request.key in other.find([request])

    async def work() -> list[bool]:
        return await asyncio.gather(*(one(request) for request in service.requests(*NUMBERS[:30])))

    assert all(gateway.run(work))


def test_equal_requests_in_flight_are_one_call_even_if_the_first_asker_leaves(ledger, faulty) -> None:
    service = faulty(latency=0.2)
    gateway = Gateway(ledger)
    [request] = service.requests("a")

    async def work() -> Completion:
        first = asyncio.create_task(gateway.ask(lane(service), request))
        second = asyncio.create_task(gateway.ask(lane(service), request))
        while not service.calls:
            await asyncio.sleep(0.001)
        first.cancel()
        return await second

    answer = gateway.run(work)
    assert (answer.text, answer.cached) == ("echo: a", True)
    assert service.calls == ["a"]
    assert (gateway.usage.calls, gateway.usage.cached) == (1, 1)


def test_what_is_in_flight_when_the_work_fails_is_recorded_and_nothing_more_is_started(ledger, faulty) -> None:
    service = faulty(latency=0.2)
    gateway = Gateway(ledger)
    requests = service.requests(*NUMBERS[:20])

    async def work() -> None:
        asked = [asyncio.create_task(gateway.ask(lane(service, concurrency=4), request)) for request in requests]
        while len(service.calls) < 4:
            await asyncio.sleep(0.001)
        assert asked
        raise ValueError("the stage has a bug")

    with pytest.raises(ValueError, match="the stage has a bug"):
        gateway.run(work)
    assert len(service.calls) == len(service.answered) == len(ledger.find(requests)) == 4
    assert service.closed == 1


def test_a_budget_that_is_reached_ends_the_run_with_its_own_words_after_what_was_in_flight(ledger, faulty) -> None:
    class Spent(Exception):
        pass

    class TenCalls:
        def __init__(self) -> None:
            self.admitted, self.settled = 0, []

        async def admit(self, usd: float) -> None:
            assert usd > 0
            if self.admitted == 10:
                raise Spent("ten calls are enough")
            self.admitted += 1

        def settle(self, reserved: float, paid: float) -> None:
            self.settled.append((reserved, paid))

    service = faulty(latency=0.02)
    requests = service.requests(*NUMBERS)
    budget = TenCalls()
    with pytest.raises(Spent, match="ten calls are enough"):
        Gateway(ledger, budget=budget).complete(lane(service), requests)
    assert len(service.answered) == len(ledger.find(requests)) == len(budget.settled) == 10
    assert all(reserved >= paid > 0 for reserved, paid in budget.settled)
    assert len(Gateway(ledger).complete(lane(service), requests)) == 200
    assert len(service.calls) == 200


def test_text_that_databases_do_not_take_is_recorded_and_answered_alike(any_ledger, faulty) -> None:
    class Hostile:
        def __init__(self, inner) -> None:
            self.identity, self.close = inner.identity, inner.close

        async def complete(self, request: Request) -> Completion:
            return Completion("nul \x00 and half a pair \ud800", "stop", 1, 1)

    service = Hostile(faulty())
    request = Request("teacher", service.identity, (Message("user", "a"),))
    [first] = Gateway(any_ledger).complete(lane(service), [request])
    [again] = Gateway(any_ledger).complete(lane(service), [request])
    assert first.text == again.text
    assert again.cached


def test_calls_are_logged_by_role_and_without_what_was_said(ledger, faulty, caplog) -> None:
    caplog.set_level(logging.DEBUG, "raftline.models")
    service = faulty(lambda request, attempt: RateLimited("wait", 0.0) if attempt == 0 else None)
    Gateway(ledger).complete(lane(service), service.requests("planted words"))
    lines = [record.getMessage() for record in caplog.records if record.name == "raftline.models"]
    assert any("teacher test/faulty-1: 1 answered" in line for line in lines)
    assert any("teacher test/faulty-1: RateLimited" in line for line in lines)
    assert "planted" not in " ".join(lines)


def test_a_model_is_only_asked_inside_a_run(ledger, faulty) -> None:
    service = faulty()
    with pytest.raises(RuntimeError, match="outside of its gateway's run"):
        asyncio.run(Gateway(ledger).ask(lane(service), *service.requests("a")))


def test_a_ledger_in_memory_serves_a_run(faulty) -> None:
    ledger = Ledger("sqlite://")
    service = faulty()
    Gateway(ledger).complete(lane(service), service.requests(*NUMBERS))
    again = Gateway(ledger)
    again.complete(lane(service), service.requests(*NUMBERS))
    assert (again.usage.calls, again.usage.cached) == (0, 200)
    ledger.close()
