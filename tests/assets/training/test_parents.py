"""`training.parent: champion`: which model a student goes on from, until when, and who cannot be a parent."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from assets.evaluation.champion import decide_champion
from assets.raft.recipes import Recipe
from assets.training.parents import parent_of_recipe, stamp_of_parent
from resources.lake.lake import Lake
from resources.lake.tables import CHAMPION_MODEL, FINE_TUNED_MODEL, LEARNED_FACTS, MODEL_REGISTRY, QUESTION_BANK
from resources.training.base import TrainingRejected


@pytest.fixture
def crown(lake: Lake) -> Callable[..., None]:
    """Makes a model champion, registered as given: `crown("m", backend="local")`."""

    def run(model_id: str, /, **row: Any) -> None:
        columns: dict[str, Any] = dict.fromkeys(MODEL_REGISTRY.schema.names, "")
        columns |= {name: [] for name in ("artifact_files", "artifact_hashes", "training_rows")}
        columns |= {"backend": "azure_openai", "base_model": "echo-small", "dataset_version": "an earlier one"}
        known = {one["model_id"]: one for one in lake.rows_or_empty(MODEL_REGISTRY)}
        known |= {model_id: columns | {"model_id": model_id, "stamp": None} | row}
        lake.write(MODEL_REGISTRY, known.values())
        told = {"verdict": "wins", "dataset_version": "d", "snapshot": "s", "sha256": f"report on {model_id}"}
        report = {"model_id": model_id, "promote": True, **told}
        lake.write(CHAMPION_MODEL, decide_champion(lake.rows_or_empty(CHAMPION_MODEL), [], [report], "auto", {}))

    return run


@pytest.fixture
def home(training_home, job_cloud) -> Any:
    """A home whose recipe goes on from the champion, at a service that can."""
    job_cloud.turn(capabilities=["rag", "parent"])
    made = training_home()
    made.write_recipe(parent="champion")
    return made


def parents_of(job_cloud) -> list[str]:
    return [job["parent"] for job in job_cloud.jobs().values()]


@pytest.fixture
def parent(lake: Lake, job_cloud, job_backend) -> Callable[..., str]:
    """The parent that a recipe of dataset `d1` resolves to now."""
    job_cloud.turn(capabilities=["rag", "parent"])
    training = {"backend": "azure_openai", "base_model": "echo-small", "parent": "champion"}
    return lambda **more: parent_of_recipe(
        lake, Recipe.model_validate({"name": "r", "training": training | more}), job_backend, "d1", []
    )


@pytest.fixture
def student(lake: Lake, crown) -> Callable[..., None]:
    """Gives recipe `r` a student of dataset `d1`."""

    def write(went_on_from: str = "") -> None:
        columns: dict[str, Any] = dict.fromkeys(FINE_TUNED_MODEL.schema.names, "")
        columns |= {name: [] for name in ("artifact_files", "artifact_hashes", "training_rows")}
        columns |= {
            "model_id": "s",
            "recipe": "r",
            "backend": "azure_openai",
            "base_model": "echo-small",
            "stamp": None,
        }
        spec = json.dumps({"parent": went_on_from})
        lake.write(FINE_TUNED_MODEL, [columns | {"dataset_version": "d1", "spec": spec}], "r")

    return write


def test_the_first_student_begins_at_the_base(parent) -> None:
    assert parent() == ""


def test_without_the_field_no_student_goes_on_from_the_champion(parent, crown) -> None:
    crown("m0")
    assert (parent(), parent(parent="")) == ("m0", "")


def test_another_champion_changes_nothing_while_the_dataset_is_the_same(parent, crown, student) -> None:
    crown("m0")
    student("m0")
    crown("m1")
    assert parent() == "m0"


def test_a_first_student_that_becomes_champion_is_not_its_own_parent(parent, crown, student) -> None:
    student()
    crown("s", dataset_version="d1")
    assert parent() == ""


def test_nobody_goes_on_from_a_champion_whose_parent_learned_this_dataset(parent, crown) -> None:
    crown("s", dataset_version="d1")
    crown("t", dataset_version="d2", spec='{"parent": "s"}')
    assert parent() == ""


def test_going_on_from_the_champion_can_be_asked_for_later(parent, crown, student) -> None:
    student()
    crown("m0")
    assert parent() == "m0"


def test_a_student_goes_on_from_the_champion_and_its_provenance_says_so(home, job_cloud, crown) -> None:
    crown("m0")
    assert home.run().success
    assert parents_of(job_cloud) == ["m0"]
    assert json.loads(home.model()["provenance"])["parent"] == "m0"


def test_its_own_promotion_trains_nothing_again_and_new_data_goes_on_from_it(home, job_cloud, crown, row) -> None:
    crown("m0")
    home.run()
    first = home.model()
    crown(first["model_id"], **first)
    home.run()
    assert home.model() == first
    assert parents_of(job_cloud) == ["m0"]

    home.write_rows([row(number, text=f"Account {number} costs $9 now.") for number in range(20)])
    home.run()
    assert parents_of(job_cloud) == ["m0", first["model_id"]]


def test_a_job_that_is_at_its_service_keeps_its_parent_though_the_champion_changes(home, job_cloud, crown) -> None:
    job_cloud.turn(seconds=7200.0, statuses=["queued", "running", "succeeded"])
    home.trainers = home.trainers.model_copy(
        update={"options": home.trainers.options.model_copy(
            update={"jobs": home.trainers.options.jobs.model_copy(update={"in_run_minutes": 10})}
        )}
    )  # fmt: skip
    crown("m0")
    home.run()
    assert home.model() is None
    crown("m1")
    for _ in range(3):
        home.run()
    assert home.model()["artifact"] == "ft-1"
    assert parents_of(job_cloud) == ["m0"]


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ({"backend": "local"}, "it is echo-small of local, and this recipe trains echo-small of azure_openai"),
        ({"base_model": "echo-large"}, "it is echo-large of azure_openai"),
        ({"stamp": "it learned from a document that was erased"}, "not a real model: it learned from a document"),
    ],
)
def test_a_champion_that_cannot_be_the_parent_is_refused_in_words(parent, crown, row, fault) -> None:
    crown("m0", **row)
    with pytest.raises(TrainingRejected, match=f"recipe r: training.parent: the champion m0 cannot be the .*{fault}"):
        parent()


def test_a_refused_parent_fails_the_run_before_anything_is_paid(home, job_cloud, crown, words) -> None:
    crown("m0", backend="local")
    assert "the champion m0 cannot be the parent" in words(home.run())
    assert job_cloud.jobs() == {}


def test_a_champion_that_learned_what_the_test_asks_is_no_parent(parent, crown, lake) -> None:
    crown("m0")
    fact = {"question_id": "q", "split": "train", "question": "fee?", "final_answer": "$5", "policy": "oracle"}
    lake.write(LEARNED_FACTS, [fact | {"chunk_id": "c"}], "m0")
    row = dict.fromkeys(QUESTION_BANK.schema.names, "") | {"quotes": [], "answerable": True, "page": 0, "chunk_id": "c"}
    lake.write(QUESTION_BANK, [row | {"split": "test", "status": "kept"}])
    with pytest.raises(TrainingRejected, match="the test asks about 1 of the rows"):
        parent()


def test_the_student_of_a_model_that_is_not_real_is_not_real_either(lake, crown) -> None:
    crown("m0", stamp="it learned from an emulator's answers")
    assert stamp_of_parent(lake, "m0") == (
        "it went on from m0, which is no real model: it learned from an emulator's answers"
    )
    assert stamp_of_parent(lake, "") == stamp_of_parent(lake, "unknown") == ""
