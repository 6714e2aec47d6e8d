"""What booked jobs cost: each for itself, and by model and day for the spend mart."""

from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from resources.llm.ledger import SPEND_SCHEMA
from resources.training.base import SUCCEEDED
from resources.training.book_tables import Job, day_of


def usd_of(job: Job) -> float:
    """What a job cost, or is expected to cost until it has ended, or where its service never said.

    One that waits for room is expected to cost nothing before it is submitted again.
    """
    billed, expected = job.cost.usd if job.cost else None, job.quote.usd or 0.0
    if job.open:
        return 0.0 if job.not_before else max(billed or 0.0, expected)
    if billed is None:
        return expected if job.status == SUCCEEDED else 0.0
    return billed


def spend_of(billed: Iterable[Job]) -> pa.Table:
    """Billed jobs by model and day of their end.

    The tokens of a job billed by trained tokens stand as prompt tokens; `not_real` of the jobs were an emulator's.
    """
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for job in billed:
        key = (f"{job.backend}/{job.spec.base_model}", day_of(job.finished_at or 0.0))
        row = rows.setdefault(key, _no_spend(*key))
        tokens = int(job.cost.quantity) if job.cost and "token" in job.cost.unit else 0
        row["calls"] += 1
        row["prompt_tokens"] += tokens
        row["cost"] += job.cost.usd or 0.0 if job.cost else 0.0
        row["not_real"] += not job.real
    return pa.Table.from_pylist([rows[key] for key in sorted(rows)], schema=SPEND_SCHEMA)


def _no_spend(model: str, day: str) -> dict[str, Any]:
    """A row of the spend mart that counts no job yet."""
    counted = ("calls", "prompt_tokens", "cached_tokens", "completion_tokens", "not_real")
    return {"stage": "training", "model": model, "day": day, "cost": 0.0, **dict.fromkeys(counted, 0)}
