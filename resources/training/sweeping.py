"""The sweep: takes down every endpoint of ours that is past its expiry, booked or found at the service.

It rests on no run: neither a crash nor a lost book keeps an endpoint alive. The champion's serving endpoint is spared.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from resources.training.endpoints import INTENT, REMOVED, REMOVING, UP, Booking, EndpointBook
from resources.training.resource import TrainersResource
from resources.training.serve import take_down
from resources.training.serving import Deployer, EndpointHandle

LAG = timedelta(minutes=15)
"""How long a service may take to list what it has."""


@dataclass
class Sweep:
    """What a sweep did: endpoints that are gone now, or could not be deleted yet; in words, what went wrong, and what
    people should know although nothing is wrong with it.
    """

    removed: list[Booking] = field(default_factory=list)
    waiting: list[Booking] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    spared: list[str] = field(default_factory=list)

    def summary(self) -> str:
        told = [f"{len(self.removed)} endpoints taken down"]
        told += [f"{len(self.waiting)} not gone yet"] if self.waiting else []
        told += [f"{len(self.problems)} problems"] if self.problems else []
        return ", ".join(told)


def sweep(
    trainers: TrainersResource, book: EndpointBook, is_over: Callable[[str], bool] = lambda run_id: False
) -> Sweep:
    """Takes down what is due at every hosted backend; contacts nobody else. A backend's fault is told, and the next one's turn comes.

    `is_over` says of a run's id whether it has ended: its evaluation endpoints need not wait for their expiry.
    """
    done, hosted = Sweep(), trainers.hosted()
    for backend in hosted:
        try:
            _sweep_backend(trainers, backend, book, is_over, done)
        except Exception as error:
            done.problems.append(f"{backend}: {error}")
    done.problems += out_of_reach(book.bookings(), hosted) if hosted else []
    return done


def out_of_reach(bookings: Sequence[Booking], hosted: Sequence[str]) -> list[str]:
    """What is booked at a backend that nobody configures any more, in words: no sweep can take it down."""
    lost = [f"{one.handle.name} ({one.handle.backend})" for one in bookings if one.handle.backend not in hosted]
    if not lost:
        return []
    return [
        f"the backend of {', '.join(lost)} is not configured any more, and what it deployed may still cost money: "
        "configure it again and sweep"
    ]


def _sweep_backend(
    trainers: TrainersResource, backend: str, book: EndpointBook, is_over: Callable[[str], bool], done: Sweep
) -> None:
    deployer = trainers.deployer(backend)
    listed = _listed(deployer, trainers, book, done)
    now = book.clock()
    for booking in book.bookings(backend):
        endpoint = booking.handle
        try:
            # Asked each time, and after the booking was read: a promotion may happen during a sweep.
            if _serves_the_champion(book, endpoint):
                continue
            kept = booking.found and not _has_ended(endpoint, listed, now)
            if not kept and due(booking, now, is_over):
                gone = take_down(book, deployer, endpoint)
                (done.removed if gone else done.waiting).append(booking)
            elif listed is not None and endpoint.name not in listed and now - booking.created_at > LAG:
                _note_if_gone(book, deployer, booking)
        except Exception as error:
            done.waiting.append(booking)
            done.problems.append(f"endpoint {endpoint.name} ({backend}): {error}")


def due(booking: Booking, now: datetime, is_over: Callable[[str], bool]) -> bool:
    """Whether an endpoint that is not the champion's is to go.

    It is half removed, past its expiry, without one (it served a former champion), or an evaluation's whose run has ended.
    """
    expires_at = booking.handle.expires_at
    if booking.state == REMOVING or expires_at is None or expires_at <= now:
        return True
    return booking.handle.purpose == "evaluation" and bool(booking.run_id) and is_over(booking.run_id)


def _serves_the_champion(book: EndpointBook, endpoint: EndpointHandle) -> bool:
    champion = book.serving()
    return champion is not None and (endpoint.backend, endpoint.name) == (champion.backend, champion.name)


def _has_ended(endpoint: EndpointHandle, listed: Sequence[str] | None, now: datetime) -> bool:
    """Whether another home's endpoint is past its end. Unless it was just listed, it may have been renewed."""
    return listed is not None and endpoint.expires_at is not None and endpoint.expires_at <= now


def _listed(deployer: Deployer, trainers: TrainersResource, book: EndpointBook, done: Sweep) -> Sequence[str] | None:
    """The names that the service lists, each booked by now; None if it cannot be asked."""
    try:
        found = deployer.list_owned()
    except Exception as error:
        done.problems.append(f"{deployer.backend}: endpoints cannot be listed: {error}")
        return None
    for endpoint in found:
        try:
            if endpoint.name:
                _adopt(endpoint, trainers, book, done)
        except Exception as error:
            done.problems.append(f"endpoint {endpoint.name} ({endpoint.backend}) cannot be booked: {error}")
    return [endpoint.name for endpoint in found]


def _adopt(endpoint: EndpointHandle, trainers: TrainersResource, book: EndpointBook, done: Sweep) -> None:
    """Books what a service lists and the book does not know, or took for gone."""
    known = book.find(endpoint.backend, endpoint.name)
    lasting = endpoint.purpose == "serving" and endpoint.expires_at is None
    spared = (
        f"endpoint {endpoint.name} ({endpoint.backend}) serves a champion that this home does not know and has no "
        "expiry: it is left alone; delete it at the service if nobody needs it"
    )
    if known:
        if known.state == INTENT:
            book.up(replace(endpoint, expires_at=endpoint.expires_at or known.handle.expires_at))
        elif known.found and (endpoint.expires_at or lasting):
            book.up(endpoint)  # its home may have renewed it
            done.spared += [spared] if lasting else []
        return
    former = [one for one in book.bookings(endpoint.backend, everything=True) if one.handle.name == endpoint.name]
    if former and (endpoint.created_at or former[-1].created_at) < (former[-1].removed_at or book.clock()):
        book.note(former[-1], REMOVING, "listed by the service after its removal")
        return
    if lasting:
        done.spared.append(spared)
        return
    created_at = endpoint.created_at or book.clock()
    patience = timedelta(minutes=trainers.serving.evaluation_ttl_minutes)
    told = replace(endpoint, created_at=created_at, expires_at=endpoint.expires_at or created_at + patience)
    book.up(told, trainers.options.jobs.owner)


def _note_if_gone(book: EndpointBook, deployer: Deployer, booking: Booking) -> None:
    """Ends the booking of an endpoint that its service removed by itself."""
    state = deployer.status(booking.handle)
    if booking.state == UP and state.phase == "gone":
        book.note(booking, REMOVED, f"gone at the service {state.message}".rstrip())
