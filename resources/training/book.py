"""The job book: every training job of this home, in the ledger's database, so that none is lost or paid twice.

An intent is written before a service is asked to create anything and the handle right after, so that whatever a crash
leaves behind has a row, and the next run searches the service for it.
"""

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from resources.hashing import storable
from resources.llm.ledger import Ledger
from resources.training.base import CANCELLED, FAILED, SUCCEEDED, JobHandle, JobState, Quote, TrainingSpec
from resources.training.book_tables import (
    INTENT,
    OPEN,
    SUBMITTED,
    Ending,
    Job,
    day_of,
    job_of,
    jobs,
    metadata,
    outcome_of,
    quoted,
    seconds_of,
    spec_columns,
    wanted,
)
from resources.training.job_costs import spend_of, usd_of
from resources.training.leases import held, hold


@dataclass(frozen=True)
class Order:
    """Who wants a specification trained: the recipe, the run, and the packages that are installed (`lock`)."""

    recipe: str
    run_id: str
    lock: str = ""


class TrainingBook:
    """The jobs of a ledger. Safe for threads; processes share it through the database."""

    def __init__(self, ledger: Ledger, clock: Callable[[], float] = time.time):
        self.ledger = ledger
        self.clock = clock
        ledger.add_tables(metadata)

    def last(self, idem: str) -> Job | None:
        """The newest attempt at a specification."""
        found = self._select(jobs.c.idem == idem)
        return max(found, key=lambda job: job.attempt, default=None)

    def failures(self, idem: str) -> int:
        """How often jobs of a specification ran and failed; refusals and lack of room cost nothing and do not count."""
        return len(self._select(jobs.c.idem == idem, jobs.c.phase == FAILED))

    def open_jobs(self, backend: str = "", recipe: str = "") -> list[Job]:
        """The jobs that are not over as far as it is known here; those nobody looked at for longest come first."""
        found = [
            job
            for job in self._select(jobs.c.status.in_(OPEN))
            if backend in ("", job.backend) and recipe in ("", *job.wanted_by)
        ]
        return sorted(found, key=lambda job: (job.looked_at, job.idem))

    def untold(self) -> list[Job]:
        """The jobs that are over, and of which no run has made a model or failed with their words."""
        return self._select(jobs.c.status.in_((SUCCEEDED, FAILED, CANCELLED)), sa.not_(jobs.c.told))

    def history(self, limit: int | None = None) -> list[Job]:
        """The newest jobs, newest first; all without a limit."""
        return sorted(self._select(), key=lambda job: job.booked_at, reverse=True)[:limit]

    def intend(self, spec: TrainingSpec, order: Order, quote: Quote | None = None) -> Job:
        """Books that a job is about to be created: a new attempt, or the one that is intended already."""
        known = self.last(spec.idem())
        price = quoted(quote) if quote else {}
        if known and known.open:
            return self._change(
                known,
                **self._claim(known, order),
                lock=order.lock,
                not_before=0.0,
                message="",
                ending="",
                **price,
            )
        now, attempt = self.clock(), known.attempt + 1 if known else 1
        row = {
            **spec_columns(spec),
            "attempt": attempt,
            **wanted(order.recipe, ()),
            "run_id": order.run_id,
            "lock": order.lock,
            **dict.fromkeys(
                ("handle", "phase", "service_status", "message", "ending", "cursor", "cost_unit", "day"), ""
            ),
            "status": INTENT,
            "told": False,
            "real": True,
            "booked_at": now,
            "looked_at": now,
            "not_before": 0.0,
            **quoted(quote or Quote(None, "")),
        }
        with self.ledger.writing() as connection:
            connection.execute(jobs.insert().values(row))
        return self._get(spec.idem(), attempt)

    def submitted(self, job: Job, handle: JobHandle) -> Job:
        """Books the handle: the job exists at its service. Deadlines count from a time that is over already."""
        since = min(seconds_of(handle.submitted_at) or self.clock(), self.clock())
        return self._change(
            job, status=SUBMITTED, handle=handle.to_json(), submitted_at=since, message="", not_before=0.0
        )

    def emulated(self, job: Job) -> Job:
        """Books that a job is an emulator's, which costs nothing for real."""
        return self._change(job, real=False)

    def revived(self, job: Job, order: Order) -> Job:
        """Books that a closed job is wanted after all: succeeded if it did, else at its service."""
        status = SUCCEEDED if job.phase == SUCCEEDED else SUBMITTED
        return self._change(job, status=status, ending="", **self._claim(job, order))

    def adopted(self, job: Job, order: Order) -> Job:
        """Books that another run, perhaps of another recipe, goes on with a job."""
        return self._change(job, **self._claim(job, order))

    def left_to_others(self, job: Job, recipe: str) -> Job:
        """Books that one of the recipes that a job trains for wants another one now."""
        first, *others = (name for name in job.wanted_by if name != recipe)
        return self._change(job, **wanted(first, others))

    def held_back(self, job: Job, message: str, until: float) -> Job:
        """Books that there was no room for an intended job, and when it may be submitted again; not if it was meanwhile."""
        return self._change(job, (INTENT,), message=message, not_before=until, looked_at=self.clock())

    def refused(self, job: Job, message: str, told: bool = True) -> Job:
        """Books that the service takes no such job, or has it no more; the run that asked tells so.

        An intent that another process has submitted meanwhile stays what it is now.
        """
        return self._finish(job, FAILED, (job.status,), message=message, told=told)

    def looked(self, job: Job, state: JobState, cursor: str) -> Job:
        """Books what the service says. Of those who see a job end, one books it; the others change nothing."""
        seen: dict[str, Any] = {
            "phase": state.phase,
            "service_status": storable(state.status)[:200],
            "message": state.message,
            "cursor": cursor,
        }
        if state.cost:
            cost = state.cost
            seen |= {"cost_usd": cost.usd, "cost_quantity": cost.quantity, "cost_unit": cost.unit[:60]}
        if not state.terminal:
            return self._change(job, OPEN, **seen, looked_at=self.clock())
        return self._finish(job, outcome_of(job.ending, state.phase), OPEN, **seen)

    def visited(self, job: Job) -> Job:
        """Books that somebody is about to look at a job: should that take for ever, the others have their turn first."""
        return self._change(job, OPEN, looked_at=self.clock())

    def unseen(self, job: Job, message: str) -> Job:
        """Books that the service could not be asked."""
        return self._change(job, OPEN, message=message, looked_at=self.clock())

    def ends(self, job: Job, why: Ending) -> Job:
        """Books that a job is asked to end, or that nobody waits for it any more."""
        return self._change(job, ending=why, told=why == CANCELLED)

    def tell(self, job: Job) -> Job:
        """Books that a run has made a model of a finished job, or has failed with its words."""
        return self._change(job, told=True)

    def hold(
        self, name: str, patience: float, sleep: Callable[[float], None] = time.sleep
    ) -> AbstractContextManager[None]:
        """A lease on a specification, or on another name. Raises `LeaseTaken` after `patience` seconds."""
        return hold(self.ledger, name, patience, sleep=sleep)

    def held(self, name: str) -> bool:
        """Whether a living process holds a lease."""
        return held(self.ledger, name)

    def spent(self, month: str, besides: str = "") -> float:
        """USD of a month (UTC, `2026-11`): what jobs that ended in it cost, and what is expected of those not yet billed.

        The specification `besides` is left out while it is only intended: who asks is about to submit it.
        """
        found = self._select(sa.or_(jobs.c.day.between(f"{month}-01", f"{month}-31"), jobs.c.status.in_(OPEN)))
        return sum(usd_of(job) for job in found if job.status != INTENT or job.idem != besides)

    def spend(self) -> pa.Table:
        """Billed jobs by model and day of their end, as the spend mart reads them beside model calls."""
        return spend_of(self._select(jobs.c.cost_quantity.is_not(None), jobs.c.day != ""))

    def _claim(self, job: Job, order: Order) -> dict[str, str]:
        return {"run_id": order.run_id, **wanted(order.recipe, job.wanted_by)}

    def _finish(self, job: Job, status: str, among: Sequence[str], **values: Any) -> Job:
        now = self.clock()
        ended = {"status": status, "finished_at": now, "looked_at": now, "day": day_of(now)}
        return self._change(job, among, **ended, **values)

    def _change(self, job: Job, among: Sequence[str] = (), **values: Any) -> Job:
        """The job with these values; as it is, if its status is by now none of those in `among`."""
        changed = jobs.update().where(jobs.c.idem == job.idem, jobs.c.attempt == job.attempt)
        if among:
            changed = changed.where(jobs.c.status.in_(among))
        # Among them are a service's words.
        values = {name: storable(value) if isinstance(value, str) else value for name, value in values.items()}
        with self.ledger.writing() as connection:
            connection.execute(changed.values(values))
        return self._get(job.idem, job.attempt)

    def _get(self, idem: str, attempt: int) -> Job:
        [job] = self._select(jobs.c.idem == idem, jobs.c.attempt == attempt)
        return job

    def _select(self, *chosen: sa.ColumnElement[bool]) -> list[Job]:
        query = sa.select(jobs).where(*chosen).order_by(jobs.c.booked_at, jobs.c.idem, jobs.c.attempt)
        with self.ledger.reading() as connection:
            return [job_of(row) for row in connection.execute(query).mappings()]


@contextmanager
def open_book(ledger_url: str, clock: Callable[[], float] = time.time) -> Generator[TrainingBook]:
    """The book of a ledger. Raises `SettingsError` if there is no such database."""
    ledger = Ledger(ledger_url)
    try:
        yield TrainingBook(ledger, clock)
    finally:
        ledger.close()
