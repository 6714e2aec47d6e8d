"""Putting a snapshot's questions to models: one row per arm and item, whatever became of the answer."""

from collections.abc import Mapping, Sequence
from typing import Any

from assets.evaluation.arms import FAILED, INVALID, OK, Arm, items_for
from resources.hashing import short_id
from resources.llm.models import ChatModel
from resources.llm.raft_text import INSTRUCTION, parse_answer, render_prompt
from resources.llm.request import Completion, chat

PROMPT_VERSION = short_id(INSTRUCTION)
Item = Mapping[str, Any]


def answer_items(
    model: ChatModel, model_id: str, arm: Arm, items: Sequence[Item], versions: Mapping[str, str]
) -> list[dict[str, Any]]:
    """The answers of one model under one arm. `versions` maps chunk ids to document versions: those of the documents shown, and of the question's own chunk."""
    asked = items_for(arm, items)
    requests = []
    for item in asked:
        shown = item["documents"] if arm.shows_documents else []
        prompt = render_prompt([document["text"] for document in shown], item["question"])
        chunks = {item.get("chunk_id") or "", *(document["chunk_id"] for document in shown)}
        sources = {versions[chunk] for chunk in chunks if chunk in versions}
        requests.append(model.request(chat(INSTRUCTION, prompt), PROMPT_VERSION, sources=sorted(sources)))
    return [
        _row(model_id, arm, item, completion) for item, completion in zip(asked, model.complete(requests), strict=True)
    ]


def _row(model_id: str, arm: Arm, item: Item, completion: Completion) -> dict[str, Any]:
    parsed = parse_answer(completion.text)
    reason = _defect(completion, parsed.final, parsed.tags)
    return {
        "answer_id": short_id("answer", model_id, arm.name, item["item_id"]),
        "model_id": model_id,
        "arm": arm.name,
        "snapshot": item["snapshot"],
        "item_id": item["item_id"],
        "answer": completion.text,
        "final_answer": parsed.final,
        "quotes": list(parsed.quotes),
        "abstained": parsed.abstained,
        "chosen_index": _chosen(item, parsed.quotes),
        "status": FAILED if completion.failure else INVALID if reason else OK,
        "reason": completion.failure or reason,
    }


def _defect(completion: Completion, final: str, tags: int) -> str | None:
    if completion.finish_reason != "stop":
        return f"finish_reason {completion.finish_reason}"
    if not final:
        return "no final answer"
    return f"{tags} answer tags" if tags != 1 else None


def _chosen(item: Item, quotes: Sequence[str]) -> int:
    """The document that the first quote stands in, -1 if none."""
    texts = [document["text"] for document in item["documents"]]
    first = quotes[0] if quotes else ""
    return next((index for index, text in enumerate(texts) if first and first in text), -1)
