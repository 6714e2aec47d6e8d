"""A home with one RAFT dataset, and runs of `fine_tuned_model` on it against a hosted service kept in a folder."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from assets.training.assets import fine_tuned_model
from resources.folders import FoldersResource
from resources.lake.lake import Lake
from resources.lake.resource import LakeResource
from resources.lake.tables import CHUNKS, FINE_TUNED_MODEL, QUESTION_BANK, RAFT_DATASET, RAW_PDFS
from resources.llm.raft_text import quoted, render_answer
from resources.llm.resource import ModelsResource
from resources.options import BudgetOptions
from resources.training.resource import TrainersResource

HOSTED = {"backend": "azure_openai", "base_model": "echo-small"}


def raft_row(number: int, text: str = "", chunk: str = "") -> dict[str, Any]:
    """A row of `raft_dataset`; every fifth is a validation row."""
    text = text or f"The fee of account {number} is ${number}.50."
    return {
        "row_id": f"r{number:03}", "split": "validation" if number % 5 == 4 else "train", "question_id": f"q{number}",
        "question": f"What is the fee of account {number}?",
        "documents": [{"chunk_id": chunk or f"c{number}", "title": "Guide", "text": text}], "oracle_index": 0,
        "oracle_present": True, "policy": "oracle", "strategy": "raft", "oracle_text": text,
        "target": render_answer(f"It says {quoted(text)}.", f"${number}.50"), "final_answer": f"${number}.50",
        "origin": "generated", "kind": "number", "group": "g", "tokens": 50,
    }  # fmt: skip


@dataclass
class TrainingHome:
    """What a run needs, and what it leaves behind."""

    folder: Path
    lake: Lake
    instance: dg.DagsterInstance
    trainers: TrainersResource
    budget: BudgetOptions = field(default_factory=BudgetOptions)

    def write_recipe(self, name: str = "r", **training: Any) -> None:
        content = {"name": name, "training": HOSTED | training}
        (self.folder / "recipes" / f"{name}.yaml").write_text(yaml.safe_dump(content))
        self.instance.add_dynamic_partitions("training_recipes", [name])

    def write_rows(self, rows: list[dict[str, Any]], name: str = "r") -> None:
        self.lake.write(RAFT_DATASET, rows, name)

    def write_document(self, uri: str, version: str, chunks: list[str]) -> None:
        """A document of one batch, and the questions about its chunks: `q1` about `c1`."""
        arrived = {"document_id": uri, "version": version, "uri": uri, "title": uri, "bytes": 1, "page_count": 1,
                   "status": "ok", "error": None, "tombstone": False}  # fmt: skip
        self.lake.write(RAW_PDFS, [arrived], uri.replace("/", "-"))
        cut = {"document_id": uri, "version": version, "page_start": 0, "page_end": 0, "char_start": 0, "char_end": 1,
               "heading_path": [], "text": "", "tokens": 1}  # fmt: skip
        self.lake.write(CHUNKS, [{"chunk_id": chunk, **cut} for chunk in chunks], uri.replace("/", "-"))
        bank = {"question": "?", "answer": "", "quotes": [], "final_answer": "", "kind": "open", "origin": "generated",
                "language": "en", "answerable": True, "document_id": uri, "page": 0, "group": "g", "split": "train",
                "status": "kept", "reason": None}  # fmt: skip
        known = self.lake.rows_or_empty(QUESTION_BANK)
        fresh = [{"question_id": f"q{chunk[1:]}", "chunk_id": chunk, **bank} for chunk in chunks]
        self.lake.write(QUESTION_BANK, [*known, *fresh])

    def run(self, name: str = "r") -> dg.ExecuteInProcessResult:
        """One run of the asset, as `raftline refresh` makes it."""
        return dg.materialize(
            [fine_tuned_model],
            partition_key=name,
            instance=self.instance,
            raise_on_error=False,
            resources={
                "lake": LakeResource(url=self.lake.root),
                "folders": FoldersResource(
                    questions="", recipes=str(self.folder / "recipes"), reports="", decisions=""
                ),
                "models": ModelsResource(ledger_url=self.trainers.ledger_url, budget=self.budget),
                "trainers": self.trainers,
            },
        )

    def model(self, name: str = "r") -> dict[str, Any] | None:
        """The row of the model, if one was made."""
        rows = self.lake.rows_or_empty(FINE_TUNED_MODEL, name)
        return rows[0] if rows else None


@pytest.fixture
def training_home(
    tmp_path: Path, lake: Lake, job_trainers: Callable[..., Any]
) -> Iterator[Callable[..., TrainingHome]]:
    """Makes such a home: `training_home(in_run_minutes=0)` sets how jobs are followed. It has a recipe `r` with 20 rows."""
    with dg.DagsterInstance.ephemeral() as instance:

        def make(budget: BudgetOptions | None = None, **jobs: Any) -> TrainingHome:
            (tmp_path / "recipes").mkdir(exist_ok=True)
            home = TrainingHome(tmp_path, lake, instance, job_trainers(**jobs), budget or BudgetOptions())
            home.write_recipe()
            home.write_rows([raft_row(number) for number in range(20)])
            return home

        yield make


def error_of(result: dg.ExecuteInProcessResult) -> str:
    """The words of the step that failed."""
    [event] = [event for event in result.all_events if event.is_step_failure]
    return event.step_failure_data.error.message


@pytest.fixture
def words() -> Callable[[dg.ExecuteInProcessResult], str]:
    """The words with which a run failed."""
    return error_of


@pytest.fixture
def row() -> Callable[..., dict[str, Any]]:
    """Makes rows of `raft_dataset`: `row(3, text=..., chunk=...)`."""
    return raft_row
