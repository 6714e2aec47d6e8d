"""External questions: read from JSON Lines as people write them, each line a row with what is wrong with it."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resources.errors import RaftlineError
from resources.hashing import content_hash, short_id, well_formed
from resources.llm.raft_text import language_of
from resources.text import collapsed

Row = dict[str, Any]

USES = ("train", "test", "both")
ORIGINS = ("human", "third_party")
KEYS = {"question", "answer", "document", "page", "quote", "use", "origin", "kind", "answerable"}
MAPPED, UNMAPPED, UNANSWERABLE, INVALID = "mapped", "unmapped", "unanswerable", "invalid"
LAST_PAGE = 1_000_000
NO_ANSWER = "no answer is given, so nothing can be scored against it"


@dataclass(frozen=True)
class QuestionFile:
    """A questions file's name and its text."""

    name: str
    text: str


def question_files(folder: Path) -> list[QuestionFile]:
    """The `*.jsonl` files of a folder by name; none if the folder does not exist."""
    return [
        QuestionFile(well_formed(path.name), path.read_text(encoding="utf-8-sig", errors="replace"))
        for path in sorted(folder.glob("*.jsonl"))
        if path.is_file()
    ]


def files_version(files: Iterable[QuestionFile]) -> str:
    return content_hash([[file.name, file.text] for file in files])


def read_questions(files: Iterable[QuestionFile]) -> list[Row]:
    """One row per question, the first of those that are the same. A line that is no question becomes a row with status
    `invalid` and the reason.
    """
    rows: dict[str, Row] = {}
    for row in _lines(files):
        rows.setdefault(row["question_id"], row)
    return list(rows.values())


@dataclass(frozen=True)
class FileCheck:
    """What a questions file brings: how many questions that are new and usable, and a note on every other line."""

    questions: int
    notes: tuple[str, ...] = ()


def check_question_file(file: QuestionFile, others: Iterable[QuestionFile] = ()) -> FileCheck:
    """Checks a file that shall join other ones. Raises `RaftlineError` naming the first bad line."""
    rows = list(_lines([file]))
    bad = next((row for row in rows if row["status"] == INVALID), None)
    if bad:
        raise RaftlineError(f"{bad['source']}: {bad['reason']}")
    if not rows:
        raise RaftlineError(f"{file.name} holds no question; each line is a JSON object with at least `question`")
    known = {row["question_id"]: row for row in read_questions(others)}
    questions, notes = 0, []
    for row in rows:
        other = known.setdefault(row["question_id"], row)
        if other is not row:
            said = "repeats it" if _claim(other) == _claim(row) else "contradicts it: the answers differ"
            counts = min(other, row, key=_file_of)["source"]
            notes.append(f"{row['source']} asks what {other['source']} asks and {said}; {counts} counts")
        elif row["answerable"] and not row["answer"]:
            notes.append(f"{row['source']} cannot be used: {NO_ANSWER}")
        else:
            questions += 1
    return FileCheck(questions, tuple(notes))


def _file_of(row: Row) -> str:
    return row["source"].rsplit(":", 1)[0]


def _claim(row: Row) -> tuple[bool, str]:
    return row["answerable"], collapsed(row["answer"] or "").casefold()


def _lines(files: Iterable[QuestionFile]) -> Iterator[Row]:
    for file in files:
        for number, line in enumerate(file.text.split("\n"), start=1):
            if line.strip():
                yield _row(line, f"{file.name}:{number}")


def _row(line: str, source: str) -> Row:
    row: Row = {
        "question_id": short_id("external", source, line),
        "question": "",
        "answer": None,
        "document": None,
        "page": None,
        "quote": None,
        "use": "test",
        "origin": "human",
        "kind": "open",
        "language": "en",
        "answerable": True,
        "source": source,
        "document_id": None,
        "chunk_id": None,
        "status": INVALID,
        "reason": None,
    }
    try:
        data = json.loads(line)
        given = _validated(data)
    except RecursionError:
        return row | {"question": line[:200], "reason": "a line must be a JSON object, not one nested without end"}
    except ValueError as error:
        return row | {"question": line[:200], "reason": str(error)}
    row |= given
    identity = short_id("external", row["origin"], row["question"], row["document"], row["page"])
    status = UNMAPPED if row["answerable"] else UNANSWERABLE
    return row | {"question_id": identity, "language": language_of(row["question"]), "status": status}


def _validated(data: Any) -> Row:
    if not isinstance(data, dict):
        raise ValueError("a line must be a JSON object")
    unknown = sorted(set(data) - KEYS)
    if unknown:
        raise ValueError(f"unknown keys {', '.join(map(repr, unknown))}; known are {', '.join(sorted(KEYS))}")
    question = data.get("question")
    if not isinstance(question, str) or not question.strip():
        raise ValueError("`question` must be a text that is not empty")
    for key, allowed in (("use", USES), ("origin", ORIGINS)):
        if data.get(key) is not None and data[key] not in allowed:
            raise ValueError(f"`{key}` is {data[key]!r}; it must be one of {', '.join(allowed)}")
    page = data.get("page")
    if page is not None and (not isinstance(page, int) or isinstance(page, bool) or not 1 <= page <= LAST_PAGE):
        raise ValueError(f"`page` is {page!r}; it must be the page number as a PDF viewer counts, from 1")
    for key in ("answer", "document", "quote", "kind"):
        if data.get(key) is not None and not isinstance(data[key], str):
            raise ValueError(f"`{key}` must be a text")
    broken = next((key for key, value in data.items() if isinstance(value, str) and value != well_formed(value)), None)
    if broken:
        raise ValueError(f"`{broken}` holds half of a character (a lone surrogate such as \\ud800); write it again")
    if not isinstance(data.get("answerable"), bool | None):
        raise ValueError("`answerable` must be true or false")
    given = {key: value.strip() if isinstance(value, str) else value for key, value in data.items()}
    given = {key: value for key, value in given.items() if value not in (None, "")}
    return given | {"page": page - 1 if page else None}
