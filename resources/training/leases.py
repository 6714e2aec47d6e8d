"""Leases: who is about to submit a job, so that two processes never submit one specification at once.

A lease is renewed by a thread while its holder lives. That of a process that is gone from this machine, or that ran out
on another, goes to whoever asks next.
"""

import threading
import time
import uuid
from collections.abc import Callable, Generator
from contextlib import contextmanager

import sqlalchemy as sa

from resources.errors import RaftlineError
from resources.llm.claims import process_here, started_at
from resources.llm.ledger import Ledger, LedgerError
from resources.llm.ledger_schema import clock
from resources.training.book_tables import leases

LEASE_SECONDS = 60.0
"""How long the lease of a process on another machine outlives it. It is renewed three times as often."""

RETRY_SECONDS = 0.5


class LeaseTaken(RaftlineError):
    """Another process is at work on the same thing, and did not end in time."""


@contextmanager
def hold(
    ledger: Ledger,
    name: str,
    patience: float,
    lease: float = LEASE_SECONDS,
    sleep: Callable[[float], None] = time.sleep,
) -> Generator[None]:
    """Holds a lease in the block. Waits up to `patience` seconds for who has it; raises `LeaseTaken` after that."""
    owner = uuid.uuid4().hex
    waited = 0.0
    while not _take(ledger, name, owner, lease):
        if waited >= patience:
            raise LeaseTaken(f"another process is at work on {name}")
        sleep(RETRY_SECONDS)
        waited += RETRY_SECONDS
    over = threading.Event()
    beat = threading.Thread(target=_renew, args=(ledger, name, owner, lease, over), daemon=True)
    beat.start()
    try:
        yield
    finally:
        over.set()
        beat.join()
        with ledger.writing(lasting=False) as connection:
            connection.execute(leases.delete().where(leases.c.name == name, leases.c.owner == owner))


def held(ledger: Ledger, name: str) -> bool:
    """Whether a living process holds a lease."""
    with ledger.reading() as connection:
        return _holder(connection, name, ledger.dialect)[1]


def _take(ledger: Ledger, name: str, owner: str, lease: float) -> bool:
    here = process_here()
    with ledger.writing(lasting=False) as connection:
        holder, alive = _holder(connection, name, ledger.dialect)
        if alive:
            return False
        # Of two who find the same dead holder, the second removes nothing and inserts nothing.
        connection.execute(leases.delete().where(leases.c.name == name, leases.c.owner == holder))
        new = ledger.insert_new(leases).values(
            name=name,
            owner=owner,
            host=here.host,
            process=here.number,
            started=here.started,
            expires_at=clock(ledger.dialect) + lease,
        )
        return bool(connection.execute(new).rowcount)


def _holder(connection: sa.Connection, name: str, dialect: str) -> tuple[str, bool]:
    """Who has a lease, and whether that process lives."""
    query = sa.select(leases, (leases.c.expires_at < clock(dialect)).label("expired")).where(leases.c.name == name)
    row = connection.execute(query).first()
    if row is None:
        return "", False
    gone = row.host == process_here().host and started_at(row.process) != row.started
    return row.owner, not (row.expired or gone)


def _renew(ledger: Ledger, name: str, owner: str, lease: float, over: threading.Event) -> None:
    renewed = leases.update().where(leases.c.name == name, leases.c.owner == owner)
    while not over.wait(lease / 3):
        try:
            with ledger.writing(lasting=False) as connection:
                connection.execute(renewed.values(expires_at=clock(ledger.dialect) + lease))
        except LedgerError:
            continue  # it is tried again before the lease runs out
