"""The ledger's tables, and opening a database for them: created if it is empty, refused if it is not ours.

`calls` is the account of money: one row per paid call, never deleted. `answers` is what can answer a request again.
Erasing takes rows out of `answers`; what was paid stays in `calls`. Postgres or SQLite; only the clock differs.
"""

import sqlite3
import time
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import ArgumentError, IntegrityError, OperationalError, ProgrammingError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from resources.errors import SettingsError, without_password

VERSION = 2
"""Of these tables. A ledger of another version is refused, in words."""

DATABASES = ("sqlite", "postgresql")
"""What the statements are written for."""

_WAL_ATTEMPTS = 200
"""To make a new SQLite database write ahead, a twentieth of a second apart."""

_metadata = sa.MetaData()
version = sa.Table("ledger_version", _metadata, sa.Column("version", sa.Integer, primary_key=True))

calls = sa.Table(
    "calls",
    _metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("key", sa.String(64), nullable=False, index=True),
    sa.Column("run_id", sa.String(80), nullable=False, index=True),
    sa.Column("role", sa.String(40), nullable=False),
    sa.Column("provider", sa.String(80), nullable=False),
    sa.Column("endpoint", sa.String(400), nullable=False),
    sa.Column("model", sa.String(200), nullable=False),
    sa.Column("served_model", sa.String(200), nullable=False),
    sa.Column("request_id", sa.String(200), nullable=False),
    sa.Column("batch_id", sa.String(200), nullable=False),
    sa.Column("prompt_version", sa.String(80), nullable=False),
    sa.Column("finish_reason", sa.String(40), nullable=False),
    sa.Column("prompt_tokens", sa.Integer, nullable=False),
    sa.Column("cached_tokens", sa.Integer, nullable=False),
    sa.Column("completion_tokens", sa.Integer, nullable=False),
    sa.Column("cost", sa.Float, nullable=False),
    sa.Column("seconds", sa.Float, nullable=False),
    sa.Column("real", sa.Boolean, nullable=False),
    sa.Column("day", sa.String(10), nullable=False, index=True),
    sa.Column("finished_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("erased_at", sa.DateTime(timezone=True)),
)
answers = sa.Table(
    "answers",
    _metadata,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("request", sa.Text, nullable=False),
    sa.Column("response", sa.Text, nullable=False),
    sa.Column("finish_reason", sa.String(40), nullable=False),
    sa.Column("prompt_tokens", sa.Integer, nullable=False),
    sa.Column("cached_tokens", sa.Integer, nullable=False),
    sa.Column("completion_tokens", sa.Integer, nullable=False),
    sa.Column("cost", sa.Float, nullable=False),
    sa.Column("served_model", sa.String(200), nullable=False),
    sa.Column("request_id", sa.String(200), nullable=False),
    sa.Column("real", sa.Boolean, nullable=False),
)
sources = sa.Table(
    "call_sources",
    _metadata,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("document_version", sa.String(140), primary_key=True, index=True),
)
owners = sa.Table(
    "claim_owners",
    _metadata,
    sa.Column("owner", sa.String(40), primary_key=True),
    sa.Column("host", sa.String(200), nullable=False),
    sa.Column("process", sa.Integer, nullable=False),
    sa.Column("started", sa.String(40), nullable=False),
    sa.Column("expires_at", sa.Float, nullable=False),
)
claims = sa.Table(
    "claims",
    _metadata,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("owner", sa.String(40), nullable=False, index=True),
)
batches = sa.Table(
    "batches",
    _metadata,
    sa.Column("key_hash", sa.String(64), primary_key=True),
    sa.Column("endpoint", sa.String(400), nullable=False),
    sa.Column("model", sa.String(200), nullable=False),
    sa.Column("batch_id", sa.String(200), nullable=False),
    sa.Column("status", sa.String(40), nullable=False),
    sa.Column("planned_at", sa.DateTime(timezone=True), nullable=False),
)
batch_lines = sa.Table(
    "batch_lines",
    _metadata,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("key_hash", sa.String(64), nullable=False, index=True),
)


def connect(url: str) -> sa.Engine:
    """An engine on a ledger of this version. Raises `SettingsError` if there is none and none can be made."""
    try:
        return _connect(url)
    except (SQLAlchemyError, ImportError, OSError) as error:
        reason = str(getattr(error, "orig", error)).strip().split("\n")[0]
        raise SettingsError(without_password(f"ledger_url {url} cannot be used: {reason}")) from error


def clock(dialect: str) -> sa.ColumnElement[float]:
    """The database's own time in seconds, so that the clocks of two machines need not agree."""
    if dialect == "postgresql":
        return sa.cast(sa.func.extract("epoch", sa.func.clock_timestamp()), sa.Float)
    return (sa.func.julianday("now", type_=sa.Float) - 2440587.5) * 86400.0


def _connect(url: str) -> sa.Engine:
    address = sa.make_url(url)
    if address.get_backend_name() not in DATABASES:
        raise ArgumentError(f"it must be one of {', '.join(DATABASES)}")
    postgres = address.get_backend_name() == "postgresql"
    # A server closes connections that were idle for long.
    engine = sa.create_engine(url, pool_pre_ping=True) if postgres else _sqlite(address)
    try:
        _prepare(engine)
    except BaseException as error:
        engine.dispose()
        if isinstance(error, _OtherVersion):
            raise SettingsError(without_password(f"ledger_url {url}: {error}")) from error
        raise
    return engine


def _sqlite(address: sa.URL) -> sa.Engine:
    # A database in memory lives as long as its one connection, which all threads then share.
    if address.database in (None, "", ":memory:"):
        engine = sa.create_engine(address, poolclass=StaticPool, connect_args={"check_same_thread": False})
    else:
        Path(address.database).parent.mkdir(parents=True, exist_ok=True)
        engine = sa.create_engine(address)
    event.listen(engine, "connect", _set_up_connection)
    event.listen(engine, "begin", _begin)
    return engine


class _OtherVersion(Exception):
    """The database holds a ledger that this version does not read."""


def _prepare(engine: sa.Engine) -> None:
    found = set(sa.inspect(engine).get_table_names())
    if version.name not in found:
        if "calls" in found:
            raise _OtherVersion(
                "this ledger was written by an older raftline whose tables differ. Keep it for its records, and set "
                "ledger_url to a new database (or move the file away); the calls are then made again"
            )
        _create(engine)
    with engine.connect() as connection:
        written = connection.scalar(sa.select(sa.func.max(version.c.version)))
    if written != VERSION:
        raise _OtherVersion(
            f"this ledger has version {written}, and this raftline reads version {VERSION}. "
            "Use the raftline that wrote it, or set ledger_url to another database"
        )


def _create(engine: sa.Engine) -> None:
    """Makes the tables; of several processes that try at once, all succeed."""
    for attempt in range(5):
        try:
            with engine.execution_options(writes=True).begin() as connection:
                _metadata.create_all(connection)
                if connection.scalar(sa.select(sa.func.count()).select_from(version)) == 0:
                    connection.execute(version.insert().values(version=VERSION))
            return
        except (IntegrityError, ProgrammingError, OperationalError) as error:
            if attempt == 4 or ("already exists" not in str(error) and not isinstance(error, IntegrityError)):
                raise


def create_missing(engine: sa.Engine, metadata: sa.MetaData) -> None:
    """Makes the tables that are missing; of several processes that try at once, all succeed."""
    for attempt in range(5):
        if set(metadata.tables) <= set(sa.inspect(engine).get_table_names()):
            return
        try:
            with engine.execution_options(writes=True).begin() as connection:
                metadata.create_all(connection)
        except (IntegrityError, ProgrammingError, OperationalError) as error:
            if attempt == 4 or ("already exists" not in str(error) and not isinstance(error, IntegrityError)):
                raise


def _set_up_connection(connection: Any, _record: object) -> None:
    # The driver would begin transactions by itself, and deferred: two writers that both read first could never
    # wait for each other. `_begin` begins them.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout=30000")
    _write_ahead(cursor)
    cursor.execute("PRAGMA secure_delete=ON")
    cursor.close()


def _write_ahead(cursor: Any) -> None:
    # Of several connections that change the mode of a new database at once, SQLite refuses some without waiting.
    for attempt in range(_WAL_ATTEMPTS):
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or attempt == _WAL_ATTEMPTS - 1:
                raise
            time.sleep(0.05)


def _begin(connection: sa.Connection) -> None:
    options = connection.get_execution_options()
    if not options.get("writes"):
        connection.exec_driver_sql("BEGIN")
        return
    connection.exec_driver_sql(f"PRAGMA synchronous={options.get('synchronous', 'FULL')}")
    connection.exec_driver_sql("BEGIN IMMEDIATE")
