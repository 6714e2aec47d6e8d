"""Claims: who is about to pay for a key, so that two processes on one ledger never pay for the same one.

A claim belongs to an owner with a lease. The lease of a living owner is renewed by its heartbeat; the claims of an owner
whose lease ran out, or whose process on this machine is gone, go to whoever asks next.
"""

import os
import socket
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import sqlalchemy as sa

from resources.llm.ledger import Ledger
from resources.llm.ledger_rows import answers_of, windows
from resources.llm.ledger_schema import claims, clock, owners
from resources.llm.request import Completion

LEASE_SECONDS = 30.0
"""How long the claims of a process on another machine outlive it. A heartbeat comes three times as often."""

FORGOTTEN_SECONDS = 86400.0
"""How long the row of an owner without a lease is kept."""


@dataclass(frozen=True)
class Taken:
    """What became of wanted keys: answered by now, ours to pay, or about to be paid by somebody else."""

    answered: dict[str, Completion]
    ours: frozenset[str]
    others: frozenset[str]


class Claims:
    """The claims of one owner on one ledger. For one thread."""

    def __init__(self, ledger: Ledger, lease: float = LEASE_SECONDS):
        self._ledger = ledger
        self._lease = lease
        self._owner = uuid.uuid4().hex
        self._known = False

    def take(self, keys: Collection[str]) -> Taken:
        """Claims the keys that nobody claims and nobody answered."""
        with self._ledger.writing(lasting=False) as connection:
            self._beat(connection)
            ours: set[str] = set()
            for window in windows(sorted(keys)):
                new = self._ledger.insert_new(claims).returning(claims.c.key)
                ours |= set(connection.scalars(new, [{"key": key, "owner": self._owner} for key in window]))
            ours |= self._inherit(connection, sorted(set(keys) - ours))
            # Looked up after the claim: an answer may have been recorded, and its claim dropped, in between.
            answered = answers_of(connection, keys)
            self._drop(connection, sorted(ours & answered.keys()))
        ours -= answered.keys()
        return Taken(answered, frozenset(ours), frozenset(set(keys) - ours - answered.keys()))

    def release(self, keys: Collection[str]) -> None:
        """Gives up claims whose calls brought nothing, for others to try."""
        if keys:
            with self._ledger.writing(lasting=False) as connection:
                self._drop(connection, sorted(keys))

    def beat(self) -> None:
        """Renews the lease."""
        if self._known:
            with self._ledger.writing(lasting=False) as connection:
                self._beat(connection)

    def close(self) -> None:
        """Gives up everything."""
        if self._known:
            with self._ledger.writing(lasting=False) as connection:
                connection.execute(claims.delete().where(claims.c.owner == self._owner))
                connection.execute(owners.delete().where(owners.c.owner == self._owner))
            self._known = False

    def _beat(self, connection: sa.Connection) -> None:
        now = clock(self._ledger.dialect)
        renewed = owners.update().where(owners.c.owner == self._owner).values(expires_at=now + self._lease)
        if connection.execute(renewed).rowcount:
            return
        here = process_here()
        connection.execute(
            owners.insert().values(
                owner=self._owner,
                host=here.host,
                process=here.number,
                started=here.started,
                expires_at=now + self._lease,
            )
        )
        forgotten = sa.select(owners.c.owner).where(owners.c.expires_at < now - FORGOTTEN_SECONDS)
        connection.execute(claims.delete().where(claims.c.owner.in_(forgotten)))
        connection.execute(owners.delete().where(owners.c.expires_at < now - FORGOTTEN_SECONDS))
        self._known = True

    def _inherit(self, connection: sa.Connection, keys: Sequence[str]) -> set[str]:
        """Takes over what dead owners claimed."""
        holders: set[str] = set()
        for window in windows(keys):
            holders |= set(connection.scalars(sa.select(claims.c.owner).where(claims.c.key.in_(window)).distinct()))
        dead = sorted(holder for holder in holders - {self._owner} if self._is_dead(connection, holder))
        inherited: set[str] = set()
        for window in windows(keys if dead else []):
            theirs = claims.update().where(claims.c.key.in_(window), claims.c.owner.in_(dead))
            inherited |= set(connection.scalars(theirs.values(owner=self._owner).returning(claims.c.key)))
        return inherited

    def _is_dead(self, connection: sa.Connection, owner: str) -> bool:
        query = sa.select(owners, (owners.c.expires_at < clock(self._ledger.dialect)).label("expired"))
        row = connection.execute(query.where(owners.c.owner == owner)).first()
        if row is None or row.expired:
            return True
        here = process_here()
        return row.host == here.host and started_at(row.process) != row.started

    def _drop(self, connection: sa.Connection, keys: Sequence[str]) -> None:
        for window in windows(keys):
            connection.execute(claims.delete().where(claims.c.key.in_(window), claims.c.owner == self._owner))


@dataclass(frozen=True)
class LocalProcess:
    """A process of this machine, told apart from a later one with the same number by when it started."""

    host: str
    number: int
    started: str


def process_here() -> LocalProcess:
    """This process."""
    return LocalProcess(_host(), os.getpid(), started_at(os.getpid()))


def started_at(process: int) -> str:
    """When a process of this machine started, in the kernel's own words; empty if there is none or it is a zombie."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return "" if Path("/proc/self/stat").exists() else _alive(process)
    return "" if fields[0] in ("Z", "X") else fields[19]


def _alive(process: int) -> str:
    """The same where there is no /proc: only that it lives."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        return "alive"
    return "alive"


@cache
def _host() -> str:
    """This machine since it was started, and this space of process numbers: containers share neither."""
    parts = [socket.gethostname()]
    for file in ("/proc/sys/kernel/random/boot_id", "/proc/self/ns/pid"):
        path = Path(file)
        if path.exists():
            parts.append(str(path.readlink()) if path.is_symlink() else path.read_text(encoding="utf-8").strip())
    return "/".join(parts)[:200]
