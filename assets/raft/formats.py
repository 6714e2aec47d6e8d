"""The file formats of RAFT and chat data, written for trainers and evaluators and read back from anyone.

Written: chat, prompt/completion, both published RAFT dialects, JumpStart instruction folders, RAGAS samples.
JSON Lines, UTF-8 without BOM; a `<STOP>` marker is never written. Reading is in `dialects.py`.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from resources.llm.raft_text import ANSWER_TAG, INSTRUCTION, parse_answer, render_prompt

Row = Mapping[str, Any]

JUMPSTART_TEMPLATE = {"prompt": "{instruction}\n\n{context}", "completion": "{response}"}


def write_chat(rows: Iterable[Row]) -> bytes:
    """Rows of `raft_dataset` as chat: the instruction as system message, documents and question, target."""
    return _lines({"messages": _messages(row)} for row in rows)


def write_completion(rows: Iterable[Row]) -> bytes:
    """Prompt and completion; the completion starts with a space, as tokenizers expect."""
    return _lines({"prompt": f"{INSTRUCTION}\n\n{_prompt(row)}\n", "completion": f" {row['target']}"} for row in rows)


def write_raft(rows: Iterable[Row], dialect: Literal["code", "paper"] = "code") -> bytes:
    """Full RAFT rows. `code` marks the answer with `<ANSWER>:`, `paper` with `##Reason:` and `##Answer:`."""
    return _lines(_raft_row(row, _paper(row["target"]) if dialect == "paper" else row["target"]) for row in rows)


def write_jumpstart(rows: Iterable[Row]) -> dict[str, bytes]:
    """The files of a JumpStart instruction folder by name: the rows and the template that joins their fields."""
    data = _lines({"instruction": INSTRUCTION, "context": _prompt(row), "response": row["target"]} for row in rows)
    template = json.dumps(JUMPSTART_TEMPLATE, ensure_ascii=False, indent=2) + "\n"
    return {"train.jsonl": data, "template.json": template.encode()}


def write_ragas(rows: Iterable[Row]) -> bytes:
    """RAGAS single-turn samples; the response is left to the model under test."""
    return _lines(
        {
            "user_input": row["question"],
            "retrieved_contexts": [document["text"] for document in row["documents"]],
            "reference_contexts": [row["oracle_text"]] if row["oracle_text"] else [],
            "reference": row["final_answer"],
        }
        for row in rows
    )


def _messages(row: Row) -> list[dict[str, str]]:
    return [
        {"role": "system", "content": INSTRUCTION},
        {"role": "user", "content": _prompt(row)},
        {"role": "assistant", "content": row["target"]},
    ]


def _prompt(row: Row) -> str:
    return render_prompt([document["text"] for document in row["documents"]], row["question"])


def _raft_row(row: Row, answer: str) -> dict[str, Any]:
    return {
        "id": row["row_id"],
        "type": "general",
        "question": row["question"],
        "context": {
            "title": [[document["title"] for document in row["documents"]]],
            "sentences": [[document["text"] for document in row["documents"]]],
        },
        "oracle_context": row["oracle_text"],
        "cot_answer": answer,
        "instruction": _prompt(row),
        "oracle_index": row["oracle_index"],
        "policy": row["policy"],
    }


def _paper(target: str) -> str:
    parsed = parse_answer(target)
    reason = f"##Reason: {parsed.reasoning} " if parsed.reasoning else ""
    return f"{reason}##Answer: {parsed.final}" if parsed.tags else target.replace(ANSWER_TAG, "##Answer:")


def _lines(rows: Iterable[Mapping[str, Any]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows).encode()
