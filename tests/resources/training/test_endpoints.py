"""The book of endpoints: every life of every endpoint, what it cost, and which one is the champion's."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from resources.training.endpoints import INTENT, REMOVED, REMOVING, UP, EndpointBook
from resources.training.serving import DeploymentFailed, EndpointHandle

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
HANDLE = EndpointHandle(
    "cloud", "raftline-evaluation-1", "m1", "evaluation", NOON, NOON + timedelta(hours=2), 3.0, {"zone": "a"}
)


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **span: float) -> None:
        self.now += timedelta(**span)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def open_book(ledger_url: str, clock: Clock) -> Iterator[Callable[[], EndpointBook]]:
    """Opens the one book again and again, as every process does."""
    opened: list[EndpointBook] = []

    def open_it() -> EndpointBook:
        opened.append(EndpointBook(ledger_url, clock))
        return opened[-1]

    yield open_it
    for book in opened:
        book.close()


def test_a_handle_comes_back_from_another_process_as_it_was(open_book) -> None:
    open_book().up(HANDLE, "team", "run-1")

    [booking] = open_book().bookings()
    assert booking.handle == HANDLE
    assert (booking.owner, booking.run_id, booking.state) == ("team", "run-1", UP)


def test_an_intent_is_kept_until_the_handle_takes_its_place(open_book) -> None:
    book = open_book()
    book.intend(replace(HANDLE, details={}, usd_per_hour=None, created_at=None), "team", "run-1")
    [intent] = open_book().bookings()
    book.up(HANDLE, "team", "run-1")

    assert (intent.state, intent.created_at, intent.handle.expires_at) == (INTENT, NOON, HANDLE.expires_at)
    [booking] = book.bookings()
    assert (booking.id, booking.state, booking.handle) == (intent.id, UP, HANDLE)


def test_a_step_that_is_tried_again_goes_on_with_its_booking(open_book) -> None:
    book = open_book()
    assert book.intend(HANDLE, "team", "run-1").id == book.intend(HANDLE, "team", "run-1").id
    assert len(book.bookings()) == 1


def test_cost_grows_by_the_hour_and_stops_with_the_removal(open_book, clock) -> None:
    book = open_book()
    booking = book.up(HANDLE)
    clock.advance(hours=1)
    assert book.spent() == pytest.approx(3.0)
    book.note(booking, REMOVED)
    clock.advance(hours=50)

    assert book.spent() == pytest.approx(3.0)
    assert book.bookings() == []


def test_every_life_of_a_name_is_paid_for(open_book, clock) -> None:
    book = open_book()
    for _ in range(2):
        booking = book.up(replace(HANDLE, created_at=clock.now))
        clock.advance(hours=1)
        book.note(booking, REMOVED)

    assert book.spent() == pytest.approx(6.0)
    assert len(book.bookings(everything=True)) == 2


def test_what_was_spent_before_a_month_is_left_out_of_it(open_book, clock) -> None:
    book = open_book()
    book.up(HANDLE)
    clock.advance(hours=10)

    assert book.spent(since=NOON + timedelta(hours=8)) == pytest.approx(6.0)


def test_an_endpoint_without_a_price_is_of_unknown_cost_and_adds_nothing(open_book, clock) -> None:
    book = open_book()
    booking = book.up(replace(HANDLE, usd_per_hour=None))
    clock.advance(hours=1)

    assert booking.usd(clock.now) is None
    assert book.spent() == 0.0


def test_the_pointer_names_the_champions_endpoint_until_it_is_removed(open_book) -> None:
    book = open_book()
    booking = book.up(HANDLE)
    assert book.serving() is None
    book.serve_by(HANDLE)
    assert open_book().serving() == HANDLE
    book.note(booking, REMOVED)
    assert book.serving() is None


def test_the_pointer_moves_and_can_be_taken_away(open_book) -> None:
    book, other = open_book(), replace(HANDLE, name="raftline-serving-2")
    book.up(HANDLE)
    book.up(other)
    book.serve_by(HANDLE)
    book.serve_by(other)
    assert book.serving() == other
    book.serve_by(None)
    assert book.serving() is None


def test_only_a_booked_endpoint_can_be_the_champions(open_book) -> None:
    with pytest.raises(DeploymentFailed, match="is not booked"):
        open_book().serve_by(HANDLE)


def test_what_is_being_removed_stays_so_when_its_service_still_lists_it(open_book) -> None:
    book = open_book()
    book.note(book.up(HANDLE), REMOVING, "Conflict: in use")
    book.up(HANDLE)

    [booking] = book.bookings()
    assert (booking.state, booking.message) == (REMOVING, "Conflict: in use")


def test_a_renewed_expiry_is_booked(open_book) -> None:
    book = open_book()
    book.up(HANDLE)
    book.up(replace(HANDLE, expires_at=None))

    assert book.bookings()[0].handle.expires_at is None


def test_many_threads_write_and_nothing_is_lost(open_book) -> None:
    book = open_book()

    def write(number: int) -> None:
        book.note(book.up(replace(HANDLE, name=f"endpoint-{number}")), REMOVING, "x")

    threads = [threading.Thread(target=write, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [booking.state for booking in book.bookings()] == [REMOVING] * 12


def test_two_processes_that_find_one_endpoint_at_once_book_it_once(open_book, clock) -> None:
    first, second = open_book(), open_book()

    def found_meanwhile() -> datetime:
        first.clock = clock
        second.up(HANDLE, "team")
        return clock()

    first.clock = found_meanwhile
    booking = first.up(replace(HANDLE, created_at=None), "team")
    assert [one.id for one in open_book().bookings()] == [booking.id]
