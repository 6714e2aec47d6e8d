"""Students as they stand: who can be asked without deploying anything, and what to do about the others."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from assets.raft.recipes import Recipe, TrainingRecipe
from assets.training.students import base_student, standing, student_of, unusable
from resources.training.base import TrainingData
from resources.training.endpoints import EndpointBook
from resources.training.options import ServingOptions
from resources.training.serve import Endpoints
from resources.training.serving import ChatTarget, DeploymentFailed, EndpointHandle, StudentModel

STUDENT = StudentModel("cloud", "gpt-small", "0a1b2c3d", "ft:gpt-small:0a1b2c3d")
NOTHING = TrainingData((), ())


@pytest.fixture
def ask(cloud_trainers) -> Callable[..., ChatTarget]:
    def run(student: StudentModel = STUDENT, champion: bool = False) -> ChatTarget:
        trainers = cloud_trainers.model_copy(update={"serving": ServingOptions(champion=champion)})
        return standing(student, trainers, NOTHING)

    return run


@pytest.fixture
def serve(cloud_trainers, cloud) -> Iterator[Callable[[StudentModel], EndpointHandle]]:
    """Brings a student up as the champion."""
    endpoints = Endpoints(cloud_trainers, "run-1", clock=cloud.now)

    def run(student: StudentModel) -> EndpointHandle:
        endpoint = endpoints.begin(student, "serving", None)
        endpoints.book.serve_by(endpoint)
        return endpoint

    yield run
    endpoints.close()


def test_a_hosted_champion_answers_through_its_serving_endpoint(ask, serve, cloud) -> None:
    serve(STUDENT)
    target = ask()
    assert target.provider.identity.model == "gpt-small@0a1b2c3d"
    assert len(cloud.deployed()) == 1


@pytest.mark.parametrize(
    ("champion", "words"),
    [(False, "set `serving.champion: true` to keep it deployed"), (True, "run `raftline refresh`, which brings it up")],
)
def test_without_an_endpoint_nothing_is_deployed_and_the_message_says_what_to_do(ask, cloud, champion, words) -> None:
    with pytest.raises(DeploymentFailed, match=words):
        ask(champion=champion)
    assert cloud.deployed() == []


def test_the_former_champions_endpoint_answers_for_nobody_else(ask, serve, cloud) -> None:
    former = serve(StudentModel("cloud", "gpt-small", "former", "ft:former"))
    with pytest.raises(DeploymentFailed, match=f"{former.name} still serves former"):
        ask(champion=True)
    assert len(cloud.deployed()) == 1


def test_an_endpoint_that_was_taken_down_serves_no_more(ask, serve, cloud_trainers, cloud) -> None:
    endpoint = serve(STUDENT)
    book = EndpointBook(cloud_trainers.ledger(), cloud.now)
    booking = book.find("cloud", endpoint.name)
    assert booking is not None
    book.note(booking, "removed")
    book.close()
    with pytest.raises(DeploymentFailed, match="no endpoint serves it"):
        ask()


def test_a_student_of_this_machine_stands_without_any_book(cloud_trainers, tmp_path) -> None:
    target = standing(StudentModel("embedded", "extractive-reader"), cloud_trainers, NOTHING)
    assert target.provider.identity.provider == "embedded"
    assert not (tmp_path / "ledger.db").exists()


def row(**changes: Any) -> dict[str, Any]:
    return {
        "backend": "embedded", "base_model": "extractive-reader", "model_id": "m1", "artifact": "m1",
        "artifact_files": ["weights.json"], "artifact_hashes": ["0" * 64],
        "provenance": '{"service": {"template": "t"}}',
    } | changes  # fmt: skip


def test_a_row_says_what_is_deployed_of_it_and_what_its_files_hash_to() -> None:
    student = student_of(row(backend="cloud", artifact="ft:m1"))
    assert (student.name, student.location) == ("extractive-reader@m1", "ft:m1")
    assert student.files == {"weights.json": "0" * 64}
    assert student.provenance == {"template": "t"}


def test_a_student_whose_files_are_gone_is_unusable_and_a_hosted_one_is_not_looked_at(cloud_trainers, cloud) -> None:
    cloud.turn(unreachable=True)
    assert "has no readable manifest" in unusable(row(), cloud_trainers)
    assert unusable(row(backend="cloud"), cloud_trainers) == ""


def test_an_untrained_student_carries_what_its_recipe_agreed_to() -> None:
    training = TrainingRecipe(backend="sagemaker_jumpstart", base_model="reader/1.0.0", options={"accept_eula": True})
    student = base_student(Recipe(name="r", training=training))
    assert (student.name, student.provenance) == ("reader/1.0.0@base", {"accept_eula": "true"})
