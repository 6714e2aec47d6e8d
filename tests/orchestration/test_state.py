"""What planning sees of a home: which setting of a role makes which table stale."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from assets.training.models import model_row
from orchestration.catalog import asset_specs
from orchestration.settings import Settings
from orchestration.state import read_state
from orchestration.wiring import build_resources
from resources.files import file_sha256
from resources.lake.tables import FINE_TUNED_MODEL
from resources.training.base import Artifact, TrainingData, TrainingSpec
from resources.training.local.job_folder import JobFolder

HOSTED = {"provider": "openai_compatible", "endpoint": "http://localhost:8000/v1", "auth": "none"}
ROLES = {
    "transcriber": {**HOSTED, "model": "gpt-4o"},
    "contextualizer": {**HOSTED, "model": "gpt-4o-mini"},
    "teacher": {**HOSTED, "model": "gpt-4o"},
    "embedder": {**HOSTED, "model": "text-embedding-3-small"},
    "judge": {**HOSTED, "model": "gpt-4o"},
}


@pytest.fixture
def wanted(project: Callable[..., Settings]) -> Callable[..., dict[str, Any]]:
    """The fingerprints that a home with one batch wants, by asset; `changed` are settings of one role."""

    def read(role: str = "", **changed: object) -> dict[str, Any]:
        roles = {name: {**given, **(changed if name == role else {})} for name, given in ROLES.items()}
        settings = project(documents="pdfs", roles=roles)
        settings.documents_folder.mkdir(exist_ok=True)
        (settings.documents_folder / "a.pdf").write_bytes(b"one")
        resources = build_resources(settings)
        resources["corpus"].scan(settings.batches.max_documents)
        state = read_state(asset_specs(settings), resources)
        return {asset: known.wanted for (asset, _), known in state.assets.items()}

    return read


@pytest.mark.parametrize(
    ("role", "setting", "stale"),
    [
        ("transcriber", {"parameters": {"max_tokens": 100}}, {"markdown_pages"}),
        ("contextualizer", {"parameters": {"temperature": 0.5}}, {"contextualized_chunks"}),
        ("teacher", {"structured_output": "prompt"}, {"qa_pairs"}),
        ("teacher", {"endpoint": "https://models.example.org/v1"}, {"qa_pairs"}),
        ("embedder", {"dimensions": 256}, {"chunk_embeddings", "judge_scores"}),
        ("judge", {"parameters": {"seed": 8}}, {"judge_scores"}),
        ("teacher", {"timeout_seconds": 5.0, "limits": {"concurrency": 2}}, set()),
    ],
)
def test_how_a_role_is_asked_makes_the_tables_of_that_role_stale(wanted, role, setting, stale) -> None:
    before, after = wanted(), wanted(role, **setting)
    assert {asset for asset in before if before[asset] != after[asset]} == stale


def test_a_student_whose_server_is_not_set_up_right_stops_nobody_from_planning(project, monkeypatch) -> None:
    monkeypatch.delenv("STUDENT_KEY", raising=False)
    serving = {"endpoint": "http://127.0.0.1:9/v1", "api_key_variable": "STUDENT_KEY"}
    settings = project(trainers={"local": {"serving": serving}})
    training = {"backend": "local", "base_model": "tiny", "terms": {"student_licence": "MIT"}}
    settings.recipes_folder.mkdir(exist_ok=True)
    (settings.recipes_folder / "r.yaml").write_text(yaml.safe_dump({"name": "r", "training": training}))
    resources = build_resources(settings)
    spec = TrainingSpec("local", "tiny", "v1")
    job = JobFolder(Path(resources["trainers"].folder) / spec.idem())
    job.merged.mkdir(parents=True)
    (job.merged / "config.json").write_text("{}")
    files = {"merged/config.json": file_sha256(job.merged / "config.json")}
    job.write_manifest({"files": files})
    row = model_row("r", spec, Artifact(spec.idem(), files, {}, ()), TrainingData((), ()))
    lake = resources["lake"].open()
    lake.write(FINE_TUNED_MODEL, [row], "r")
    state = read_state(asset_specs(settings), resources)
    assert state.assets["fine_tuned_model", "r"].made == lake.fingerprint(FINE_TUNED_MODEL.name, "r")
