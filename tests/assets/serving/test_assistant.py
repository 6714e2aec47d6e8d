"""The assistant on a hosted champion: it follows the endpoint in use, and asks the service who is behind it once."""

from contextlib import closing

import pytest

from assets.serving.assistant import Assistant
from resources.errors import RaftlineError
from resources.folders import FoldersResource
from resources.lake.resource import LakeResource
from resources.lake.tables import CORPUS
from resources.llm.request import Message
from resources.llm.resource import ModelsResource
from resources.search.resource import IndexResource
from resources.training.endpoints import EndpointBook
from resources.training.serving import EndpointHandle, StudentModel

DOG = (Message("user", "<DOCUMENT>A dog costs $3.15.</DOCUMENT>\nWhat does a dog cost?"),)


@pytest.fixture
def serve(cloud, cloud_trainers):
    """Points the book to an endpoint that serves a student."""

    def run(model_id: str) -> None:
        deployer = cloud_trainers.deployer("cloud")
        student = StudentModel("cloud", "gpt", model_id, f"ft:{model_id}")
        handle: EndpointHandle = deployer.deploy(student, f"serving-{model_id}", "serving", None, {})
        with closing(EndpointBook(cloud_trainers.ledger())) as book:
            book.up(handle)
            book.serve_by(handle)

    return run


@pytest.fixture
def assistant(lake, tmp_path, cloud_trainers) -> Assistant:
    lake.write(CORPUS, [])
    folders = FoldersResource(questions=str(tmp_path), recipes=str(tmp_path), reports=str(tmp_path))
    return Assistant(
        LakeResource(url=lake.root),
        IndexResource(folder=str(tmp_path / "index")),
        folders,
        ModelsResource(ledger_url=cloud_trainers.ledger_url),
        cloud_trainers,
        documents=4,
    )


def test_until_the_new_champion_is_up_the_one_before_it_answers(assistant, crown, serve) -> None:
    crown("model-1")
    serve("model-1")
    assert assistant.answer(DOG).champion == "r (model-1)"
    crown("model-2")
    assert (assistant.answer(DOG).champion, assistant.names()[1]) == ("r (model-1)", "gpt@model-1")
    serve("model-2")
    assert (assistant.answer(DOG).champion, assistant.names()[1]) == ("r (model-2)", "gpt@model-2")


def test_a_champion_that_is_not_deployed_is_said_to_be_so(assistant, crown) -> None:
    crown("model-1")
    with pytest.raises(RaftlineError, match=r"no endpoint serves it: set `serving.champion: true`"):
        assistant.answer(DOG)
