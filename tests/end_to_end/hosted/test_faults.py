"""The fault table: a service that fails, through the real contextualizer and teacher, loses and spoils nothing."""

import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from assets.chunks.contexts import Contexts, contextualize
from assets.raft.generation import Taught, ask_teacher
from resources.llm.raft_text import parse_answer
from resources.llm.resource import ModelsResource
from resources.llm.roles import Role
from resources.options import ContextualizationOptions
from tests.end_to_end.hosted.conftest import KEY_VARIABLE, role

pytestmark = pytest.mark.slow

PER_CHUNK = 3
FAULTS: dict[str, list[dict[str, Any]]] = {
    "429 for a tenth": [{"kind": "429", "rate": 0.1, "retry_after": 0.05}],
    "429 for a tenth, without a word on when to come back": [{"kind": "429", "rate": 0.1, "times": 12}],
    "429 for two fifths": [{"kind": "429", "rate": 0.4, "retry_after": 0.02}],
    "500": [{"kind": "500", "rate": 0.02}],
    "empty": [{"kind": "empty", "rate": 0.05}],
    "malformed": [{"kind": "malformed", "rate": 0.05}],
    "reset": [{"kind": "reset", "rate": 0.02}],
    "cut": [{"kind": "truncated", "rate": 0.05}, {"kind": "length", "rate": 0.05}],
    "everything": [
        {"kind": "429", "rate": 0.1, "retry_after": 0.05},
        {"kind": "500", "rate": 0.02},
        {"kind": "empty", "rate": 0.05},
        {"kind": "malformed", "rate": 0.05},
        {"kind": "reset", "rate": 0.02},
    ],
}
WORTHLESS = ("empty", "truncated")
"""Faults whose answers are delivered and hold nothing that could be kept."""


@dataclass(frozen=True)
class Made:
    """What both stages made, what the service did, and the ledger's request ids."""

    contexts: Contexts
    taught: Taught
    served: list[dict[str, Any]]
    recorded: set[str]

    @property
    def accepted(self) -> dict[str, dict[str, Any]]:
        return {row["question_id"]: row for row in self.taught.rows if row["accepted"]}


def make(emulator: Any, folder: Path, chunks: list[dict[str, Any]], faults: list[dict[str, Any]]) -> Made:
    """Runs both stages on a ledger of their own against a service with these faults."""
    emulator.reset()
    emulator.configure(faults=faults)
    roles = {name: Role.model_validate(role(name, emulator, "azure_openai")) for name in ("contextualizer", "teacher")}
    models = ModelsResource(ledger_url=f"sqlite:///{folder}/ledger.db", roles=roles)
    titles = {chunk["document_id"]: f"Tramway {chunk['document_id']}" for chunk in chunks}
    with models.open("run") as opened:
        contexts = contextualize(opened.chat("contextualizer"), chunks, titles, ContextualizationOptions())
        taught = ask_teacher(opened.chat("teacher"), chunks, titles, PER_CHUNK)
    with sqlite3.connect(folder / "ledger.db") as connection:
        recorded = {name for (name,) in connection.execute("select request_id from calls")}
    return Made(contexts, taught, emulator.served(), recorded)


@pytest.fixture(scope="module", autouse=True)
def _key(emulator_process: Any) -> Iterator[None]:
    os.environ[KEY_VARIABLE] = emulator_process.key
    yield
    del os.environ[KEY_VARIABLE]


@pytest.fixture(scope="module")
def undisturbed(emulator_process: Any, tmp_path_factory: pytest.TempPathFactory, tariffs) -> Made:
    return make(emulator_process, tmp_path_factory.mktemp("undisturbed"), tariffs, [])


@pytest.fixture(scope="module", params=FAULTS)
def disturbed(request, emulator_process: Any, tmp_path_factory: pytest.TempPathFactory, tariffs) -> Made:
    return make(emulator_process, tmp_path_factory.mktemp("disturbed"), tariffs, FAULTS[request.param])


def test_an_undisturbed_run_is_whole(undisturbed: Made, tariffs) -> None:
    assert len(undisturbed.accepted) == len(tariffs) * PER_CHUNK
    assert undisturbed.contexts.outcome == {
        "by the model": len(tariffs),
        "after a repair": 0,
        "headings instead": 0,
    }


def test_faults_did_happen_and_all_rows_arrive_all_the_same(undisturbed: Made, disturbed: Made) -> None:
    assert any(entry["fault"] for entry in disturbed.served)
    assert len(disturbed.contexts.rows) == len(undisturbed.contexts.rows)
    lost = undisturbed.accepted.keys() - disturbed.accepted.keys()
    refused = [row for row in disturbed.taught.rows if not row["accepted"]]
    assert len(lost) <= PER_CHUNK * len(refused), "whatever is missing has a row that explains it"
    assert all(row["gate"] for row in refused)
    assert len(lost) <= 0.05 * len(undisturbed.accepted)


def test_no_output_holds_garbage(undisturbed: Made, disturbed: Made, tariffs) -> None:
    texts = {row["chunk_id"]: row["text"] for row in tariffs}
    assert disturbed.accepted.keys() <= undisturbed.accepted.keys()
    for row in disturbed.accepted.values():
        assert row["answer"] == undisturbed.accepted[row["question_id"]]["answer"]
        assert all(quote in texts[row["chunk_id"]] for quote in parse_answer(row["answer"]).quotes)
    contexts = {row["chunk_id"]: row["context"] for row in undisturbed.contexts.rows}
    assert {row["chunk_id"]: row["context"] for row in disturbed.contexts.rows} == contexts


def test_whatever_was_paid_and_delivered_is_in_the_ledger(disturbed: Made) -> None:
    sound = [entry for entry in disturbed.served if entry["delivered"] and entry["fault"] not in WORTHLESS]
    assert {entry["request_id"] for entry in sound if entry["paid"]} - disturbed.recorded == set()
