"""The champion's one endpoint: a new one answers before it replaces the old, and a new one that fails changes nothing."""

from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from assets.serving.endpoint import DEPLOYED, IN_PROCESS, NOT_KEPT, out_of_service
from assets.training.students import standing
from resources.training.base import TrainingData, TrainingUnreachable
from resources.training.endpoints import EndpointBook
from resources.training.serving import DeploymentFailed, StudentModel
from resources.training.sweeping import sweep

FIRST = StudentModel("cloud", "gpt-small", "model-1", "ft:1")
SECOND = StudentModel("cloud", "gpt-small", "model-2", "ft:2")
BASE = StudentModel("cloud", "gpt-small")
EMBEDDED = StudentModel("embedded", "extractive-reader")


@pytest.fixture
def book(cloud_trainers, cloud):
    """The home's book of endpoints, by the cloud's clock."""
    with closing(EndpointBook(cloud_trainers.ledger(), cloud.now)) as opened:
        yield opened


def models_alive(cloud) -> list[str]:
    return [cloud.endpoints()[name]["model_id"] for name in cloud.alive()]


def test_a_champion_in_process_costs_nothing_and_opens_no_book(service, cloud_trainers) -> None:
    service.trainers = cloud_trainers.model_copy(update={"clouds": {}})
    kept = service.keep(EMBEDDED)
    assert (kept.state, kept.endpoint, kept.done) == (IN_PROCESS, None, ())
    assert not Path(cloud_trainers.ledger().removeprefix("sqlite:///")).exists()


def test_unless_it_is_wanted_no_hosted_champion_is_kept_up(service, cloud, book) -> None:
    assert service.keep(FIRST, champion=False).state == NOT_KEPT
    assert (cloud.endpoints(), book.serving(), service.asked) == ({}, None, [])


def test_a_new_endpoint_is_asked_pointed_to_and_never_ends_by_itself(service, cloud, book, cloud_trainers) -> None:
    cloud.turn(polls=3)
    kept = service.keep(FIRST)

    assert kept.endpoint
    assert (kept.state, [kept.endpoint.name], service.asked) == (DEPLOYED, cloud.alive(), cloud.alive())
    [one] = cloud.endpoints().values()
    assert (one["purpose"], one["expires_at"], one["tags"]["owner"]) == ("serving", None, "raftline")
    serving = book.serving()
    assert serving
    assert (serving.name, serving.expires_at) == (kept.endpoint.name, None)
    cloud.advance(days=40)
    assert sweep(cloud_trainers, book).removed == []
    assert standing(FIRST, cloud_trainers, TrainingData((), ())).provider.identity.model == "gpt-small@model-1"


def test_the_same_champion_again_is_renewed_and_not_deployed_or_asked_again(service, cloud) -> None:
    first = service.keep(FIRST).endpoint
    assert service.keep(FIRST).endpoint == first
    assert (len(cloud.endpoints()), len(service.asked)) == (1, 1)


def test_after_a_promotion_the_new_one_serves_and_the_old_one_is_gone(service, cloud, book) -> None:
    service.keep(FIRST)
    kept = service.keep(SECOND)
    assert models_alive(cloud) == ["model-2"]
    serving = book.serving()
    assert serving
    assert serving.model_id == "model-2"
    assert [line.split()[-1] for line in kept.done] == ["answered", "down"]


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        ({"refuses": ["gpt-small@model-2"]}, "quota of gpt-small is exhausted"),
        ({"outcome": "failed"}, "the container does not start"),
        ({"polls": 10_000}, "was not up after"),
    ],
)
def test_a_new_endpoint_that_does_not_come_up_leaves_the_old_one_serving(service, cloud, book, trouble, reason) -> None:
    service.keep(FIRST)
    cloud.turn(**trouble)
    with pytest.raises(DeploymentFailed, match=rf"model-2 did not come up: .*{reason}.* goes on serving model-1"):
        service.keep(SECOND, ready_minutes=5)
    assert models_alive(cloud) == ["model-1"]
    assert book.serving().model_id == "model-1"
    cloud.turn(refuses=[], outcome="ready", polls=1)
    service.keep(SECOND)
    assert models_alive(cloud) == ["model-2"]


def test_a_new_endpoint_that_does_not_answer_leaves_the_old_one_serving(service, cloud, book) -> None:
    service.keep(FIRST)
    service.mute = True
    with pytest.raises(DeploymentFailed, match=r"smoke question is of no use; .* goes on serving model-1"):
        service.keep(SECOND)
    assert models_alive(cloud) == ["model-1"]
    assert book.serving().model_id == "model-1"


@pytest.mark.parametrize("next_run", [True, False])
def test_what_a_killed_run_left_goes_with_the_next_run_or_ends_by_itself(
    service, cloud, book, cloud_trainers, next_run
) -> None:
    service.keep(FIRST)
    service.make(cloud_trainers, "killed").begin(SECOND, "serving", cloud.now() + timedelta(hours=3))
    assert sorted(models_alive(cloud)) == ["model-1", "model-2"]
    if next_run:
        service.keep(FIRST)
    else:
        cloud.advance(hours=4)
        assert len(sweep(cloud_trainers, book).removed) == 1
    assert models_alive(cloud) == ["model-1"]


def test_an_interrupt_while_the_new_one_comes_up_takes_it_down(service, cloud, warnings) -> None:
    class Interrupt(BaseException):
        """As Dagster's own."""

    def interrupted(_: float) -> None:
        raise Interrupt

    service.keep(FIRST)
    cloud.turn(polls=9)
    make = service.make

    def made(trainers, run_id):
        endpoints = make(trainers, run_id)
        endpoints.sleep = interrupted
        return endpoints

    service.make = made
    with pytest.raises(Interrupt):
        service.keep(SECOND)
    assert models_alive(cloud) == ["model-1"]


def test_a_service_that_cannot_be_asked_changes_nothing(service, cloud, book) -> None:
    service.keep(FIRST)
    cloud.turn(unreachable=True)
    for student in (FIRST, SECOND):
        with pytest.raises(TrainingUnreachable):
            service.keep(student)
    cloud.turn(unreachable=False)
    assert models_alive(cloud) == ["model-1"]
    assert book.serving().model_id == "model-1"


def test_an_endpoint_that_somebody_deleted_is_brought_up_again(service, cloud) -> None:
    [name] = [service.keep(FIRST).endpoint.name]
    cloud.put(name, gone_at=cloud.now().isoformat())
    assert service.keep(FIRST).endpoint.name != name
    assert models_alive(cloud) == ["model-1"]


def test_an_endpoint_that_somebody_had_load_another_model_is_replaced(service, cloud, warnings) -> None:
    name = service.keep(FIRST).endpoint.name
    cloud.put(name, model="gpt-small@other")
    assert service.keep(FIRST).endpoint.name != name
    assert [cloud.endpoints()[one]["model"] for one in cloud.alive()] == [FIRST.name]
    assert "gpt-small@other" in warnings[0]


def test_an_old_one_that_cannot_be_deleted_yet_is_left_to_the_sweeper(
    service, cloud, book, cloud_trainers, warnings
) -> None:
    service.keep(FIRST)
    cloud.turn(stuck=True)
    kept = service.keep(SECOND)
    assert kept.done[-1].endswith("not gone yet: the sweeper tries again")
    assert warnings
    assert book.serving().model_id == "model-2"
    cloud.turn(stuck=False)
    assert len(sweep(cloud_trainers, book).removed) == 1
    assert models_alive(cloud) == ["model-2"]


def test_another_homes_endpoints_stay_whoever_is_promoted_here(service, cloud, book, cloud_trainers) -> None:
    theirs = cloud_trainers.deployer("cloud")
    theirs.deploy(FIRST, "theirs", "serving", cloud.now() + timedelta(hours=1), {"owner": "raftline"})
    sweep(cloud_trainers, book)
    theirs.renew(book.find("cloud", "theirs").handle, None)
    sweep(cloud_trainers, book)
    kept = service.keep(SECOND)
    assert cloud.alive() == sorted([kept.endpoint.name, "theirs"])


@pytest.mark.parametrize("student", [EMBEDDED, FIRST, SECOND])
def test_when_nothing_is_to_be_kept_up_any_more_the_last_one_goes(service, cloud, book, student) -> None:
    service.keep(FIRST)
    kept = service.keep(student, champion=False)
    assert kept.state == (IN_PROCESS if student is EMBEDDED else NOT_KEPT)
    assert (cloud.alive(), book.serving()) == ([], None)
    assert kept.done[0].endswith("taken down")


def test_a_base_that_is_champion_is_kept_up_too_and_followed_when_it_changes(service, cloud) -> None:
    service.keep(FIRST)
    service.keep(BASE)
    assert cloud.deployed() == ["gpt-small@model-1", "gpt-small@base"]
    service.keep(StudentModel("cloud", "gpt-large"))
    assert [cloud.endpoints()[name]["model"] for name in cloud.alive()] == ["gpt-large@base"]


def test_the_row_says_who_is_served_and_nothing_that_differs_between_runs(service) -> None:
    service.keep(FIRST)
    first = service.row
    service.keep(SECOND)
    service.keep(FIRST)
    assert service.row == first == {
        "model_id": "model-1", "recipe": "a-recipe", "backend": "cloud", "base_model": "gpt-small", "state": "deployed",
    }  # fmt: skip


def test_a_refresh_is_due_when_the_book_points_elsewhere_than_the_table_says(service, book, cloud_trainers) -> None:
    service.keep(FIRST)
    assert not out_of_service([service.row], cloud_trainers)
    assert not out_of_service([service.row | {"state": NOT_KEPT}], cloud_trainers)
    book.serve_by(None)
    assert out_of_service([service.row], cloud_trainers)
