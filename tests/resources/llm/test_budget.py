"""Budgets: never overspent in a process, aware of other processes, and clear about what to do."""

import asyncio

import pytest

from resources.llm.budget import REFRESH_SECONDS, Budget, BudgetReached, Limit, budget_of
from resources.llm.ledger import Entry, Ledger
from resources.llm.request import Completion, ModelIdentity, Request, chat
from resources.options import BudgetOptions


class Clock:
    """A clock that is set by hand."""

    def __init__(self):
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def budget(usd: float, spent: list[float] | None = None, clock: Clock | None = None) -> Budget:
    others = spent or [0.0]
    return Budget([Limit("per_run_usd", usd, lambda: others[0])], clock or Clock())


async def spend(held: Budget, at_most: float, paid: float, seconds: float = 0.0) -> None:
    await held.admit(at_most)
    await asyncio.sleep(seconds)
    held.settle(at_most, paid)


def test_calls_are_admitted_up_to_the_limit_and_no_further():
    held = budget(1.0)

    async def work() -> None:
        for _ in range(4):
            await spend(held, 0.25, 0.25)
        with pytest.raises(BudgetReached, match=r"budget.per_run_usd is 1.00 USD, of which 1.00 USD are spent"):
            await spend(held, 0.01, 0.01)

    asyncio.run(work())
    assert held.paid == 1.0
    assert held.reserved == pytest.approx(0)


def test_many_calls_at_once_never_overspend_although_each_reserves_far_more_than_it_costs():
    held = budget(1.0)
    outcomes: list[object] = []

    async def work() -> None:
        outcomes.extend(
            await asyncio.gather(*(spend(held, 0.4, 0.01, 0.001) for _ in range(300)), return_exceptions=True)
        )

    asyncio.run(work())
    # The last call that fits is the one before which 0.60 USD were spent.
    assert 0.6 <= held.paid <= 1.0
    assert sum(isinstance(outcome, BudgetReached) for outcome in outcomes) == 300 - round(held.paid / 0.01)


def test_a_call_that_brought_nothing_gives_its_reservation_back():
    held = budget(1.0)

    async def work() -> None:
        for _ in range(5):
            await spend(held, 0.9, 0.0)
        await spend(held, 0.9, 0.9)

    asyncio.run(work())
    assert held.paid == 0.9


def test_one_budget_serves_several_event_loops():
    held = budget(1.0)

    async def crowd() -> None:
        await asyncio.gather(*(spend(held, 0.4, 0.05, 0.001) for _ in range(4)))

    asyncio.run(crowd())
    asyncio.run(crowd())
    assert held.paid == pytest.approx(0.4)


def test_what_other_processes_spend_counts_as_soon_as_the_ledger_is_read_again():
    spent, clock = [0.0], Clock()
    held = budget(1.0, spent, clock)

    async def work() -> None:
        await spend(held, 0.1, 0.1)
        spent[0] = 0.1 + 0.85
        clock.now += REFRESH_SECONDS
        with pytest.raises(BudgetReached, match=r"0.95 USD are spent"):
            await spend(held, 0.1, 0.1)

    asyncio.run(work())


def test_the_message_says_how_to_go_on():
    with pytest.raises(BudgetReached) as stopped:
        asyncio.run(spend(budget(0.01), 0.02, 0.0))
    assert "RAFTLINE_BUDGET__PER_RUN_USD" in str(stopped.value)
    assert "nothing is paid twice" in str(stopped.value)


def test_the_ledger_tells_what_a_run_and_a_month_have_spent(tmp_path):
    ledger = Ledger(f"sqlite:///{tmp_path}/ledger.db")
    model = ModelIdentity("azure_openai", "host", "gpt-4o")

    def record(run: str, cost: float) -> None:
        request = Request("teacher", model, chat("s", f"{run} {cost}"))
        ledger.record([Entry(request, Completion("a", "stop", 1, 1, cost), 0.1, run)])

    record("first", 0.3)
    record("second", 0.5)
    options = BudgetOptions(per_run_usd=0.6, per_month_usd=1.0)
    second = budget_of(options, {}, ledger, "second")
    assert second is not None
    with pytest.raises(BudgetReached, match="per_run_usd"):
        asyncio.run(spend(second, 0.15, 0.0))
    third = budget_of(options, {}, ledger, "third")
    assert third is not None
    with pytest.raises(BudgetReached, match="per_month_usd"):
        asyncio.run(spend(third, 0.25, 0.0))
    asyncio.run(spend(third, 0.15, 0.1))
    ledger.close()


def test_without_limits_there_is_no_budget(tmp_path):
    ledger = Ledger(f"sqlite:///{tmp_path}/ledger.db")
    assert budget_of(BudgetOptions(), {}, ledger, "run") is None
    ledger.close()
