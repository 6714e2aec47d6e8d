"""The sweep: whatever happened to the run that brought an endpoint up, it does not outlive its expiry."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from resources.training.endpoints import REMOVED, REMOVING, EndpointBook
from resources.training.serve import Endpoints
from resources.training.serving import StudentModel
from resources.training.sweeping import Sweep, sweep

STUDENT = StudentModel("cloud", "gpt-small", "0a1b2c3d", "ft:gpt-small:0a1b2c3d")
TTL_HOURS = 2.0
USD_PER_HOUR = 3.0


@pytest.fixture
def book(cloud_trainers, cloud) -> Iterator[EndpointBook]:
    made = EndpointBook(cloud_trainers.ledger(), cloud.now)
    yield made
    made.close()


@pytest.fixture
def left_behind(cloud_trainers, cloud) -> Callable[..., None]:
    """A run that is killed with kill -9 in the middle of an evaluation: nothing of it runs on."""

    def kill(student: StudentModel = STUDENT, before_the_handle: bool = False) -> None:
        child = os.fork()
        if child == 0:
            with suppress(BaseException):
                endpoints = Endpoints(cloud_trainers, "run-1", clock=cloud.now)
                if before_the_handle:
                    endpoints.book.up = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
                with endpoints.serve(student):
                    os.kill(os.getpid(), signal.SIGKILL)
            os._exit(3)
        _, status = os.waitpid(child, 0)
        assert os.WTERMSIG(status) == signal.SIGKILL

    return kill


@pytest.fixture
def swept(cloud_trainers, book) -> Callable[[], Sweep]:
    return lambda: sweep(cloud_trainers, book)


@pytest.mark.parametrize("before_the_handle", [False, True])
def test_after_kill_9_nothing_outlives_its_ttl(left_behind, swept, cloud, book, before_the_handle) -> None:
    left_behind(before_the_handle=before_the_handle)
    assert len(cloud.alive()) == 1
    cloud.advance(hours=TTL_HOURS - 0.1)
    assert swept().removed == []
    cloud.advance(hours=0.2)

    [removed] = swept().removed
    cloud.advance(hours=100)
    assert cloud.alive() == []
    assert cloud.cost() == pytest.approx((TTL_HOURS + 0.1) * USD_PER_HOUR, rel=0.01)
    assert book.spent() == pytest.approx(cloud.cost(), rel=0.01)
    assert removed.handle.model_id == STUDENT.model_id
    assert swept().removed == []


def test_an_orphan_that_no_book_knows_is_swept_when_its_tag_says_so(left_behind, swept, cloud, tmp_path) -> None:
    left_behind()
    for file in tmp_path.glob("ledger.db*"):
        file.unlink()
    cloud.advance(hours=TTL_HOURS + 0.1)
    assert [booking.handle.name for booking in swept().removed] == list(cloud.endpoints())
    assert cloud.alive() == []


def test_an_orphan_without_an_expiry_gets_one_and_then_goes(cloud_trainers, cloud, swept) -> None:
    cloud_trainers.deployer("cloud").deploy(STUDENT, "stray", "smoke", None, {"owner": "raftline"})
    assert swept().removed == []
    cloud.advance(hours=TTL_HOURS + 0.1)
    assert [booking.handle.name for booking in swept().removed] == ["stray"]


def test_an_intent_whose_endpoint_never_came_to_be_is_closed(cloud_trainers, cloud, book, swept) -> None:
    left_behind_intent = Endpoints(cloud_trainers, "run-1", clock=cloud.now)
    cloud.turn(unreachable=True)
    with pytest.raises(Exception, match="does not answer"):
        left_behind_intent.begin(STUDENT, "evaluation", cloud.now() + timedelta(hours=TTL_HOURS))
    left_behind_intent.book.close()
    cloud.turn(unreachable=False)
    cloud.advance(hours=TTL_HOURS + 0.1)
    swept()
    assert book.bookings() == []
    assert book.spent() == 0.0


def test_what_cannot_be_deleted_yet_is_tried_again_until_it_is_gone(left_behind, swept, cloud, book) -> None:
    left_behind()
    cloud.advance(hours=TTL_HOURS + 0.1)
    cloud.turn(stuck=True)
    first = swept()
    assert [booking.state for booking in book.bookings()] == [REMOVING]
    assert "cannot delete an endpoint that is Creating" in first.problems[0]
    cloud.turn(stuck=False, deleting=2)
    second = swept()
    assert (len(second.waiting), second.problems, len(cloud.alive())) == (1, [], 1)
    while cloud.alive():
        swept()
    swept()
    assert [booking.state for booking in book.bookings(everything=True)] == [REMOVED]


def test_one_backends_fault_does_not_hold_up_the_others(trainers_with, cloud, book, tmp_path: Path) -> None:
    other = type(cloud)(tmp_path / "other")
    trainers = trainers_with(broken=other, cloud=cloud)
    endpoints = Endpoints(trainers, "run-1", clock=cloud.now)
    endpoints.begin(STUDENT, "evaluation", cloud.now())
    endpoints.begin(StudentModel("broken", "gpt-small"), "evaluation", cloud.now())
    other.turn(unreachable=True)
    done = sweep(trainers, book)
    assert cloud.alive() == []
    assert len(other.alive()) == 1
    assert any("broken: endpoints cannot be listed" in problem for problem in done.problems)
    other.turn(unreachable=False)
    sweep(trainers, book)
    assert other.alive() == []
    endpoints.book.close()


def test_the_champions_endpoint_is_never_swept_and_goes_on_serving(cloud_trainers, cloud, book, swept) -> None:
    endpoints = Endpoints(cloud_trainers, "run-1", clock=cloud.now)
    serving = endpoints.begin(STUDENT, "serving", cloud.now() + timedelta(hours=1))
    book.serve_by(serving)
    cloud.advance(hours=500)
    swept()
    assert cloud.alive() == [serving.name]
    endpoints.book.close()


def test_a_former_champions_endpoint_that_a_crash_left_behind_is_swept(cloud_trainers, cloud, book, swept) -> None:
    endpoints = Endpoints(cloud_trainers, "run-1", clock=cloud.now)
    former = endpoints.begin(STUDENT, "serving", None)
    book.serve_by(former)
    swept()
    assert cloud.alive() == [former.name]
    current = Endpoints(cloud_trainers, "run-2", clock=cloud.now).begin(STUDENT, "serving", None)
    book.serve_by(current)
    swept()
    assert cloud.alive() == [current.name]
    endpoints.book.close()


def test_another_homes_champion_is_left_alone_and_named(cloud_trainers, swept, cloud) -> None:
    cloud_trainers.deployer("cloud").deploy(STUDENT, "theirs", "serving", None, {"owner": "raftline"})
    cloud.advance(hours=500)
    done = swept()
    assert "theirs (cloud) serves a champion that this home does not know" in done.spared[0]
    assert done.problems == [], "nothing is wrong with it"
    assert cloud.alive() == ["theirs"]


def test_another_homes_endpoint_keeps_the_time_that_its_own_home_gives_it(cloud_trainers, swept, cloud) -> None:
    theirs = cloud_trainers.deployer("cloud")
    named = {
        name: theirs.deploy(STUDENT, name, "serving", cloud.now() + timedelta(hours=1), {"owner": "raftline"})
        for name in ("promoted", "renewed", "forgotten")
    }
    assert swept().removed == []
    theirs.renew(named["promoted"], None)
    theirs.renew(named["renewed"], cloud.now() + timedelta(hours=9))
    cloud.advance(hours=2)
    assert [booking.handle.name for booking in swept().removed] == ["forgotten"]
    assert cloud.alive() == ["promoted", "renewed"]
    cloud.advance(hours=8)
    swept()
    assert cloud.alive() == ["promoted"]


def test_a_promotion_during_a_sweep_does_not_cost_the_new_champion_its_endpoint(cloud_trainers, cloud, book) -> None:
    endpoints = Endpoints(cloud_trainers, "run-1", clock=cloud.now)
    new = endpoints.begin(STUDENT, "serving", cloud.now() + timedelta(hours=1))

    def promoted() -> datetime:
        book.serve_by(new)
        book.up(cloud_trainers.deployer("cloud").renew(new, None))
        book.clock = cloud.now
        return cloud.now()

    book.clock = promoted
    sweep(cloud_trainers, book)
    assert cloud.alive() == [new.name]
    endpoints.book.close()


def test_what_a_service_says_in_broken_text_keeps_no_endpoint_alive(cloud_trainers, cloud, book, swept) -> None:
    deployer = cloud_trainers.deployer("cloud")
    broken = StudentModel("cloud", "gpt-small", "\ud800\x00" + "m" * 400, "somewhere")
    deployer.deploy(broken, "stray", "evaluation", cloud.now(), {"owner": "raftline"})
    assert [booking.handle.name for booking in swept().removed] == ["stray"]
    assert cloud.alive() == []
    [booking] = book.bookings(everything=True)
    assert book.note(booking, REMOVING, "gone \udcff\x00").message == "gone \\udcff\ufffd"


def test_a_run_that_has_ended_needs_its_endpoint_no_longer(left_behind, cloud_trainers, cloud, book) -> None:
    left_behind()
    assert sweep(cloud_trainers, book, lambda run_id: False).removed == []
    assert len(sweep(cloud_trainers, book, lambda run_id: run_id == "run-1").removed) == 1
    assert cloud.alive() == []


def test_an_endpoint_that_its_service_removed_stops_costing_in_the_book(left_behind, cloud, book, swept) -> None:
    left_behind()
    cloud.advance(minutes=30)
    cloud.put(cloud.alive()[0], gone_at=cloud.now().isoformat())
    swept()
    cloud.advance(hours=10)
    assert book.bookings() == []
    assert book.spent() == pytest.approx(0.5 * USD_PER_HOUR, rel=0.01)


def test_an_endpoint_listed_after_its_removal_is_taken_down_again(left_behind, cloud, book, swept) -> None:
    left_behind()
    cloud.advance(hours=TTL_HOURS + 0.1)
    swept()
    [name] = cloud.endpoints()
    cloud.put(name, gone_at=None, state="creating")
    cloud.advance(hours=1)
    assert len(swept().removed) == 1
    assert cloud.alive() == []
    assert len(book.bookings(everything=True)) == 1


def test_what_nobody_can_take_down_any_more_is_told(trainers_with, left_behind, cloud, book, tmp_path: Path) -> None:
    left_behind()
    other = trainers_with(other=type(cloud)(tmp_path / "other"))
    [problem] = sweep(other, book).problems
    assert f"the backend of {cloud.alive()[0]} (cloud) is not configured any more" in problem


def test_without_a_hosted_backend_nobody_is_asked_and_no_book_is_needed(trainers_with) -> None:
    none = trainers_with()
    assert none.hosted() == []
    assert sweep(none, None) == Sweep()
