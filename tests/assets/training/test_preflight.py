"""Terms that a recipe must acknowledge, and the words for what nobody agreed to."""

import json
from typing import Any

import pytest

from assets.raft.recipes import Recipe
from assets.training.preflight import unacknowledged
from resources.lake.tables import QA_PAIRS

TEACHER = "azure_openai/gpt-4o at name.openai.azure.com"
ALL = {
    "eula_accepted_by": "ada@example.com",
    "student_licence": "Apache-2.0",
    "teacher_terms": "product terms, May 2026",
}


def faults(backend: str, teachers: list[str], **terms: Any) -> list[str]:
    options = {"accept_eula": True} if backend == "sagemaker_jumpstart" else {}
    training = {"backend": backend, "base_model": "small-1b", "options": options, "terms": terms}
    recipe = Recipe.model_validate({"name": "r", "training": training})
    return unacknowledged(recipe, teachers)


@pytest.mark.parametrize(
    ("backend", "teachers", "missing"),
    [
        ("embedded", [TEACHER], []),
        ("azure_openai", ["embedded/teacher"], []),
        ("azure_openai", [TEACHER], ["teacher_terms"]),
        ("local", ["embedded/teacher"], ["student_licence"]),
        ("local", [TEACHER], ["student_licence", "teacher_terms"]),
        ("sagemaker_jumpstart", [], ["eula_accepted_by", "student_licence"]),
        ("sagemaker_jumpstart", [TEACHER], ["eula_accepted_by", "student_licence", "teacher_terms"]),
    ],
)
def test_what_must_be_acknowledged_depends_on_backend_and_teacher(backend, teachers, missing) -> None:
    found = faults(backend, teachers)
    assert [fault.split("training.terms.")[1].split(":")[0] for fault in found] == missing
    assert faults(backend, teachers, **ALL) == []
    assert all("into recipe r" in fault for fault in found)


def test_a_hosted_run_is_refused_for_a_teacher_whose_terms_nobody_stated_and_records_them_when_stated(
    training_home, job_cloud, words
) -> None:
    home = training_home()
    home.lake.write(QA_PAIRS, [], "b")
    home.lake.put_fingerprint(QA_PAIRS.name, "b", {"model": TEACHER})
    told = words(home.run())
    assert TEACHER in told and "training.terms.teacher_terms" in told
    assert job_cloud.jobs() == {}
    home.write_recipe(terms=ALL)
    assert home.run().success
    provenance = json.loads(home.model()["provenance"])
    assert (provenance["teachers"], provenance["terms"]) == ([TEACHER], ALL)
