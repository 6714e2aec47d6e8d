"""Anyone's RAFT or chat data as rows to audit: the dialect is recognised row by row.

Add a dialect by adding a reader to `_READERS`: which keys give it away, and how its fields become an `AuditRow`.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resources.errors import RaftlineError
from resources.hashing import well_formed
from resources.llm.raft_text import parse_prompt

_SPLIT_NAMES = {
    "train": ("train",),
    "validation": ("valid", "val", "dev"),
    "test": ("test", "eval", "heldout"),
}


class UnreadableDatasetError(RaftlineError):
    """A data file that cannot be audited. Names the file and, where there is one, the line."""

    def __init__(self, file: str, reason: str, line: int | None = None):
        self.file = file
        self.line = line
        super().__init__(f"{file}{f', line {line}' if line else ''}: {reason}")


@dataclass(frozen=True)
class AuditRow:
    """A row of any dialect; `texts` is what a model is trained on.

    `oracle` is None if the row does not say which document answers, and empty if it says that none does.
    """

    question: str
    documents: tuple[str, ...]
    oracle: str | None
    answer: str
    split: str
    file: str
    line: int
    dialect: str
    texts: tuple[str, ...]


@dataclass(frozen=True)
class _Fields:
    question: str
    documents: tuple[str, ...]
    answer: str
    texts: tuple[str, ...]
    oracle: str | None = None


class _MalformedRowError(Exception):
    """A row that has the keys of a dialect but not its shape."""


def split_of(path: Path) -> str:
    """The split a file's name tells of; the name itself if it tells of none."""
    parts = path.stem.lower().replace("-", "_").replace(".", "_").split("_")
    for split, names in _SPLIT_NAMES.items():
        if any(part.startswith(names) for part in parts):
            return split
    return path.stem


def read_rows(path: Path) -> list[AuditRow]:
    """The rows of a JSON Lines file. Raises `UnreadableDatasetError` naming file and line."""
    name = path.name
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise UnreadableDatasetError(str(path), f"cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise UnreadableDatasetError(name, f"is not UTF-8 text (byte {error.start})") from error
    rows = []
    # Not splitlines(): JSON strings may hold U+2028, which is no end of line in JSON Lines.
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            dialect, fields = _parsed(line, name, number)
            fields = _storable(fields)
            rows.append(
                AuditRow(
                    fields.question, fields.documents, fields.oracle, fields.answer, split_of(path), name, number,
                    dialect, fields.texts,
                )
            )  # fmt: skip
    if not rows:
        raise UnreadableDatasetError(name, "holds no rows")
    return rows


def _storable(fields: _Fields) -> _Fields:
    """The fields without lone surrogates, which JSON can spell and no text file can hold."""
    return _Fields(
        well_formed(fields.question),
        tuple(map(well_formed, fields.documents)),
        well_formed(fields.answer),
        tuple(map(well_formed, fields.texts)),
        None if fields.oracle is None else well_formed(fields.oracle),
    )


def _parsed(line: str, file: str, number: int) -> tuple[str, _Fields]:
    try:
        data = json.loads(line)
    except (json.JSONDecodeError, RecursionError) as error:
        raise UnreadableDatasetError(file, f"is not valid JSON: {error}", number) from error
    if not isinstance(data, dict):
        raise UnreadableDatasetError(file, "a row must be a JSON object", number)
    for dialect, keys, read in _READERS:
        if keys <= data.keys():
            try:
                return dialect, read(data)
            except _MalformedRowError as error:
                raise UnreadableDatasetError(file, f"looks like a {dialect} row, but {error}", number) from error
    known = "; ".join(f"{dialect}: {', '.join(sorted(keys))}" for dialect, keys, _ in _READERS)
    raise UnreadableDatasetError(
        file, f"unknown dialect with the keys {', '.join(sorted(data)) or 'none'}; known are {known}", number
    )


def _raft(data: Mapping[str, Any]) -> _Fields:
    instruction = _text(data, "instruction") if "instruction" in data else ""
    documents = _sentences(data["context"]) or parse_prompt(instruction)[0]
    oracle = data.get("oracle_context", data.get("oracle_document"))
    if oracle is not None and not isinstance(oracle, str):
        raise _MalformedRowError("its oracle is not a text")
    answer = _text(data, "cot_answer")
    question = _text(data, "question")
    return _Fields(question, documents, answer, (instruction or "\n".join((*documents, question)), answer), oracle)


def _chat(data: Mapping[str, Any]) -> _Fields:
    messages = data["messages"]
    if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
        raise _MalformedRowError("`messages` is not a list of objects")
    texts = tuple(_text(message, "content") for message in messages)
    said = {message.get("role"): text for message, text in zip(messages, texts, strict=True)}
    if "user" not in said or "assistant" not in said:
        raise _MalformedRowError("`messages` lacks a user or an assistant message")
    documents, question = parse_prompt(said["user"])
    return _Fields(question, documents, said["assistant"], texts)


def _completion(data: Mapping[str, Any]) -> _Fields:
    prompt, answer = _text(data, "prompt"), _text(data, "completion").removesuffix("<STOP>").strip()
    documents, question = parse_prompt(prompt)
    return _Fields(_last_paragraph(question), documents, answer, (prompt, answer))


def _jumpstart(data: Mapping[str, Any]) -> _Fields:
    instruction, context, answer = (_text(data, key) for key in ("instruction", "context", "response"))
    documents, question = parse_prompt(context)
    if not documents:
        documents, question = ((context,) if context.strip() else ()), instruction
    return _Fields(question or instruction, documents, answer, (instruction, context, answer))


def _ragas(data: Mapping[str, Any]) -> _Fields:
    question = _text(data, "user_input" if "user_input" in data else "question")
    documents = _strings(data, "retrieved_contexts" if "retrieved_contexts" in data else "contexts")
    references = _strings(data, "reference_contexts") if data.get("reference_contexts") else ()
    answer = next(
        (_text(data, key) for key in ("reference", "ground_truth", "response", "answer") if data.get(key)), ""
    )
    oracle = next(iter(references), "") if "reference_contexts" in data else None
    return _Fields(question, documents, answer, (*documents, question, answer), oracle)


def _sentences(context: Any) -> tuple[str, ...]:
    """The documents of a RAFT row's context, which is doubly nested, nested, or one text."""
    nested = context.get("sentences", []) if isinstance(context, dict) else []
    flat = [text for entry in nested for text in (entry if isinstance(entry, list) else [entry])]
    if not all(isinstance(text, str) for text in flat):
        raise _MalformedRowError("`context.sentences` holds something that is not a text")
    return tuple(flat)


def _last_paragraph(text: str) -> str:
    return text.strip().split("\n\n")[-1].strip()


def _text(data: Mapping[str, Any], key: str) -> str:
    value = data.get(key)
    if not isinstance(value, str):
        raise _MalformedRowError(f"`{key}` is not a text")
    return value


def _strings(data: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = data.get(key)
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise _MalformedRowError(f"`{key}` is not a list of texts")
    return tuple(value)


_READERS: tuple[tuple[str, frozenset[str], Callable[[Mapping[str, Any]], _Fields]], ...] = (
    ("raft", frozenset({"question", "context", "cot_answer"}), _raft),
    ("chat", frozenset({"messages"}), _chat),
    ("completion", frozenset({"prompt", "completion"}), _completion),
    ("jumpstart", frozenset({"instruction", "context", "response"}), _jumpstart),
    ("ragas", frozenset({"user_input", "retrieved_contexts"}), _ragas),
    ("ragas 0.1", frozenset({"question", "contexts", "ground_truth"}), _ragas),
)
