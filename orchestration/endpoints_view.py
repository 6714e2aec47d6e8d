"""What `raftline endpoints` prints: the book as a table or as one JSON object."""

from contextlib import closing
from datetime import datetime, timedelta
from typing import Any

from orchestration.console import counted, say, table
from resources.training.endpoints import Booking, EndpointBook
from resources.training.resource import TrainersResource
from resources.training.sweeping import Sweep, out_of_reach


def show_endpoints(
    bookings: list[Booking], spent: float, now: datetime, champion: str, done: Sweep | None, hosted: list[str]
) -> None:
    """`champion` names the endpoint that serves it; `hosted` are the backends that can be swept."""
    if done:
        for booking in done.removed:
            say(f"taken down: {booking.handle.name} ({booking.handle.backend})")
        for line in done.spared:
            say(line, "yellow")
    if bookings:
        table(
            ("name", "backend", "model", "purpose", "state", "age", "cost so far", "expires", "the service said"),
            [_cells(booking, now, champion) for booking in bookings],
        )
    else:
        say("no endpoints")
    say(f"All endpoints so far: {spent:.2f} USD")
    for problem in out_of_reach(bookings, hosted):
        say(problem, "yellow")


def show_standing(trainers: TrainersResource) -> None:
    """One line for `raftline status`; nothing while no hosted backend is configured."""
    if not trainers.hosted():
        return
    with closing(EndpointBook(trainers.ledger())) as book:
        bookings, spent, now = book.bookings(), book.spent(), book.clock()
    expired = sum(one.handle.expires_at is not None and one.handle.expires_at <= now for one in bookings)
    late = f", {expired} past its expiry" if expired else ""
    say(
        f"\n{counted(len(bookings), 'endpoint')} deployed{late}; {spent:.2f} USD so far: `raftline endpoints` lists them"
    )


def _cells(booking: Booking, now: datetime, champion: str) -> tuple[str, ...]:
    endpoint, usd = booking.handle, booking.usd(now)
    expires = "never" if endpoint.expires_at is None else f"in {_span(endpoint.expires_at - now)}"
    if endpoint.expires_at is not None and endpoint.expires_at <= now:
        expires = f"{_span(now - endpoint.expires_at)} ago"
    purpose = "the champion's" if endpoint.name == champion else endpoint.purpose
    cost = "not known" if usd is None else f"{usd:.2f} USD"
    age = _span(now - booking.created_at)
    return (
        endpoint.name,
        endpoint.backend,
        endpoint.model_id,
        purpose,
        booking.state,
        age,
        cost,
        expires,
        booking.message,
    )


def describe_endpoints(
    bookings: list[Booking], spent: float, now: datetime, champion: str, done: Sweep | None
) -> dict[str, Any]:
    found = [
        {
            "name": booking.handle.name,
            "backend": booking.handle.backend,
            "model_id": booking.handle.model_id,
            "purpose": booking.handle.purpose,
            "serves_champion": booking.handle.name == champion,
            "state": booking.state,
            "message": booking.message,
            "run_id": booking.run_id,
            "created_at": booking.created_at.isoformat(),
            "expires_at": booking.handle.expires_at.isoformat() if booking.handle.expires_at else None,
            "usd_per_hour": booking.handle.usd_per_hour,
            "usd": booking.usd(now),
        }
        for booking in bookings
    ]
    swept = {
        "removed": [booking.handle.name for booking in done.removed] if done else [],
        "not_gone_yet": [booking.handle.name for booking in done.waiting] if done else [],
        "problems": done.problems if done else [],
        "spared": done.spared if done else [],
    }
    return {"endpoints": found, "usd": spent, **({"sweep": swept} if done else {})}


def _span(span: timedelta) -> str:
    """`2 d 3 h`, `3 h 5 min`, `5 min`."""
    minutes = int(span.total_seconds() // 60)
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
