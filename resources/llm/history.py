"""What the ledger tells of the past: how many tokens and seconds a role's calls take, and which models were not real."""

from dataclasses import dataclass

import sqlalchemy as sa

from resources.llm.ledger import Ledger
from resources.llm.ledger_schema import calls
from resources.llm.request import ModelIdentity


@dataclass(frozen=True)
class Habit:
    """Past calls of one role and model with one prompt: how many, their mean tokens, and their mean seconds.

    Of calls through batches nobody knows the seconds; None if there were no others.
    """

    calls: int
    prompt_tokens: float
    completion_tokens: float
    seconds: float | None


Habits = dict[str, Habit]
"""By prompt version."""


def habits(ledger: Ledger, role: str, model: str) -> Habits:
    """What calls of a role to a model were like, by prompt version. An answer that was cut off or empty counts too."""
    query = (
        sa.select(
            calls.c.prompt_version,
            sa.func.count(),
            sa.func.avg(calls.c.prompt_tokens),
            sa.func.avg(calls.c.completion_tokens),
            sa.func.avg(sa.case((calls.c.batch_id == "", calls.c.seconds))),
        )
        .where(calls.c.role == role, calls.c.model == model)
        .group_by(calls.c.prompt_version)
    )
    with ledger.reading() as connection:
        return {
            version: Habit(count, float(prompt), float(completion), None if seconds is None else float(seconds))
            for version, count, prompt, completion, seconds in connection.execute(query)
        }


def emulated(ledger: Ledger) -> set[ModelIdentity]:
    """The models of which an emulator ever answered a call."""
    query = sa.select(calls.c.provider, calls.c.endpoint, calls.c.model).where(sa.not_(calls.c.real)).distinct()
    with ledger.reading() as connection:
        return {ModelIdentity(*row) for row in connection.execute(query)}
