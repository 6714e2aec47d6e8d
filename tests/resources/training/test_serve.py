"""Endpoints of one run: up, awaited, asked, down; and booked at every step, whatever goes wrong."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from resources.training.base import TrainingUnreachable
from resources.training.endpoints import INTENT, REMOVED, REMOVING, EndpointBook
from resources.training.serve import Endpoints, endpoint_name
from resources.training.serving import DeploymentFailed, StudentModel

STUDENT = StudentModel("cloud", "gpt-small", "0a1b2c3d", "ft:gpt-small:0a1b2c3d")


class Interrupt(BaseException):
    """As Dagster's own: no `Exception`."""


@pytest.fixture
def warnings() -> list[str]:
    return []


@pytest.fixture
def endpoints(cloud_trainers, cloud, warnings) -> Iterator[Endpoints]:
    """The endpoints of run-1; waiting moves the cloud's clock by a minute."""
    made = Endpoints(
        cloud_trainers, "run-1", warnings.append, clock=cloud.now, sleep=lambda _: cloud.advance(minutes=1)
    )
    yield made
    made.book.close()


@pytest.fixture
def states(endpoints) -> Callable[[], list[str]]:
    return lambda: [booking.state for booking in endpoints.book.bookings(everything=True)]


def test_an_evaluations_endpoint_is_up_inside_the_block_and_gone_after(endpoints, cloud, states) -> None:
    cloud.turn(polls=3)
    with endpoints.serve(STUDENT) as target:
        assert cloud.alive() == [endpoint_name(STUDENT, "evaluation", "run-1")]
        assert target.provider.identity.model == "gpt-small@0a1b2c3d"
    assert cloud.alive() == []
    assert states() == [REMOVED]


def test_owner_run_purpose_and_expiry_are_told_to_the_service(endpoints, cloud) -> None:
    with endpoints.serve(STUDENT):
        [one] = cloud.endpoints().values()
    [booking] = endpoints.book.bookings(everything=True)

    assert (one["tags"], one["purpose"]) == ({"owner": "raftline", "run": "run-1"}, "evaluation")
    expires_at = booking.handle.expires_at
    assert expires_at is not None
    assert one["expires_at"] == expires_at.isoformat()
    assert timedelta(minutes=119) < expires_at - booking.created_at <= timedelta(minutes=120)


@pytest.mark.parametrize("error", [ValueError("the block failed"), Interrupt("cancelled")])
def test_however_the_block_ends_its_endpoint_goes(endpoints, cloud, states, error) -> None:
    with pytest.raises(type(error), match=str(error)), endpoints.serve(STUDENT):
        raise error
    assert cloud.alive() == []
    assert states() == [REMOVED]


def test_an_interrupt_while_it_comes_up_takes_it_down(cloud_trainers, cloud, warnings) -> None:
    def interrupted(_: float) -> None:
        raise Interrupt("cancelled")

    cloud.turn(polls=9)
    endpoints = Endpoints(cloud_trainers, "run-1", warnings.append, cloud.now, interrupted)
    with pytest.raises(Interrupt), endpoints.serve(STUDENT):
        pytest.fail("it is not up")
    assert cloud.alive() == []


def test_an_endpoint_that_fails_raises_the_services_words_and_is_taken_down(endpoints, cloud, states) -> None:
    cloud.turn(outcome="failed")
    with pytest.raises(DeploymentFailed, match="failed: the container does not start"), endpoints.serve(STUDENT):
        pytest.fail("it is not up")
    assert cloud.alive() == []
    assert states() == [REMOVED]


def test_patience_ends_with_ready_minutes_and_names_the_setting(endpoints, cloud) -> None:
    cloud.turn(polls=10_000)
    words = r"not up after 60 minutes \(serving.ready_minutes\): creating pulling"
    with pytest.raises(DeploymentFailed, match=words), endpoints.serve(STUDENT):
        pytest.fail("it is not up")
    assert cloud.alive() == []
    assert cloud.cost() == pytest.approx(3.0, rel=0.05)


def test_credentials_that_return_in_time_do_no_harm(cloud_trainers, cloud, warnings) -> None:
    waits = []

    def sleep(_: float) -> None:
        waits.append(cloud.turn(unreachable=len(waits) < 3))

    endpoints = Endpoints(cloud_trainers, "run-1", warnings.append, cloud.now, sleep)
    cloud.turn(polls=2)
    with endpoints.brought_up(STUDENT) as endpoint:
        cloud.turn(unreachable=True)
        endpoints.wait_ready(endpoint)
    assert len(waits) > 3
    assert cloud.alive() == []


def test_a_refusal_is_raised_as_it_is_and_leaves_nothing_to_sweep(endpoints, cloud, states) -> None:
    cloud.turn(deploy="refused")
    with pytest.raises(DeploymentFailed, match="quota of gpt-small is exhausted"), endpoints.serve(STUDENT):
        pytest.fail("it is not up")
    assert states() == [REMOVED]


def test_an_answer_lost_after_the_effect_leaves_no_endpoint(endpoints, cloud, states) -> None:
    cloud.turn(deploy="lost")
    with pytest.raises(TrainingUnreachable, match="broke"), endpoints.serve(STUDENT):
        pytest.fail("it is not up")
    assert len(cloud.deployed()) == 1
    assert cloud.alive() == []
    assert states() == [REMOVED]


def test_one_that_cannot_be_deleted_is_left_to_the_sweeper_and_hides_no_error(
    endpoints, cloud, states, warnings
) -> None:
    cloud.turn(stuck=True)
    with pytest.raises(ValueError, match="the real reason"), endpoints.serve(STUDENT):
        raise ValueError("the real reason")
    assert states() == [REMOVING]
    assert len(cloud.alive()) == 1
    [warning] = warnings
    assert "swept later: cannot delete an endpoint that is Creating" in warning


def test_one_that_is_still_being_deleted_stays_booked(endpoints, cloud, states, warnings) -> None:
    cloud.turn(deleting=2)
    with endpoints.serve(STUDENT):
        pass
    assert states() == [REMOVING]
    assert warnings == []


def test_the_same_student_twice_in_a_run_shares_one_endpoint(endpoints, cloud) -> None:
    with endpoints.serve(STUDENT):
        with endpoints.serve(STUDENT):
            assert len(cloud.alive()) == 1
        assert len(cloud.alive()) == 1
    assert cloud.alive() == []
    assert len(cloud.deployed()) == 1


def test_base_and_tuned_are_up_together_under_names_of_their_own(endpoints, cloud) -> None:
    with endpoints.serve(STUDENT), endpoints.serve(StudentModel("cloud", "gpt-small")):
        assert len(cloud.alive()) == 2
    assert cloud.alive() == []


def test_names_suit_every_service_and_differ_by_run_and_student() -> None:
    names = {
        endpoint_name(student, "evaluation", run)
        for student in (STUDENT, replace(STUDENT, model_id="other"), replace(STUDENT, backend="other"))
        for run in ("run-1", "run-2")
    }
    assert len(names) == 6
    assert all(name == name.lower() and len(name) <= 63 and "_" not in name for name in names)


def test_a_student_in_this_process_is_neither_booked_nor_named(cloud_trainers, tmp_path) -> None:
    endpoints = Endpoints(cloud_trainers, "run-1")
    with endpoints.serve(StudentModel("embedded", "extractive-reader")) as target:
        assert target.provider.identity.provider == "embedded"
    assert not (tmp_path / "ledger.db").exists()


def test_a_process_killed_while_deploying_leaves_an_intent_that_names_the_endpoint(cloud_trainers, cloud) -> None:
    """kill -9 between the effect at the service and our note of it."""
    child = os.fork()
    if child == 0:
        with suppress(BaseException):
            endpoints = Endpoints(cloud_trainers, "run-1", clock=cloud.now)
            endpoints._booked = lambda endpoint: os.kill(os.getpid(), signal.SIGKILL)  # the worst moment
            endpoints.begin(STUDENT, "evaluation", cloud.now() + timedelta(hours=2))
        os._exit(3)
    _, status = os.waitpid(child, 0)

    assert os.WTERMSIG(status) == signal.SIGKILL
    book = EndpointBook(cloud_trainers.ledger(), cloud.now)
    [booking] = book.bookings()
    assert booking.state == INTENT
    assert cloud.alive() == [booking.handle.name]
    book.close()


def test_a_lack_of_room_is_a_failed_deployment_so_that_another_student_may_take_the_place(
    endpoints, cloud, states
) -> None:
    cloud.turn(deploy="crowded")
    with pytest.raises(DeploymentFailed, match="the limit of 1 instance"), endpoints.serve(STUDENT):
        raise AssertionError
    assert (cloud.alive(), states()) == ([], [REMOVED])
