"""What may still be spent: a limit for a run and one for the calendar month, kept exactly within a process.

A call is admitted with the most it can cost, which stays reserved until it is settled with what it did cost. Where money
is only reserved and not yet spent, admission waits for a call in flight to settle; where it is spent, the run stops.
Other processes are seen through the ledger, which is read again every few seconds.
"""

import asyncio
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from resources.errors import RaftlineError, SettingsError
from resources.llm.estimate import StageEstimate, total
from resources.llm.ledger import Ledger
from resources.llm.prices import price_of
from resources.llm.roles import Role
from resources.options import BudgetOptions

REFRESH_SECONDS = 5.0
"""How old the ledger's word on other processes may be."""

REFUSAL_SECONDS = 0.5
"""How old it may be where a call would be refused."""


class BudgetReached(RaftlineError):
    """A call that a budget does not allow. What was answered before it is recorded; a rerun pays only for the rest."""


class ApprovalNeeded(RaftlineError):
    """A stage that is expected to cost more than may be spent without being asked."""


@dataclass
class Limit:
    """One budget: its setting's name, its size (USD) and how the ledger tells what was spent of it."""

    key: str
    usd: float
    spent_by_all: Callable[[], float]
    others: float = 0.0

    def message(self, spent: float, next_call: float) -> str:
        variable = f"RAFTLINE_BUDGET__{self.key.upper()}"
        period = "run" if self.key == "per_run_usd" else "month (UTC)"
        return (
            f"budget.{self.key} is {money(self.usd)}, of which {money(spent)} are spent in this {period}; the next call may "
            f"cost up to {money(next_call)}. Everything answered so far is recorded. To go on, raise budget.{self.key} in "
            f"raftline.yaml or set {variable}, then run again: nothing is paid twice"
        )


@dataclass
class Budget:
    """Admits calls as long as the limits hold. `paid` and `reserved` are this process's own (USD)."""

    limits: list[Limit]
    clock: Callable[[], float] = time.monotonic
    paid: float = 0.0
    reserved: float = 0.0
    _read_at: float | None = None
    _waiting: list[asyncio.Event] = field(default_factory=list)

    async def admit(self, usd: float) -> None:
        """Reserves what a call costs at most. Waits while only other reservations are in the way.

        Raises `BudgetReached` if the limit is spent.
        """
        while not self._fits(usd):
            turn = asyncio.Event()
            self._waiting.append(turn)
            await turn.wait()
        self.reserved += usd

    def settle(self, reserved: float, paid: float) -> None:
        """Ends a reservation with what the call did cost, after that was recorded; 0 if it brought nothing."""
        self.reserved -= reserved
        self.paid += paid
        waiting, self._waiting = self._waiting, []
        for turn in waiting:
            turn.set()

    def _fits(self, usd: float) -> bool:
        self._look(REFRESH_SECONDS)
        if any(self._spent(limit) + usd > limit.usd for limit in self.limits):
            self._look(REFUSAL_SECONDS)
        for limit in self.limits:
            if self._spent(limit) + usd > limit.usd:
                raise BudgetReached(limit.message(self._spent(limit), usd))
        # A thousandth of a cent: sums of floats that end exactly at the limit.
        return all(self._spent(limit) + self.reserved + usd <= limit.usd + 1e-5 for limit in self.limits)

    def _spent(self, limit: Limit) -> float:
        return limit.others + self.paid

    def _look(self, max_age: float) -> None:
        """Reads what all processes have recorded; what is not our own is others'."""
        now = self.clock()
        if self._read_at is not None and now - self._read_at < max_age:
            return
        self._read_at = now
        for limit in self.limits:
            limit.others = max(0.0, limit.spent_by_all() - self.paid)


def budget_of(
    options: BudgetOptions,
    roles: Mapping[str, Role],
    ledger: Ledger,
    run_id: str,
    besides: Callable[[str], float] = lambda month: 0.0,
) -> Budget | None:
    """The budget of a run; None if nothing is limited. A process without a run is held to the month only.

    `besides` tells what a month (UTC) cost besides calls: training jobs and endpoints.

    Raises `SettingsError` if a role has no price: its calls could not be counted.
    """
    if options == BudgetOptions():
        return None
    unpriced = sorted(name for name, role in roles.items() if not price_of(role).known)
    if unpriced:
        raise SettingsError(
            "; ".join(
                f"roles.{name}.price: no price is known for {roles[name].model}, so the budget cannot be kept; set "
                f"roles.{name}.price.prompt and .completion (USD per million tokens, 0 if it is free)"
                for name in unpriced
            )
        )
    limits = []
    if options.per_run_usd is not None and run_id:
        limits.append(Limit("per_run_usd", options.per_run_usd, lambda: ledger.spent(run_id=run_id)))
    if options.per_month_usd is not None:
        limits.append(
            Limit(
                "per_month_usd", options.per_month_usd, lambda: ledger.spent(month=this_month()) + besides(this_month())
            )
        )
    return Budget(limits) if limits else None


def require_approval(options: BudgetOptions, estimates: Sequence[StageEstimate]) -> None:
    """Raises `ApprovalNeeded` if stages are expected to cost more than may be spent without being asked."""
    limit = options.approve_stage_usd
    cost = sum(estimate.cost or 0.0 for estimate in estimates)
    if limit is None or cost <= limit:
        return
    load = total(estimates)
    raise ApprovalNeeded(
        f"{' and '.join(estimate.stage for estimate in estimates)} are expected to cost {money(cost)} ({load.calls:,} calls, "
        f"{load.prompt_tokens + load.completion_tokens:,} tokens), which is above budget.approve_stage_usd "
        f"({money(limit)}). Nothing was sent. `raftline estimate` shows what it consists of; to approve it, run "
        f"RAFTLINE_BUDGET__APPROVE_STAGE_USD={math.ceil(cost * 1.2 * 100) / 100:g} raftline refresh"
    )


def this_month() -> str:
    """The current month in UTC, as `2026-11`."""
    return f"{datetime.now(UTC):%Y-%m}"


def money(usd: float) -> str:
    """USD as people read it: cents, or as many places as a small amount needs."""
    return f"{usd:,.2f} USD" if usd >= 0.1 or usd == 0 else f"{Decimal(f'{usd:.2g}'):f} USD"
