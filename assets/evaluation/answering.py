"""Putting a snapshot's questions to models: one row per arm and item, whatever became of the answer."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from assets.evaluation.arms import BASE_CLOSED_BOOK, FAILED, FEW_SHOT_RAG, INVALID, OK, Arm, items_for
from resources.hashing import short_id
from resources.llm.models import ChatModel
from resources.llm.raft_text import ANSWER_TAG, INSTRUCTION, parse_answer, render_prompt
from resources.llm.request import Completion, Message, Request, chat

PROMPT_VERSION = short_id(INSTRUCTION)

CLOSED_BOOK_INSTRUCTION = (
    "Answer the question from what you know; no documents are given. First reason step by step. Then end with "
    f"'{ANSWER_TAG}' and the answer in as few words as possible. If you do not know, give 'unable to answer' as the "
    "answer instead of guessing. Write in the language of the question."
)
"""What an untrained model is told without documents. A tuned one gets the instruction that it was trained with."""

EXAMPLES = 2
Item = Mapping[str, Any]


def requests_of(
    model: ChatModel, arm: Arm, items: Sequence[Item], versions: Mapping[str, str], examples: Sequence[Item] = ()
) -> list[Request]:
    """What one model is asked under one arm, an item each. `versions` maps chunk ids to document versions: those of the
    documents shown, and of the question's own chunk. `examples` are training rows that a few-shot arm shows first.
    """
    shots = examples if arm is FEW_SHOT_RAG else ()
    worked = [message for row in shots for message in _turns(row)]
    shown_before = {document["chunk_id"] for row in shots for document in row["documents"]}
    instruction = CLOSED_BOOK_INSTRUCTION if arm is BASE_CLOSED_BOOK else INSTRUCTION
    prompt_version = PROMPT_VERSION if instruction == INSTRUCTION else short_id(instruction)
    requests = []
    for item in items_for(arm, items):
        shown = item["documents"] if arm.shows_documents else []
        prompt = render_prompt([document["text"] for document in shown], item["question"])
        chunks = {item.get("chunk_id") or "", *(document["chunk_id"] for document in shown), *shown_before}
        sources = {versions[chunk] for chunk in chunks if chunk in versions}
        system, question = chat(instruction, prompt)
        requests.append(model.request((system, *worked, question), prompt_version, sources=sorted(sources)))
    return requests


def answer_items(
    model: ChatModel,
    model_id: str,
    arm: Arm,
    items: Sequence[Item],
    versions: Mapping[str, str],
    examples: Sequence[Item] = (),
) -> list[dict[str, Any]]:
    """The answers of one model under one arm."""
    completions = model.complete(requests_of(model, arm, items, versions, examples))
    return [
        _row(model_id, arm, item, completion)
        for item, completion in zip(items_for(arm, items), completions, strict=True)
    ]


def worked_examples(rows: Iterable[Item]) -> list[Item]:
    """The training rows that a few-shot arm shows: the shortest that answers from its documents, and the shortest that
    declines. Validation and test rows are never among them.
    """
    train = sorted((row for row in rows if row["split"] == "train"), key=lambda row: (row["tokens"], row["row_id"]))
    answered = [row for row in train if row["oracle_present"] and row["policy"] != "refuse"]
    declined = [row for row in train if row["policy"] == "refuse"]
    return [*answered[:1], *(declined[:1] or answered[1:2])][:EXAMPLES]


def _turns(row: Item) -> tuple[Message, Message]:
    prompt = render_prompt([document["text"] for document in row["documents"]], row["question"])
    return Message("user", prompt), Message("assistant", row["target"])


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
