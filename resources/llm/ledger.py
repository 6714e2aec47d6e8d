"""The ledger: every model call that was ever paid for, committed before its answer is used.

SQLite in WAL mode by default, Postgres by its SQLAlchemy URL. kill -9 repeats at most what was in flight.
"""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from resources.errors import SettingsError, without_password
from resources.llm.request import Completion, Request

DATABASES = ("sqlite", "postgresql")
"""What the statements are written for."""

_ROWS = 500
"""Rows and keys in one statement: databases limit its parameters."""

_metadata = sa.MetaData()
_calls = sa.Table(
    "calls",
    _metadata,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("role", sa.String(40), nullable=False, index=True),
    sa.Column("provider", sa.String(80), nullable=False),
    sa.Column("endpoint", sa.String(400), nullable=False),
    sa.Column("model", sa.String(200), nullable=False),
    sa.Column("prompt_version", sa.String(80), nullable=False),
    sa.Column("request", sa.Text, nullable=False),
    sa.Column("response", sa.Text, nullable=False),
    sa.Column("finish_reason", sa.String(40), nullable=False),
    sa.Column("prompt_tokens", sa.Integer, nullable=False),
    sa.Column("completion_tokens", sa.Integer, nullable=False),
    sa.Column("cost", sa.Float, nullable=False),
    sa.Column("seconds", sa.Float, nullable=False),
    sa.Column("finished_at", sa.DateTime(timezone=True), nullable=False),
)
_sources = sa.Table(
    "call_sources",
    _metadata,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("document_version", sa.String(140), primary_key=True, index=True),
)

SPEND_SCHEMA = pa.schema(
    [
        ("stage", pa.string()),
        ("model", pa.string()),
        ("calls", pa.int64()),
        ("prompt_tokens", pa.int64()),
        ("completion_tokens", pa.int64()),
        ("cost", pa.float64()),
    ]
)


@dataclass(frozen=True)
class Entry:
    """One finished call: the request, its answer and how long the provider took (seconds)."""

    request: Request
    completion: Completion
    seconds: float


class Ledger:
    """Looks calls up by key and records them. Safe for threads; processes share it through the database."""

    def __init__(self, url: str):
        """Raises `SettingsError` if there is no such database, no driver for it, or it cannot be reached."""
        self.url = url
        try:
            self._engine = _connect(url)
        except (SQLAlchemyError, ImportError, OSError) as error:
            reason = str(getattr(error, "orig", error)).strip().split("\n")[0]
            raise SettingsError(without_password(f"ledger_url {url} cannot be used: {reason}")) from error
        self._lock = threading.Lock()

    def find(self, requests: Sequence[Request]) -> dict[str, Completion]:
        """The recorded answers of those requests that have one, by key, marked as cached."""
        found: dict[str, Completion] = {}
        keys = sorted({request.key for request in requests})
        with self._engine.connect() as connection:
            for start in range(0, len(keys), _ROWS):
                query = sa.select(
                    _calls.c.key,
                    _calls.c.response,
                    _calls.c.finish_reason,
                    _calls.c.prompt_tokens,
                    _calls.c.completion_tokens,
                    _calls.c.cost,
                ).where(_calls.c.key.in_(keys[start : start + _ROWS]))
                for key, *answer in connection.execute(query):
                    found[key] = Completion(*answer, cached=True)
        return found

    def record(self, entries: Iterable[Entry]) -> dict[str, Completion]:
        """Commits finished calls and returns the answers that stand, by key.

        A key that another process recorded first keeps its first answer, and that one is returned.
        """
        fresh = {entry.request.key: entry for entry in entries}
        now = datetime.now(UTC)
        rows = [_row(entry, now) for entry in fresh.values()]
        with self._lock, self._engine.begin() as connection:
            for start in range(0, len(rows), _ROWS):
                connection.execute(self._insert_new(_calls), rows[start : start + _ROWS])
        self.attribute([entry.request for entry in fresh.values()])
        standing = self.find([entry.request for entry in fresh.values()])
        return {
            key: entry.completion if standing[key].text == entry.completion.text else standing[key]
            for key, entry in fresh.items()
        }

    def attribute(self, requests: Sequence[Request]) -> None:
        """Records which document versions the requests' texts came from, whether they were called or found."""
        wanted = {(request.key, source) for request in requests for source in request.sources}
        keys = sorted({key for key, _ in wanted})
        with self._engine.connect() as connection:
            for start in range(0, len(keys), _ROWS):
                query = sa.select(_sources.c.key, _sources.c.document_version)
                found = connection.execute(query.where(_sources.c.key.in_(keys[start : start + _ROWS])))
                wanted -= {(key, source) for key, source in found}
        if wanted:
            rows = [{"key": key, "document_version": source} for key, source in sorted(wanted)]
            with self._lock, self._engine.begin() as connection:
                connection.execute(self._insert_new(_sources), rows)

    def spend(self) -> pa.Table:
        """Calls, tokens and cost (USD) by stage (role) and model: what the spend mart reads."""
        query = (
            sa.select(
                _calls.c.role,
                (_calls.c.provider + "/" + _calls.c.model).label("model"),
                sa.func.count(),
                sa.func.sum(_calls.c.prompt_tokens),
                sa.func.sum(_calls.c.completion_tokens),
                sa.func.sum(_calls.c.cost),
            )
            .group_by(_calls.c.role, sa.text("model"))
            .order_by(_calls.c.role, sa.text("model"))
        )
        with self._engine.connect() as connection:
            rows = [tuple(row) for row in connection.execute(query)]
        columns = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in SPEND_SCHEMA]
        return pa.table(
            [pa.array(c, field.type) for c, field in zip(columns, SPEND_SCHEMA, strict=True)], schema=SPEND_SCHEMA
        )

    def _insert_new(self, table: sa.Table) -> sa.Insert:
        """An insert that leaves rows alone which another process wrote first."""
        dialect = postgresql if self._engine.dialect.name == "postgresql" else sqlite
        return dialect.insert(table).on_conflict_do_nothing()

    def close(self) -> None:
        self._engine.dispose()


def _connect(url: str) -> sa.Engine:
    if url.startswith("sqlite:///"):
        Path(url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    if sa.make_url(url).get_backend_name() not in DATABASES:
        raise ArgumentError(f"it must be one of {', '.join(DATABASES)}")
    engine = sa.create_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _wal)
    try:
        _metadata.create_all(engine)
    except BaseException:
        engine.dispose()
        raise
    return engine


def _row(entry: Entry, now: datetime) -> dict[str, object]:
    request, completion = entry.request, entry.completion
    return {
        "key": request.key,
        "role": request.role,
        "provider": request.model.provider,
        "endpoint": request.model.endpoint,
        "model": request.model.model,
        "prompt_version": request.prompt_version,
        "request": request.body_json,
        "response": completion.text,
        "finish_reason": completion.finish_reason,
        "prompt_tokens": completion.prompt_tokens,
        "completion_tokens": completion.completion_tokens,
        "cost": completion.cost,
        "seconds": entry.seconds,
        "finished_at": now,
    }


def _wal(connection, _record) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA busy_timeout=30000")
    cursor.close()
