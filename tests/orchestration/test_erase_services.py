"""What erasing a document does at training services: jobs end, uploads go, and what stays is named."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from orchestration.erase_services import erase_at_services
from resources.lake.lake import Lake
from resources.lake.tables import MODEL_REGISTRY
from resources.training.base import Quote, TrainingData, TrainingSpec
from resources.training.book import Order
from resources.training.placing import place
from resources.training.watching import JobWatch

DATA = TrainingData(({"row_id": "r1"},), (), {"train.jsonl": b"{}\n"})
CLEAN = ("clean",)


@pytest.fixture
def trained(job_trainers, lake: Lake) -> Callable[..., Any]:
    """Trains specifications, to their end or not, and registers a model of each; gives the trainers."""

    def train(versions: Sequence[str], parent: str = "", looks: int = 9) -> Any:
        trainers, rows = job_trainers(), lake.rows_or_empty(MODEL_REGISTRY)
        blank = dict.fromkeys(MODEL_REGISTRY.schema.names, "") | {"stamp": None}
        blank |= {name: [] for name in ("artifact_files", "artifact_hashes", "training_rows")}
        with trainers.book() as book:
            watch = JobWatch(trainers.get("azure_openai"), book, trainers.options.jobs)
            for version in versions:
                spec = TrainingSpec("azure_openai", "echo-small", version, parent=parent)
                job = place(watch, spec, DATA, Order(version, "run"), {}, lambda: Quote(1.0, "list", 7200.0)).job
                for _ in range(looks):
                    job = watch.look(job) if job.open else job
                model = {"model_id": job.idem, "dataset_version": version, "artifact": f"model of {job.name}"}
                rows.append(blank | model | {"spec": spec.to_json()})
        lake.write(MODEL_REGISTRY, rows)
        return trainers

    return train


def test_jobs_that_learn_it_end_and_what_was_uploaded_for_them_goes(lake, trained, job_cloud) -> None:
    job_cloud.turn(statuses=["running"])
    notes = erase_at_services(lake, trained(["held", "clean"], looks=0), CLEAN)
    assert {name: (job["cancelled"], job["files"]) for name, job in job_cloud.jobs().items()} == {
        "ft-1": (True, {}),
        "ft-2": (False, {"train.jsonl": "{}\n"}),
    }
    assert notes[0] == "cloud.example: deleted train.jsonl of ft-1"


def test_a_model_that_stays_at_its_service_is_named(lake, trained, job_cloud) -> None:
    notes = erase_at_services(lake, trained(["held", "clean"]), CLEAN)
    assert notes == [
        "cloud.example: deleted train.jsonl of ft-1",
        "cloud.example: the model model of ft-1 is still there: delete it at the service",
    ]


def test_a_student_of_a_clean_dataset_goes_with_a_parent_that_learned_it(lake, trained, job_cloud) -> None:
    held = TrainingSpec("azure_openai", "echo-small", "held").idem()
    trained(["held"])
    erase_at_services(lake, trained(["clean"], parent=held), CLEAN)
    assert [job["files"] for job in job_cloud.jobs().values()] == [{}, {}]


def test_a_service_that_cannot_be_asked_holds_nothing_up_and_is_named(lake, trained, job_cloud) -> None:
    trainers = trained(["held", "also held"])
    job_cloud.turn(unreachable=True)
    notes = erase_at_services(lake, trainers, CLEAN)
    assert [note.split(" is still there")[0] for note in notes] == [
        "azure_openai: what was uploaded for job ft-2",
        "azure_openai: what was uploaded for job ft-1",
    ]
    assert all("credentials expired" in note for note in notes)
