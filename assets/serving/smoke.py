"""The smoke question: one real question to a student before it serves, asked through the gateway and never answered from it."""

from typing import Any

from assets.corpus import versions_ever
from resources.lake.lake import Lake
from resources.lake.tables import EVALUATION_SET
from resources.llm.lanes import ModelCallFailed
from resources.llm.models import ChatModel
from resources.llm.raft_text import INSTRUCTION, render_prompt
from resources.llm.request import chat
from resources.training.serving import DeploymentFailed

_SPARE = {
    "question": "When does the harbour office open?",
    "documents": [{"chunk_id": "", "text": "Opening hours\n\nThe harbour office opens at 9:00 on weekdays."}],
}
"""Asked where there is no evaluation set."""


def smoke_item(lake: Lake) -> dict[str, Any]:
    """A validation question with the answer among its documents."""
    shown = (row for row in lake.rows_or_empty(EVALUATION_SET) if row["split"] == "validation")
    return next((row for row in shown if row["oracle_index"] >= 0), _SPARE)


def put_smoke_question(student: ChatModel, lake: Lake, name: str) -> None:
    """Raises `DeploymentFailed` unless the answer is complete and not empty. `name` keeps the ledger from answering."""
    item, versions = smoke_item(lake), versions_ever(lake)
    prompt = render_prompt([document["text"] for document in item["documents"]], item["question"])
    sources = {versions[one["chunk_id"]] for one in item["documents"] if one["chunk_id"] in versions}
    request = student.request(chat(INSTRUCTION, prompt), f"smoke {name}", sources=sorted(sources))
    try:
        [answer] = student.complete([request])
    except ModelCallFailed as error:
        raise DeploymentFailed(f"it could not be asked a smoke question: {error}") from error
    if not answer.usable or not answer.text.strip():
        reason = answer.failure or f"finish_reason {answer.finish_reason!r}, {len(answer.text.strip())} characters"
        raise DeploymentFailed(f"its answer to a smoke question is of no use: {reason}")
