"""The file formats of RAFT and chat data, written for trainers and evaluators and read back from anyone.

Written: chat, prompt/completion, both published RAFT dialects, JumpStart instruction and chat folders, RAGAS samples.
JSON Lines, UTF-8 without BOM; a `<STOP>` marker is never written. Reading is in `dialects.py`.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
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


def write_instruction(rows: Iterable[Row]) -> bytes:
    """Rows as JumpStart instruction folders hold them; `instruction_template` joins their fields."""
    return _lines({"instruction": INSTRUCTION, "context": _prompt(row), "response": row["target"]} for row in rows)


def instruction_template() -> bytes:
    """The `template.json` of a JumpStart instruction folder."""
    return (json.dumps(JUMPSTART_TEMPLATE, ensure_ascii=False, indent=2) + "\n").encode()


def training_files(data_format: str, train: Sequence[Row], validation: Sequence[Row]) -> dict[str, bytes]:
    """The files of a dataset by name, as a trainer takes them; none for one that takes rows as they are."""
    if data_format == "rows":
        return {}
    write = _TRAINING[data_format]
    files = {"train.jsonl": write(train), **({"validation.jsonl": write(validation)} if validation else {})}
    return files | ({"template.json": instruction_template()} if data_format == "jumpstart_instruction" else {})


def write_dialog(rows: Iterable[Row]) -> bytes:
    """Rows as JumpStart chat folders hold them: the messages of `write_chat` under the key `dialog`."""
    return _lines({"dialog": _messages(row)} for row in rows)


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


_TRAINING: Mapping[str, Callable[[Iterable[Row]], bytes]] = {
    "chat": write_chat,
    "jumpstart_instruction": write_instruction,
    "jumpstart_chat": write_dialog,
}
