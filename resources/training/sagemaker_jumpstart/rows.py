"""The files that a JumpStart training script reads: what a row becomes, how long the longest is, what is wrong with them."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from resources.tokens import count_tokens

Form = Literal["instruction", "chat"]

RESPONSE_KEY = "\n\n### Response:\n"
"""What JumpStart's training scripts put between prompt and completion of an instruction; so must who asks the student."""

DEFAULT_PROMPT = "{instruction}\n\n{context}"
MINIMUM_ROWS = 10
TOKENIZER_MARGIN = 1.25
"""Tokenizers with small vocabularies need up to a quarter more tokens than the encoding that we count with."""

_PER_MESSAGE = 8
_SPECIAL = 16
_PROBLEMS_SHOWN = 5


def file_problems(files: Mapping[str, bytes], form: Form) -> list[str]:
    """Everything that is wrong with the files of a dataset, a line each."""
    if not files.get("train.jsonl"):
        return ["train.jsonl is missing: the dataset has no training rows"]
    if form == "instruction" and _template(files) is None:
        return ["template.json is missing or has no `prompt` and `completion`"]
    problems = []
    for name in ("train.jsonl", "validation.jsonl"):
        lines = files.get(name, b"").splitlines()
        wrong = [number for number, line in enumerate(lines, 1) if not _is_row(line, form)]
        problems += [
            f"{name} line {number}: no row of the format jumpstart_{form}" for number in wrong[:_PROBLEMS_SHOWN]
        ]
    rows = len(files["train.jsonl"].splitlines())
    if rows < MINIMUM_ROWS:
        problems.append(f"train.jsonl has {rows} rows; {MINIMUM_ROWS} are needed at least")
    return problems


def row_lengths(files: Mapping[str, bytes], form: Form) -> list[int]:
    """Tokens of every row of every split, answer included, as a tokenizer of our margin would count them at most."""
    template = _template(files) or {"prompt": DEFAULT_PROMPT, "completion": "{response}"}
    lengths = []
    for name in ("train.jsonl", "validation.jsonl"):
        for line in files.get(name, b"").splitlines():
            row = json.loads(line)
            tokens = sum(count_tokens(text) for text in _texts(row, form, template))
            extra = _PER_MESSAGE * len(_messages(row)) if form == "chat" else 0
            lengths.append(round(tokens * TOKENIZER_MARGIN) + extra + _SPECIAL)
    return lengths


def prompt_template(template_json: bytes) -> str:
    """The prompt of a `template.json`; our own if it cannot be read."""
    try:
        return str(json.loads(template_json)["prompt"])
    except (ValueError, KeyError, TypeError):
        return DEFAULT_PROMPT


def filled(template: str, fields: Mapping[str, str]) -> str:
    """A template with its fields. What the fields hold is never taken for a field."""
    parts = template.split("{")
    text = parts[0]
    for part in parts[1:]:
        name, closed, rest = part.partition("}")
        text += fields[name] + rest if closed and name in fields else "{" + part
    return text


def _texts(row: Mapping[str, Any], form: Form, template: Mapping[str, str]) -> Iterator[str]:
    if form == "chat":
        yield from (str(message.get("content", "")) for message in _messages(row))
        return
    fields = {name: str(value) for name, value in row.items()}
    yield filled(template["prompt"], fields) + RESPONSE_KEY + filled(template["completion"], fields)


def _messages(row: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = row.get("dialog") or row.get("messages") or []
    return found if isinstance(found, list) else []


def _is_row(line: bytes, form: Form) -> bool:
    try:
        row = json.loads(line)
    except ValueError:
        return False
    if not isinstance(row, dict):
        return False
    if form == "chat":
        messages = _messages(row)
        return len(messages) > 1 and all(isinstance(one, dict) and one.get("content") for one in messages)
    return bool(row.get("instruction")) and bool(row.get("response"))


def _template(files: Mapping[str, bytes]) -> dict[str, str] | None:
    try:
        found = json.loads(files.get("template.json", b""))
        return {"prompt": str(found["prompt"]), "completion": str(found["completion"])}
    except (ValueError, KeyError, TypeError):
        return None
