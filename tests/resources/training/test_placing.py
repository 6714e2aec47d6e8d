"""Placing jobs when processes die or meet: exactly one job at the service, booked and finished once."""

import multiprocessing
import signal
from collections.abc import Callable
from typing import Any

import pytest

from resources.training.base import (
    CapacityLacking,
    JobEvent,
    Quote,
    TrainingData,
    TrainingFailed,
    TrainingSpec,
    TrainingUnreachable,
)
from resources.training.book import Order, open_book
from resources.training.book_tables import Job
from resources.training.leases import LeaseTaken
from resources.training.options import JobOptions
from resources.training.placing import FIND_AGAIN_SECONDS, PURSE, Placed, place
from resources.training.watching import JobWatch

SPEC = TrainingSpec("azure_openai", "echo-small", "v1")
DATA = TrainingData(({"row_id": "r1"},), (), {"train.jsonl": b"{}\n"})
FORK = multiprocessing.get_context("fork")


class Client:
    """A process that wants the specification trained, as often as it is called. `naps` is how long it slept."""

    def __init__(self, backend: Any, url: str, **options: Any):
        self.backend, self.url = backend, url
        self.options = JobOptions(**{"poll_seconds": 0.001, **options})
        self.naps: list[float] = []
        self.lines: list[str] = []

    def __call__(self, follow: bool = True, spec: TrainingSpec = SPEC) -> Placed | Job:
        with open_book(self.url) as book:
            watch = JobWatch(self.backend, book, self.options, self.hear, self.naps.append)
            placed = place(watch, spec, DATA, Order("r", "run"), {"owner": "me"}, lambda: Quote(1.0, "list", 60.0))
            return watch.follow(placed.job, lambda: False) if follow else placed

    def hear(self, event: JobEvent) -> None:
        self.lines.append(event.message)

    def jobs(self) -> list[Job]:
        with open_book(self.url) as book:
            return book.history(10)

    def dies(self) -> None:
        """The same in a process of its own, which must be killed on the way."""
        child = FORK.Process(target=self)
        child.start()
        child.join(30)
        assert child.exitcode == -signal.SIGKILL


@pytest.fixture
def client(job_backend: Any, ledger_url: str) -> Client:
    """A client on each kind of database."""
    return Client(job_backend, ledger_url)


@pytest.fixture
def small_client(job_backend: Any, tmp_path: Any) -> Callable[..., Client]:
    """Clients where the kind of database does not matter: `small_client(in_run_minutes=0)`."""
    return lambda **options: Client(job_backend, f"sqlite:///{tmp_path / 'ledger.db'}", **options)


@pytest.mark.parametrize("where", ["before_create", "after_create", "looking"])
def test_a_process_that_dies_anywhere_leaves_one_job_which_the_next_one_finishes(client, job_cloud, where) -> None:
    job_cloud.turn(die=where)
    client.dies()
    assert [job.open for job in client.jobs()] == [True]
    job_cloud.turn(die="")
    done = client()
    assert (done.status, done.attempt, done.cost.usd) == ("succeeded", 1, 1.5)
    assert len(job_cloud.jobs()) == 1
    assert [job.status for job in client.jobs()] == ["succeeded"]


def test_a_job_that_a_dead_process_created_is_found_although_the_listing_lags(small_client, job_cloud) -> None:
    client = small_client()
    job_cloud.turn(die="after_create")
    client.dies()
    job_cloud.turn(die="", lag=1)
    placed = client(follow=False)
    assert (placed.adopted, placed.job.handle.job_id) == (True, "ft-1")
    assert client.naps == [FIND_AGAIN_SECONDS]
    assert len(job_cloud.jobs()) == 1


def test_where_nobody_died_nothing_is_searched_for_twice(small_client, job_cloud) -> None:
    client = small_client()
    job_cloud.turn(submit="crowded")
    with pytest.raises(Exception, match="no instance"):
        client()
    job_cloud.turn(submit="")
    client()
    assert FIND_AGAIN_SECONDS not in client.naps


def test_an_answer_that_was_lost_is_searched_for_and_the_job_adopted(small_client, job_cloud) -> None:
    client = small_client()
    job_cloud.turn(submit="lost", lag=0)
    assert client().status == "succeeded"
    assert len(job_cloud.jobs()) == 1


def test_where_it_is_not_known_whether_a_job_exists_the_intent_stays_and_the_next_run_searches(
    small_client, job_cloud
) -> None:
    client = small_client()
    job_cloud.turn(submit="down")
    with pytest.raises(TrainingUnreachable, match="the next run searches for it before it submits again"):
        client()
    [job] = client.jobs()
    assert (job.status, job.handle) == ("intent", None)
    job_cloud.turn(submit="")
    assert client().attempt == 1


def test_two_processes_that_want_the_same_job_share_it(client, job_cloud) -> None:
    job_cloud.turn(statuses=["queued", "running", "succeeded"])
    children = [FORK.Process(target=client) for _ in range(3)]
    for child in children:
        child.start()
    for child in children:
        child.join(60)
    assert [child.exitcode for child in children] == [0, 0, 0]
    assert len(job_cloud.jobs()) == 1
    assert [(job.status, job.attempt) for job in client.jobs()] == [("succeeded", 1)]


def test_who_has_waited_long_enough_for_another_s_submission_leaves(small_client, job_cloud) -> None:
    client = small_client(in_run_minutes=1)
    with open_book(client.url) as book, book.hold(SPEC.idem(), 0), pytest.raises(LeaseTaken):
        client()
    assert sum(client.naps) == 60.0
    assert job_cloud.jobs() == {}


def test_prices_are_compared_with_the_budget_one_at_a_time(small_client, job_cloud) -> None:
    client = small_client(in_run_minutes=1)
    with open_book(client.url) as book, book.hold(PURSE, 0), pytest.raises(CapacityLacking, match="the budget"):
        client()
    assert sum(client.naps) == 60.0
    assert job_cloud.jobs() == {}
    client()
    assert len(job_cloud.jobs()) == 1


def test_a_job_that_another_home_submitted_is_adopted_and_booked(small_client, job_cloud) -> None:
    client = small_client()
    client.backend.submit(SPEC, DATA, {})
    placed = client(follow=False)
    assert (placed.adopted, placed.job.status, len(job_cloud.jobs())) == (True, "submitted", 1)


def test_a_model_that_is_gone_from_its_service_is_trained_again(small_client, job_cloud) -> None:
    client = small_client()
    client()
    job_cloud.write_job("ft-1", idem="removed")
    assert client().attempt == 2
    assert len(job_cloud.jobs()) == 2


def test_a_failure_that_nobody_told_of_is_told_before_anything_is_submitted_again(small_client, job_cloud) -> None:
    client = small_client(in_run_minutes=0)
    job_cloud.turn(statuses=["running", "failed"], words="out of memory")
    left = client()
    with open_book(client.url) as book:
        JobWatch(client.backend, book, client.options).look(left)
    with pytest.raises(TrainingFailed, match="job ft-1 of azure_openai failed: out of memory"):
        client()
    assert len(job_cloud.jobs()) == 1
    assert client(follow=False).job.attempt == 2
    assert len(job_cloud.jobs()) == 2


def test_on_this_machine_one_model_is_trained_at_a_time(small_client, job_cloud) -> None:
    client = small_client(in_run_minutes=0)
    job_cloud.turn(here=True, statuses=["running", "running", "succeeded"])
    client()
    other = TrainingSpec("azure_openai", "echo-small", "v2")
    with pytest.raises(Exception, match=r"this machine is training recipe r \(job ft-1\)"):
        client(spec=other)
    assert client(spec=other).open
    assert len(job_cloud.jobs()) == 2, "the first had ended by then"


def test_a_recipe_that_moves_to_another_backend_ends_its_job_at_the_former_one(small_client, job_cloud) -> None:
    client = small_client(in_run_minutes=0)
    job_cloud.turn(statuses=["running"])
    client()
    elsewhere = client.backend.model_copy(update={"name": "local"})
    with open_book(client.url) as book:
        JobWatch(elsewhere, book, client.options).supersede(Order("r", "run"), TrainingSpec("local", "m", "v1"))
        [job] = book.open_jobs()
        assert not job_cloud.jobs()["ft-1"]["cancelled"]
        JobWatch(client.backend, book, client.options).look(job)
    assert job_cloud.jobs()["ft-1"]["cancelled"]


def test_a_run_that_is_cancelled_while_it_waits_cancels_its_job_and_books_the_end(small_client, job_cloud) -> None:
    client = small_client()
    job_cloud.turn(statuses=["running"])
    placed = client(follow=False)
    with open_book(client.url) as book:
        watch = JobWatch(client.backend, book, client.options, sleep=client.naps.append)
        ended = watch.follow(placed.job, lambda: job_cloud.jobs()["ft-1"]["looks"] >= 3)
    assert (ended.status, ended.told, ended.cost.usd) == ("cancelled", True, 1.5)


def test_a_job_ends_although_its_log_cannot_be_read(small_client, job_cloud) -> None:
    client = small_client()
    job_cloud.turn(silent=True)
    assert client().status == "succeeded"
    assert client.lines[0] == "job ft-1: its events cannot be read now: the log service does not answer"


def test_a_job_that_was_cancelled_before_its_service_knew_it_is_stopped_by_the_run_that_submits_it(
    small_client, job_cloud
) -> None:
    client = small_client()
    job_cloud.turn(statuses=["running"])
    given = []

    class Cancelled(type(client.backend)):
        """Somebody cancels the job while it is being submitted."""

        def submit(self, *asked: Any) -> Any:
            with open_book(client.url) as book:
                given.append(JobWatch(self, book, client.options).cancel(book.open_jobs()[0], "cancelled"))
            return super().submit(*asked)

    client.backend = Cancelled(folder=client.backend.folder, name="azure_openai")
    assert client().status == "cancelled"
    assert [job.handle for job in given] == [None]
    assert job_cloud.jobs()["ft-1"]["cancelled"]


def test_a_job_that_two_recipes_want_goes_on_until_neither_wants_it(small_client, job_cloud) -> None:
    client = small_client(in_run_minutes=0)
    job_cloud.turn(statuses=["running"])
    with open_book(client.url) as book:
        watch = JobWatch(client.backend, book, client.options)
        for recipe in ("a", "b"):
            place(watch, SPEC, DATA, Order(recipe, "run"), {}, lambda: Quote(1.0, "list", 7200.0))
        assert [job.wanted_by for job in book.open_jobs(recipe="a")] == [("b", "a")]
        newer = TrainingSpec("azure_openai", "echo-small", "v2")
        assert [job.wanted_by for job in watch.supersede(Order("b", "run"), newer)] == [("a",)]
        assert not job_cloud.jobs()["ft-1"]["cancelled"]
        watch.supersede(Order("a", "run"), newer)
    assert job_cloud.jobs()["ft-1"]["cancelled"]
    assert len(job_cloud.jobs()) == 1
