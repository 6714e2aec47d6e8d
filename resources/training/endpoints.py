"""The book of endpoints: what was brought up, for whom, until when and at what price; in the ledger's database.

An intent is written before a service is asked to create anything and the handle right after, so that whatever a crash
leaves behind has a row, and the sweeper takes it down.
"""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

import sqlalchemy as sa

from resources.hashing import canonical_json, short_id, storable
from resources.llm.ledger import Ledger
from resources.training.serving import DeploymentFailed, EndpointHandle

INTENT = "intent"
UP = "up"
REMOVING = "removing"
REMOVED = "removed"
BookedState = Literal["intent", "up", "removing", "removed"]

_MODEL_ID, _OWNER = 120, 200
"""Most characters of these columns, which Postgres insists on."""

_metadata = sa.MetaData()
endpoints = sa.Table(
    "endpoints",
    _metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("name", sa.String(120), nullable=False, index=True),
    sa.Column("backend", sa.String(80), nullable=False),
    sa.Column("model_id", sa.String(_MODEL_ID), nullable=False),
    sa.Column("purpose", sa.String(20), nullable=False),
    sa.Column("owner", sa.String(_OWNER), nullable=False),
    sa.Column("run_id", sa.String(80), nullable=False),
    sa.Column("created_at", sa.String(40), nullable=False),
    sa.Column("expires_at", sa.String(40)),
    sa.Column("removed_at", sa.String(40)),
    sa.Column("usd_per_hour", sa.Float),
    sa.Column("state", sa.String(20), nullable=False, index=True),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("handle", sa.Text, nullable=False),
)
pointer = sa.Table(
    "serving_endpoint",
    _metadata,
    sa.Column("place", sa.Integer, primary_key=True),
    sa.Column("booking", sa.String(32), nullable=False),
)


@dataclass(frozen=True)
class Booking:
    """One life of an endpoint. Of an intent the handle holds what is about to be created; `run_id` is empty for none."""

    id: str
    handle: EndpointHandle
    owner: str
    run_id: str
    state: BookedState
    message: str = ""
    removed_at: datetime | None = None

    @property
    def created_at(self) -> datetime:
        return self.handle.created_at or datetime.min.replace(tzinfo=UTC)

    @property
    def found(self) -> bool:
        """Whether it was found at its service, and is not known to be of a run of this home: another home's, perhaps."""
        return self.state == UP and not self.run_id

    def usd(self, now: datetime, since: datetime | None = None) -> float | None:
        """What it cost until now, or of that what fell after `since`; None while its price is not known."""
        if self.handle.usd_per_hour is None:
            return None
        start, end = max(self.created_at, since or self.created_at), min(self.removed_at or now, now)
        return max(0.0, (end - start).total_seconds()) / 3600 * self.handle.usd_per_hour


def utc_now() -> datetime:
    return datetime.now(UTC)


class EndpointBook:
    """Every endpoint of this home. Safe for threads; processes share it through the database. Raises `LedgerError`."""

    def __init__(self, ledger_url: str, clock: Callable[[], datetime] = utc_now):
        """Raises `SettingsError` if there is no such database."""
        self.clock = clock
        self._ledger = Ledger(ledger_url)
        self._ledger.add_tables(_metadata)

    def intend(self, handle: EndpointHandle, owner: str, run_id: str) -> Booking:
        """Books an endpoint that is about to be created; one of this name that is booked already goes on as it is."""
        known = self.find(handle.backend, handle.name)
        if known:
            return known
        return self._add(replace(handle, created_at=handle.created_at or self.clock()), owner, run_id, INTENT)

    def up(self, handle: EndpointHandle, owner: str = "", run_id: str = "") -> Booking:
        """Books what a service said of an endpoint: of one intended, renewed, or found there without a booking."""
        known = self.find(handle.backend, handle.name)
        if known is None:
            return self._add(replace(handle, created_at=handle.created_at or self.clock()), owner, run_id, UP)
        told = replace(handle, created_at=handle.created_at or known.handle.created_at)
        state = known.state if known.state == REMOVING else UP
        return self._change(known, {**_columns(told), "state": state})

    def note(self, booking: Booking, state: BookedState, message: str = "") -> Booking:
        """Books that an endpoint is being removed, or is gone; and what the service said last."""
        gone = _text(self.clock()) if state == REMOVED else None
        return self._change(booking, {"state": state, "message": storable(message), "removed_at": gone})

    def find(self, backend: str, name: str) -> Booking | None:
        """The booking of an endpoint that is not removed."""
        return next((one for one in self.bookings(backend) if one.handle.name == name), None)

    def bookings(self, backend: str = "", everything: bool = False) -> list[Booking]:
        """The endpoints that are not removed, or all there ever were, oldest first."""
        query = sa.select(endpoints).order_by(endpoints.c.created_at, endpoints.c.name)
        if backend:
            query = query.where(endpoints.c.backend == backend)
        if not everything:
            query = query.where(endpoints.c.state != REMOVED)
        with self._ledger.reading() as connection:
            return [_booking(dict(row)) for row in connection.execute(query).mappings()]

    def of_run(self, run_id: str) -> list[Booking]:
        """Every endpoint that a run brought up, gone or not."""
        return [booking for booking in self.bookings(everything=True) if booking.run_id == run_id]

    def spent(self, since: datetime | None = None) -> float:
        """USD that endpoints cost so far, or since then; those whose price is not known are left out."""
        return endpoints_cost(self._ledger, since, self.clock())

    def serving(self) -> EndpointHandle | None:
        """The champion's endpoint; None while nothing is kept deployed."""
        query = sa.select(endpoints).join(pointer, pointer.c.booking == endpoints.c.id)
        with self._ledger.reading() as connection:
            row = connection.execute(query.where(endpoints.c.state != REMOVED)).mappings().first()
        return _booking(dict(row)).handle if row else None

    def serve_by(self, handle: EndpointHandle | None) -> None:
        """Points to the champion's endpoint, which must be booked as up, or to none."""
        booking = self.find(handle.backend, handle.name) if handle else None
        if handle and booking is None:
            raise DeploymentFailed(f"endpoint {handle.name} is not booked; it cannot be the champion's")
        with self._ledger.writing() as connection:
            connection.execute(pointer.delete())
            if booking:
                connection.execute(pointer.insert().values(place=1, booking=booking.id))

    def close(self) -> None:
        self._ledger.close()

    def _add(self, handle: EndpointHandle, owner: str, run_id: str, state: BookedState) -> Booking:
        """A new life of an endpoint. Of two processes that find the same one at once, both get the one booking."""
        row = {"owner": owner[:_OWNER], "run_id": run_id, "state": state, "message": "", **_columns(handle)}
        over = (
            sa.select(sa.func.count())
            .select_from(endpoints)
            .where(endpoints.c.backend == handle.backend, endpoints.c.name == handle.name, endpoints.c.state == REMOVED)
        )
        with self._ledger.writing() as connection:
            row["id"] = short_id(handle.backend, handle.name, connection.scalar(over))
            connection.execute(self._ledger.insert_new(endpoints).values(row))
            booked = connection.execute(sa.select(endpoints).where(endpoints.c.id == row["id"])).mappings().one()
        return _booking(dict(booked))

    def _change(self, booking: Booking, values: dict[str, Any]) -> Booking:
        with self._ledger.writing() as connection:
            connection.execute(endpoints.update().where(endpoints.c.id == booking.id).values(values))
            row = connection.execute(sa.select(endpoints).where(endpoints.c.id == booking.id)).mappings().one()
        return _booking(dict(row))


def endpoints_cost(ledger: Ledger, since: datetime | None, now: datetime) -> float:
    """USD that the endpoints of a ledger cost until now, or since then; without those whose price is not known."""
    ledger.add_tables(_metadata)
    query = sa.select(endpoints).where(endpoints.c.usd_per_hour > 0)
    if since:
        query = query.where(sa.or_(endpoints.c.removed_at.is_(None), endpoints.c.removed_at > _text(since)))
    with ledger.reading() as connection:
        found = [_booking(dict(row)) for row in connection.execute(query).mappings()]
    return math.fsum(booking.usd(now, since) or 0.0 for booking in found)


def _columns(handle: EndpointHandle) -> dict[str, Any]:
    return {
        "name": handle.name,
        "backend": handle.backend,
        "model_id": storable(handle.model_id)[:_MODEL_ID],  # a tag, which anybody may have written
        "purpose": handle.purpose,
        "created_at": _text(handle.created_at),
        "expires_at": _text(handle.expires_at),
        "usd_per_hour": handle.usd_per_hour,
        "handle": storable(
            canonical_json(
                vars(handle)
                | {
                    "created_at": _text(handle.created_at),
                    "expires_at": _text(handle.expires_at),
                    "details": dict(handle.details),
                }
            )
        ),
    }


def _booking(row: dict[str, Any]) -> Booking:
    fields = json.loads(row["handle"])
    times = {"created_at": _time(fields["created_at"]), "expires_at": _time(fields["expires_at"])}
    handle = EndpointHandle(**(fields | times))
    return Booking(
        row["id"], handle, row["owner"], row["run_id"], row["state"], row["message"], _time(row["removed_at"])
    )


def _text(moment: datetime | None) -> str | None:
    """A time as it is stored: UTC, of one width, so that texts order like times."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds") if moment else None


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
