"""Rows of chat as a model sees them: token ids through its own chat template, the prompt masked. Needs a tokenizer only."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

IGNORED = -100
"""The label of a token that no loss is taken of."""


class UnusableRow(ValueError):
    """A row that cannot be trained on, with the reason."""


@dataclass(frozen=True)
class EncodedRow:
    """Token ids of a whole conversation; `labels` are `IGNORED` up to the answer."""

    input_ids: list[int]
    labels: list[int]


def read_rows(content: bytes) -> list[list[dict[str, str]]]:
    """The conversations of a chat file. Raises `UnusableRow` naming the line that is not one."""
    rows = []
    for number, line in enumerate(content.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            messages = json.loads(line)["messages"]
            rows.append([{"role": str(turn["role"]), "content": str(turn["content"])} for turn in messages])
        except (ValueError, KeyError, TypeError) as error:
            raise UnusableRow(f"line {number} is no chat row: {type(error).__name__}") from error
        if not rows[-1] or rows[-1][-1]["role"] != "assistant" or not rows[-1][-1]["content"].strip():
            raise UnusableRow(f"line {number} does not end with an answer of the assistant")
    return rows


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer of a model folder, which needs no weights; no code of others is run."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)


def prompt_ids(tokenizer: Any, messages: Sequence[dict[str, str]]) -> list[int]:
    """The tokens after which the assistant speaks."""
    return list(
        tokenizer.apply_chat_template(list(messages), add_generation_prompt=True, return_dict=True)["input_ids"]
    )


def encode(tokenizer: Any, messages: Sequence[dict[str, str]], ends: Iterable[int]) -> EncodedRow:
    """A conversation whose last turn is learned. Raises `UnusableRow` if the template does not keep the prompt apart.

    `ends` are the tokens that end an answer; where the template writes none of them, the first is added.
    """
    prompt = prompt_ids(tokenizer, messages[:-1])
    whole = list(tokenizer.apply_chat_template(list(messages), return_dict=True)["input_ids"])
    if whole[: len(prompt)] != prompt:
        raise UnusableRow("the chat template writes a prompt differently once it is answered, so it cannot be masked")
    answer, stops = whole[len(prompt) :], list(ends)
    if stops and not set(stops) & set(answer):
        answer.append(stops[0])
    return EncodedRow([*prompt, *answer], [IGNORED] * len(prompt) + answer)


def lengths_of(rows: Sequence[Sequence[dict[str, str]]], tokenizer: Any, ends: Sequence[int]) -> list[int]:
    """The tokens of each row. Raises `UnusableRow` naming the first that the chat template cannot write."""
    from jinja2 import TemplateError

    lengths = []
    for number, row in enumerate(rows, 1):
        try:
            lengths.append(len(encode(tokenizer, row, ends).input_ids))
        except TemplateError as error:
            raise UnusableRow(f"row {number} is refused by the base's chat template: {error}") from error
        except UnusableRow as error:
            raise UnusableRow(f"row {number}: {error}") from error
    return lengths


def end_tokens(folder: Path, tokenizer: Any) -> list[int]:
    """The tokens that end an answer: the tokenizer's, and those that the model's own generation settings name."""
    try:
        named = json.loads((folder / "generation_config.json").read_text(encoding="utf-8")).get("eos_token_id")
    except (OSError, ValueError):
        named = None
    more = named if isinstance(named, list) else [named]
    return list(dict.fromkeys(int(token) for token in (tokenizer.eos_token_id, *more) if token is not None))
