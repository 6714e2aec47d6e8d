"""The tables of the job book, and a booked job as a value. They lie in the ledger's database."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import sqlalchemy as sa

from resources.training.base import CANCELLED, FAILED, Cost, JobHandle, Quote, TrainingSpec, in_words
from resources.training.moments import moment_of

INTENT = "intent"
SUBMITTED = "submitted"
SUPERSEDED = "superseded"
Status = Literal["intent", "submitted", "succeeded", "failed", "cancelled", "superseded"]
OPEN = (INTENT, SUBMITTED)

Ending = Literal["", "superseded", "deadline", "cancelled"]
"""Why we asked a job to end, or know that nobody waits for it any more."""

metadata = sa.MetaData()
jobs = sa.Table(
    "training_jobs",
    metadata,
    sa.Column("idem", sa.String(64), primary_key=True),
    sa.Column("attempt", sa.Integer, primary_key=True),
    sa.Column("backend", sa.String(80), nullable=False),
    sa.Column("recipe", sa.String(80), nullable=False, index=True),
    sa.Column("also", sa.Text, nullable=False),
    sa.Column("run_id", sa.String(80), nullable=False),
    sa.Column("dataset_version", sa.String(80), nullable=False),
    sa.Column("spec", sa.Text, nullable=False),
    sa.Column("handle", sa.Text, nullable=False),
    sa.Column("status", sa.String(20), nullable=False, index=True),
    sa.Column("phase", sa.String(20), nullable=False),
    sa.Column("service_status", sa.String(200), nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("ending", sa.String(20), nullable=False),
    sa.Column("told", sa.Boolean, nullable=False),
    sa.Column("real", sa.Boolean, nullable=False),
    sa.Column("lock", sa.String(64), nullable=False),
    sa.Column("cursor", sa.Text, nullable=False),
    sa.Column("booked_at", sa.Float, nullable=False),
    sa.Column("submitted_at", sa.Float),
    sa.Column("finished_at", sa.Float),
    sa.Column("looked_at", sa.Float, nullable=False),
    sa.Column("not_before", sa.Float, nullable=False),
    sa.Column("quote_usd", sa.Float),
    sa.Column("quote_seconds", sa.Float),
    sa.Column("quote_basis", sa.Text, nullable=False),
    sa.Column("cost_usd", sa.Float),
    sa.Column("cost_quantity", sa.Float),
    sa.Column("cost_unit", sa.String(60), nullable=False),
    sa.Column("day", sa.String(10), nullable=False, index=True),
)
leases = sa.Table(
    "training_leases",
    metadata,
    sa.Column("name", sa.String(120), primary_key=True),
    sa.Column("owner", sa.String(40), nullable=False),
    sa.Column("host", sa.String(200), nullable=False),
    sa.Column("process", sa.Integer, nullable=False),
    sa.Column("started", sa.String(40), nullable=False),
    sa.Column("expires_at", sa.Float, nullable=False),
)


@dataclass(frozen=True)
class Job:
    """One attempt at training a specification. Times are seconds since 1970; `handle` is None while it is an intent.

    `told`: a run has made a model of it or failed with its words. `not_before` holds back a submission for which there
    was no room. `lock` names the installed packages at the time of submission. `phase`, `service_status` and `message` are
    what the service said last. `recipe` goes on with it; those in `also` want the very same and came before.
    """

    idem: str
    attempt: int
    backend: str
    recipe: str
    also: tuple[str, ...]
    run_id: str
    spec: TrainingSpec
    handle: JobHandle | None
    status: Status
    phase: str
    service_status: str
    message: str
    ending: Ending
    told: bool
    real: bool
    lock: str
    cursor: str
    booked_at: float
    submitted_at: float | None
    finished_at: float | None
    looked_at: float
    not_before: float
    quote: Quote
    cost: Cost | None

    @property
    def open(self) -> bool:
        """Whether it is not over, as far as it is known here."""
        return self.status in OPEN

    @property
    def wanted_by(self) -> tuple[str, ...]:
        """The recipes that it trains for."""
        return (self.recipe, *self.also)

    @property
    def said(self) -> str:
        """What its service said last."""
        return in_words(self.service_status, self.message)

    @property
    def name(self) -> str:
        """The job at its service, or what stands for it before it has a name there."""
        return self.handle.job_id if self.handle else f"{self.idem} (not submitted)"


def job_of(row: Mapping[str, Any]) -> Job:
    """A row as a value."""
    plain = ("idem", "attempt", "backend", "recipe", "run_id", "status", "phase", "service_status", "message", "ending")
    plain += ("told", "real", "lock", "cursor", "booked_at", "submitted_at", "finished_at", "looked_at", "not_before")
    billed = row["cost_quantity"] is not None
    return Job(
        **{name: row[name] for name in plain},
        also=tuple(json.loads(row["also"])),
        spec=TrainingSpec.from_json(row["spec"]),
        handle=JobHandle.from_json(row["handle"]) if row["handle"] else None,
        quote=Quote(row["quote_usd"], row["quote_basis"], row["quote_seconds"]),
        cost=Cost(row["cost_quantity"], row["cost_unit"], row["cost_usd"]) if billed else None,
    )


def spec_columns(spec: TrainingSpec) -> dict[str, Any]:
    """The columns that follow from a specification."""
    return {
        "idem": spec.idem(),
        "backend": spec.backend,
        "dataset_version": spec.dataset_version,
        "spec": json.dumps(spec.as_dict()),
    }


def wanted(recipe: str, others: Iterable[str]) -> dict[str, str]:
    """The columns that say who wants a job: `recipe`, and others besides."""
    return {"recipe": recipe, "also": json.dumps(sorted(set(others) - {recipe}))}


def outcome_of(ending: str, phase: str) -> str:
    """What the end of a job is called, given why it was ended."""
    if ending == SUPERSEDED:
        return SUPERSEDED
    return FAILED if ending == "deadline" and phase == CANCELLED else phase


def quoted(quote: Quote) -> dict[str, Any]:
    """The columns of a quote."""
    return {"quote_usd": quote.usd, "quote_seconds": quote.seconds, "quote_basis": quote.basis}


def day_of(seconds: float) -> str:
    """The day of a time, in UTC."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}"


def seconds_of(moment: str) -> float | None:
    """An ISO time as seconds since 1970; None for what is none."""
    found = moment_of(moment)
    return found.timestamp() if found else None
