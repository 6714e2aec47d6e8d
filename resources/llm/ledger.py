"""The ledger: every model call that was ever paid for, committed before its answer is used.

SQLite in WAL mode by default, Postgres by its SQLAlchemy URL. A commit is on disk when it returns, so that neither kill
-9 nor a power cut repeats more than what was in flight.
"""

import threading
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from resources.errors import RaftlineError, without_password
from resources.llm.ledger_rows import Entry, answer_row, answers_of, call_row, missing_sources, windows
from resources.llm.ledger_schema import answers, calls, claims, connect, create_missing, sources
from resources.llm.request import Completion, Request

SPEND_SCHEMA = pa.schema(
    [
        ("stage", pa.string()),
        ("model", pa.string()),
        ("day", pa.string()),
        ("calls", pa.int64()),
        ("prompt_tokens", pa.int64()),
        ("cached_tokens", pa.int64()),
        ("completion_tokens", pa.int64()),
        ("cost", pa.float64()),
        ("not_real", pa.int64()),
    ]
)


class LedgerError(RaftlineError):
    """The ledger cannot be read or written: a full disk, a read-only file, a database that went away."""


@dataclass(frozen=True)
class ErasedCalls:
    """What an erasure removed: recorded bodies, and the paid calls that are marked as erased."""

    bodies: int
    calls: int


class Ledger:
    """Looks calls up by key and records them. Safe for threads; processes share it through the database."""

    def __init__(self, url: str):
        """Raises `SettingsError` if there is no such database, no driver for it, or its ledger is of another version."""
        self.url = url
        self._engine = connect(url)
        self._writer = self._engine.execution_options(writes=True)
        self._noter = self._engine.execution_options(writes=True, synchronous="NORMAL")
        self._lock = threading.Lock()
        in_memory = isinstance(self._engine.pool, sa.StaticPool)
        self._reading: Any = self._lock if in_memory else nullcontext()

    @property
    def dialect(self) -> str:
        return self._engine.dialect.name

    def find(self, requests: Sequence[Request]) -> dict[str, Completion]:
        """The recorded answers of those requests that have one, by key, marked as cached."""
        with self.reading() as connection:
            return answers_of(connection, {request.key for request in requests})

    def record(self, entries: Iterable[Entry]) -> dict[str, Completion]:
        """Commits finished calls, gives up their claims, and returns the answers that stand, by key.

        A key that another process recorded first keeps its first answer, and that one is returned; both were paid.
        What was lost is entered as paid only.
        """
        paid = list(entries)
        if not paid:
            return {}
        fresh = {entry.request.key: entry for entry in paid if not entry.lost}
        now = datetime.now(UTC)
        with self.writing() as connection:
            written: set[str] = set()
            for window in windows(paid):
                connection.execute(calls.insert(), [call_row(entry, now) for entry in window])
            for window in windows(list(fresh.values())):
                rows = [answer_row(entry) for entry in window]
                written |= set(connection.scalars(self.insert_new(answers).returning(answers.c.key), rows))
                connection.execute(claims.delete().where(claims.c.key.in_([e.request.key for e in window])))
            self._attribute(connection, [entry.request for entry in paid])
            standing = answers_of(connection, fresh.keys() - written)
        return {key: standing.get(key, entry.completion) for key, entry in fresh.items()}

    def attribute(self, requests: Sequence[Request]) -> None:
        """Records which document versions the requests' texts came from, whether they were called or found."""
        with self.reading() as connection:
            missing = missing_sources(connection, requests)
        if missing:
            with self.writing() as connection:
                connection.execute(self.insert_new(sources), missing)

    def spend(self) -> pa.Table:
        """Calls, tokens and cost (USD) by stage (role), model and day (UTC): what the spend mart reads.

        `not_real` of the calls were answered by an emulator. Erased calls are counted: they were paid.
        """
        model = (calls.c.provider + "/" + calls.c.model).label("model")
        query = sa.select(
            calls.c.role.label("stage"),
            model,
            calls.c.day,
            sa.func.count().label("calls"),
            sa.func.sum(calls.c.prompt_tokens).label("prompt_tokens"),
            sa.func.sum(calls.c.cached_tokens).label("cached_tokens"),
            sa.func.sum(calls.c.completion_tokens).label("completion_tokens"),
            sa.func.sum(calls.c.cost).label("cost"),
            sa.func.sum(sa.case((calls.c.real, 0), else_=1)).label("not_real"),
        ).group_by(calls.c.role, model, calls.c.day)
        with self.reading() as connection:
            rows = [dict(row) for row in connection.execute(query).mappings()]
        # Sorted here: databases collate names differently.
        rows.sort(key=lambda row: (row["stage"], row["model"], row["day"]))
        return pa.Table.from_pylist(rows, schema=SPEND_SCHEMA)

    def spent(self, run_id: str | None = None, month: str | None = None) -> float:
        """USD paid: in all, by one run, or in one month (UTC, `2026-11`)."""
        query = sa.select(sa.func.coalesce(sa.func.sum(calls.c.cost), 0.0))
        if run_id is not None:
            query = query.where(calls.c.run_id == run_id)
        if month is not None:
            query = query.where(calls.c.day.between(f"{month}-01", f"{month}-31"))
        with self.reading() as connection:
            return float(connection.scalar(query) or 0.0)

    def erase(self, document_versions: Iterable[str]) -> ErasedCalls:
        """Removes what was said in calls that quoted these document versions; keeps key, tokens, cost and date.

        Embeddings are calls too. An erased call answers nothing any more: an equal request is paid again. On SQLite no
        byte of the removed texts is left in the files; on Postgres none is left in the tables.
        """
        wanted = sorted(set(document_versions))
        now = datetime.now(UTC)
        bodies = marked = 0
        with self.writing() as connection:
            for window in windows(wanted):
                linked = sa.select(sources.c.key).where(sources.c.document_version.in_(window))
                removed = connection.execute(answers.delete().where(answers.c.key.in_(linked)))
                erased = calls.update().where(calls.c.key.in_(linked), calls.c.erased_at.is_(None))
                bodies += removed.rowcount
                marked += connection.execute(erased.values(erased_at=now)).rowcount
        self._compact()
        return ErasedCalls(bodies, marked)

    @contextmanager
    def reading(self) -> Generator[sa.Connection]:
        """A connection to read from. Raises `LedgerError`."""
        with self._explained("read"), self._reading, self._engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self, lasting: bool = True) -> Generator[sa.Connection]:
        """A transaction, committed at the end. One at a time in this process. Raises `LedgerError`.

        Its commit is on disk when it returns, unless it need not last: a power cut ends whoever made a claim, too.
        """
        writer = self._writer if lasting else self._noter
        with self._explained("written"), self._lock, writer.begin() as connection:
            yield connection

    def insert_new(self, table: sa.Table) -> Any:
        """An insert that leaves rows alone which another process wrote first."""
        dialect = postgresql if self.dialect == "postgresql" else sqlite
        return dialect.insert(table).on_conflict_do_nothing()

    def add_tables(self, metadata: sa.MetaData) -> None:
        """Makes the tables of another book in this database, where they are missing."""
        with self._explained("prepared"):
            create_missing(self._engine, metadata)

    def close(self) -> None:
        self._engine.dispose()

    def _attribute(self, connection: sa.Connection, requests: Sequence[Request]) -> None:
        missing = missing_sources(connection, requests)
        if missing:
            connection.execute(self.insert_new(sources), missing)

    def _compact(self) -> None:
        """Rewrites the files, so that what was deleted is in none of their free pages and in no log."""
        with self._explained("compacted"), self._lock:
            connection = self._engine.raw_connection()
            try:
                busy = _COMPACTORS[self.dialect](connection.driver_connection)
            finally:
                connection.invalidate()
        if busy:
            raise LedgerError(
                without_password(
                    f"the ledger at {self.url} is in use: the texts are removed, but its log may still hold them. "
                    "Stop what uses it and erase again"
                )
            )

    @contextmanager
    def _explained(self, what: str) -> Generator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            reason = str(getattr(error, "orig", None) or error).strip().split("\n")[0]
            raise LedgerError(
                without_password(
                    f"the ledger at {self.url} cannot be {what}: {reason}. Everything recorded before is safe; at most "
                    "what was in flight is paid again. Make room or mend access, then run again"
                )
            ) from error


def _compact_sqlite(connection: Any) -> bool:
    """True if a reader kept the log from being emptied."""
    log = "PRAGMA wal_checkpoint(TRUNCATE)"
    connection.execute(log)
    connection.execute("VACUUM")
    return bool(connection.execute(log).fetchone()[0])


def _compact_postgres(connection: Any) -> bool:
    connection.rollback()
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f"VACUUM FULL {answers.name}")
    return False


_COMPACTORS = {"sqlite": _compact_sqlite, "postgresql": _compact_postgres}
