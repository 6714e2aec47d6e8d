"""SQL files as values: the comment header, the one query, and the relations it reads.

A file starts with comment lines. Lines like `-- @group: corpus` are options, the others are its description.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, SqlglotError
from sqlglot.optimizer.scope import traverse_scope

from resources.errors import RaftlineError

DIALECT = "duckdb"

_OPTION = re.compile(r"@(\w+)\s*:\s*(.*)")
_UNSTEADY = (exp.CurrentDate, exp.CurrentTime, exp.CurrentTimestamp, exp.Rand, exp.Uuid)


class SqlFileError(RaftlineError):
    """A model or check cannot be used; the message names the file, the line and the reason."""

    def __init__(self, path: Path, line: int, reason: str):
        self.path = path
        self.line = line
        self.reason = reason
        super().__init__(f"{path}:{line}: {reason}")


@dataclass(frozen=True)
class SqlFile:
    """One file: `name` is its stem, `reads` the relations outside itself, sorted; `text` is the file as it is."""

    path: Path
    name: str
    description: str
    options: Mapping[str, str]
    text: str
    body: str
    query: exp.Query
    reads: tuple[str, ...]

    def words(self, option: str) -> tuple[str, ...]:
        """An option that lists things, separated by commas or spaces; empty if it is not given."""
        return tuple(re.split(r"[,\s]+", self.options[option])) if self.options.get(option) else ()

    def choice(self, option: str, *allowed: str) -> str:
        """An option that is one of a few words; the first is the default."""
        value = self.options.get(option, allowed[0])
        if value not in allowed:
            raise SqlFileError(self.path, 1, f"@{option} is {value!r}; it must be one of {', '.join(allowed)}")
        return value


def read_folder(folder: Path, options: Collection[str]) -> list[SqlFile]:
    """Every `*.sql` of a folder, by name. Raises `SqlFileError` at the first one that is not right."""
    return [read_sql(path, options) for path in sorted(folder.glob("*.sql"))]


def read_sql(path: Path, options: Collection[str]) -> SqlFile:
    """One SQL file with its header taken apart; `options` are the header options that it may set."""
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    end = next((number for number, line in enumerate(lines) if not line.startswith("--")), len(lines))
    description, found = _header(path, lines[:end], options)
    query = _query(path, text)
    return SqlFile(
        path=path,
        name=path.stem,
        description=description,
        options=found,
        text=text,
        body="\n".join(lines[end:]).strip(),
        query=query,
        reads=_reads(path, query),
    )


def _header(path: Path, lines: list[str], options: Collection[str]) -> tuple[str, dict[str, str]]:
    prose: list[str] = []
    found: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        comment = line.removeprefix("--").strip()
        if not comment.startswith("@"):
            prose.append(comment)
            continue
        match = _OPTION.fullmatch(comment)
        if match is None or match[1] not in options:
            allowed = ", ".join(f"@{option}" for option in sorted(options))
            raise SqlFileError(path, number, f"unknown option {comment!r}; known, as in '-- @option: value': {allowed}")
        found[match[1]] = match[2].strip()
    description = "\n".join(prose).strip()
    if not description:
        raise SqlFileError(path, 1, "the file must start with a comment that says what it is")
    return description, found


def _query(path: Path, text: str) -> exp.Query:
    try:
        statements = [statement for statement in sqlglot.parse(text, dialect=DIALECT) if statement is not None]
    except ParseError as error:
        where = error.errors[0] if error.errors else {}
        reason = f"{where.get('description', error)}, near {where.get('highlight', '')!r}"
        raise SqlFileError(path, where.get("line") or 1, reason) from error
    except SqlglotError as error:
        raise SqlFileError(path, _line_of_open_token(text), " ".join(str(error).split())) from error
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise SqlFileError(path, 1, "the file must hold exactly one SELECT")
    unsteady = statements[0].find(*_UNSTEADY)
    if unsteady is not None:
        raise SqlFileError(path, 1, f"{unsteady.sql(DIALECT)} is not repeatable: equal inputs must give equal rows")
    return statements[0]


def _line_of_open_token(text: str) -> int:
    """Where an unterminated string most likely starts: the last line with an odd number of quotes."""
    odd = [number for number, line in enumerate(text.splitlines(), start=1) if line.count("'") % 2]
    return odd[-1] if odd else 1


def _reads(path: Path, query: exp.Query) -> tuple[str, ...]:
    names: set[str] = set()
    for scope in traverse_scope(query):
        for source in scope.sources.values():
            if not isinstance(source, exp.Table) or not source.name:
                continue
            if source.db or source.catalog:
                raise SqlFileError(path, 1, f"{source.sql(DIALECT)}: name a table without its schema or catalog")
            names.add(source.name)
    return tuple(sorted(names))
