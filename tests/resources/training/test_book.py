"""The job book: what is intended, submitted and over, on both databases; and who may submit."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from resources.training.base import Cost, JobHandle, JobState, Quote, TrainingSpec
from resources.training.book import Order, TrainingBook, open_book
from resources.training.leases import LeaseTaken, hold

SPEC = TrainingSpec("azure_openai", "echo-small", "v1", (("epochs", 2),), options=(("method", "sft"),), upload="u")
ORDER = Order("r", "run-1", "lock")


class Clock:
    """Seconds since 1970 that tests move; 2026-11-21 at noon (UTC)."""

    now = 1795262400.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def book(ledger_url: str, clock: Clock) -> Iterator[TrainingBook]:
    with open_book(ledger_url, clock) as opened:
        yield opened


@pytest.fixture
def small_book(tmp_path, clock) -> Iterator[TrainingBook]:
    """A book where the kind of database does not matter."""
    with open_book(f"sqlite:///{tmp_path / 'ledger.db'}", clock) as opened:
        yield opened


def handle(name: str = "ft-1", submitted_at: str = "") -> JobHandle:
    return JobHandle("azure_openai", name, SPEC.idem(), submitted_at, {"zone": "a"})


def test_a_job_is_booked_from_intent_to_its_cost(book, clock) -> None:
    job = book.intend(SPEC, ORDER, Quote(2.5, "list price", 90.0))
    assert (job.status, job.attempt, job.handle, job.quote) == ("intent", 1, None, Quote(2.5, "list price", 90.0))
    assert (job.spec, job.recipe, job.run_id, job.lock) == (SPEC, "r", "run-1", "lock")
    job = book.submitted(job, handle())
    assert (job.status, job.handle, job.submitted_at) == ("submitted", handle(), clock.now)
    clock.now += 60
    job = book.looked(job, JobState("running", "training", "epoch 1"), "cursor-1")
    assert (job.open, job.service_status, job.message, job.cursor) == (True, "training", "epoch 1", "cursor-1")
    clock.now += 60
    job = book.looked(job, JobState("succeeded", "done", "", Cost(1000, "trained tokens", 1.75)), "cursor-2")
    assert (job.status, job.finished_at, job.cost) == ("succeeded", clock.now, Cost(1000, "trained tokens", 1.75))
    assert book.last(SPEC.idem()) == job
    assert book.untold() == [job]
    book.tell(job)
    assert book.untold() == book.open_jobs() == []


def test_an_end_is_booked_once_whoever_else_sees_another(book) -> None:
    job = book.submitted(book.intend(SPEC, ORDER), handle())
    book.looked(job, JobState("succeeded", "done", "", Cost(1, "s", 1.0)), "")
    late = book.looked(job, JobState("failed", "broken", "", Cost(2, "s", 9.0)), "")
    assert (late.status, late.service_status, late.cost) == ("succeeded", "done", Cost(1, "s", 1.0))


def test_an_intent_goes_on_and_a_closed_job_is_followed_by_another_attempt(book) -> None:
    first = book.intend(SPEC, ORDER)
    assert book.intend(SPEC, Order("r", "run-2")).attempt == 1
    book.looked(book.submitted(first, handle()), JobState("failed", "failed"), "")
    assert book.intend(SPEC, ORDER).attempt == 2
    assert book.failures(SPEC.idem()) == 1


def test_words_of_a_service_are_kept_whatever_characters_they_have(book) -> None:
    job = book.submitted(book.intend(SPEC, ORDER), handle())
    assert book.looked(job, JobState("failed", "failed", "a\x00b \ud800"), "").message == "a\ufffdb \\ud800"


def test_two_books_of_one_ledger_may_be_made_at_once(ledger_url) -> None:
    problems: list[BaseException] = []

    def make() -> None:
        try:
            with open_book(ledger_url) as opened:
                opened.open_jobs()
        except BaseException as problem:
            problems.append(problem)

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []


def test_a_lease_is_held_by_one_and_free_when_it_is_given_back(book) -> None:
    with book.hold("spec", 0):
        assert book.held("spec")
        assert not book.held("another")
        with pytest.raises(LeaseTaken, match="another process is at work on spec"), book.hold("spec", 0):
            pass
        with book.hold("another", 0):
            pass
    assert not book.held("spec")
    with book.hold("spec", 0):
        pass


def test_a_lease_is_renewed_as_long_as_its_holder_lives_and_runs_out_after(book) -> None:
    naps: list[float] = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        threading.Event().wait(0.15)

    with (
        hold(book.ledger, "spec", 0, lease=0.3),
        pytest.raises(LeaseTaken),
        hold(book.ledger, "spec", 2.0, sleep=nap),
    ):
        pass
    assert len(naps) == 4, "four waits of half a second each, in which the lease would have run out"


def test_who_waits_for_a_lease_gets_it_when_it_is_free(small_book) -> None:
    order: list[str] = []
    taken = threading.Event()

    def first() -> None:
        with small_book.hold("spec", 0):
            taken.set()
            threading.Event().wait(0.2)
            order.append("first")

    thread = threading.Thread(target=first)
    thread.start()
    taken.wait()
    with small_book.hold("spec", 10, lambda seconds: threading.Event().wait(0.02)):
        order.append("second")
    thread.join()
    assert order == ["first", "second"]


def test_a_month_costs_what_was_billed_and_what_is_expected_of_open_jobs(small_book, clock) -> None:
    def job(number: int, usd: float, billed: float | None, phase: Any = "succeeded") -> None:
        spec = TrainingSpec("azure_openai", "m", f"v{number}")
        booked = small_book.submitted(small_book.intend(spec, ORDER, Quote(usd, "list")), handle(f"ft-{number}"))
        cost = None if billed is None else Cost(10, "s", billed)
        small_book.looked(booked, JobState(phase, phase, "", cost), "")

    job(1, usd=1.0, billed=2.0)
    job(2, usd=4.0, billed=None)
    job(3, usd=8.0, billed=None, phase="running")
    job(4, usd=16.0, billed=None, phase="failed")
    job(5, usd=32.0, billed=64.0, phase="failed")
    assert small_book.spent("2026-11") == 2.0 + 4.0 + 8.0 + 64.0
    job(7, usd=0.5, billed=0.25, phase="running")
    assert small_book.spent("2026-11") == 2.0 + 4.0 + 8.0 + 64.0 + 0.5, "what runs goes on costing"
    assert small_book.spent("2026-10") == 8.0 + 0.5, "what is open may end in any month"
    clock.now -= 40 * 86400
    job(6, usd=1.0, billed=128.0)
    assert small_book.spent("2026-11") == 2.0 + 4.0 + 8.0 + 64.0 + 0.5


def test_what_is_about_to_be_submitted_counts_but_for_who_asks_and_what_waits_for_room(small_book) -> None:
    asked, other = TrainingSpec("azure_openai", "m", "v1"), TrainingSpec("azure_openai", "m", "v2")
    small_book.intend(asked, ORDER, Quote(1.0, "list"))
    job = small_book.intend(other, ORDER, Quote(2.0, "list"))
    assert small_book.spent("2026-11") == 3.0
    assert small_book.spent("2026-11", besides=asked.idem()) == 2.0
    small_book.held_back(job, "no room", small_book.clock() + 900)
    assert small_book.spent("2026-11", besides=asked.idem()) == 0.0


def test_the_mart_reads_billed_jobs_by_model_and_day(book, clock) -> None:
    for number, real in ((1, True), (2, False)):
        spec = TrainingSpec("azure_openai", "echo-small", f"v{number}")
        job = book.submitted(book.intend(spec, ORDER), handle(f"ft-{number}"))
        job = job if real else book.emulated(job)
        book.looked(job, JobState("succeeded", "done", "", Cost(1000, "trained tokens", 0.5)), "")
    unbilled = book.submitted(book.intend(TrainingSpec("embedded", "reader", "v1"), ORDER), handle("e"))
    book.looked(unbilled, JobState("succeeded", "done"), "")
    assert book.spend().to_pylist() == [
        {"stage": "training", "model": "azure_openai/echo-small", "day": "2026-11-21", "calls": 2, "prompt_tokens": 2000,
         "cached_tokens": 0, "completion_tokens": 0, "cost": 1.0, "not_real": 1},
    ]  # fmt: skip


def test_a_job_that_was_submitted_elsewhere_keeps_the_time_that_its_service_tells(small_book) -> None:
    job = small_book.intend(SPEC, ORDER)
    told = small_book.submitted(job, handle(submitted_at="2026-11-21T11:00:00+00:00"))
    assert told.submitted_at == 1795262400.0 - 3600
    assert small_book.submitted(job, handle(submitted_at="yesterday")).submitted_at == small_book.clock()


@pytest.mark.parametrize(
    ("ending", "phase", "status"),
    [
        ("superseded", "cancelled", "superseded"), ("superseded", "succeeded", "superseded"),
        ("deadline", "cancelled", "failed"), ("deadline", "succeeded", "succeeded"),
        ("cancelled", "cancelled", "cancelled"), ("cancelled", "succeeded", "succeeded"), ("", "cancelled", "cancelled"),
    ],
)  # fmt: skip
def test_why_a_job_was_ended_decides_what_its_end_is_called(small_book, ending, phase, status) -> None:
    job = small_book.ends(small_book.submitted(small_book.intend(SPEC, ORDER), handle()), ending)
    assert small_book.looked(job, JobState(phase, phase), "").status == status


def test_an_intent_that_was_submitted_meanwhile_is_neither_held_back_nor_given_up(book) -> None:
    seen = book.intend(SPEC, ORDER, Quote(3.0, "list price"))
    book.submitted(seen, handle())
    for job in (book.held_back(seen, "no room", 9.0), book.refused(seen, "it was never submitted")):
        assert (job.status, job.not_before, job.message, job.handle) == ("submitted", 0.0, "", handle())
    assert book.spent("2026-11") == 3.0


def test_a_service_whose_clock_is_wrong_gives_a_job_no_time_beyond_its_deadline(small_book, clock) -> None:
    job = small_book.submitted(small_book.intend(SPEC, ORDER), handle(submitted_at="2999-01-01T00:00:00"))
    assert job.submitted_at == clock.now
