"""The terminal: plain text, and rows that a program can read."""

import shutil
from collections.abc import Callable

import pyarrow as pa
import pytest
from rich.console import Console
from typer.testing import CliRunner

from assets.raft.audit import TOKEN_LIMIT
from assets.raft.external import QuestionFile, read_questions
from assets.raft.mapping import map_questions
from orchestration import console as terminal
from orchestration import doctor
from orchestration.cli import app
from orchestration.console import counted, table
from orchestration.home import prepare_home
from orchestration.overview import show_status
from orchestration.question_notes import show_unusable_questions
from orchestration.settings import Settings
from orchestration.wiring import build_resources
from resources.lake.tables import EXTERNAL_QUESTIONS, Table


def test_a_row_that_goes_into_a_pipe_is_one_line(capsys, monkeypatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    name = "a-very-long-folder-name/" * 5 + "file.pdf"
    table(
        ("document", "status", "reason"), [(name, "unreadable", "it is protected by a password " * 4), ("b", "ok", "")]
    )
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["document", name, "b"]
    assert lines[1].split()[1] == "unreadable"


def test_a_problem_is_told_to_its_end(capsys) -> None:
    table(("", "found"), [("FAILED", "the service says a lot " * 20 + "\n  set roles.teacher.endpoint")])
    assert capsys.readouterr().out.rstrip().endswith("a lot set roles.teacher.endpoint")


def test_the_help_tells_the_limit_that_the_audit_uses() -> None:
    shown = CliRunner(env={"COLUMNS": "200", "TERM": "dumb"}).invoke(app, ["audit-dataset", "--help"]).output
    assert f"{TOKEN_LIMIT} if not given" in " ".join(shown.split())


@pytest.mark.parametrize(
    ("setting", "url", "named"),
    [
        ("lake_url", "ftp://ada@host/lake", "lake_url ftp://ada@host/lake cannot be used"),
        ("ledger_url", "postgresql+pg8000://ada:secret@host/db", "ledger_url postgresql+pg8000://ada:***@host/db"),
        ("ledger_url", "postgresql://ada:secret@host/db", "ledger_url postgresql://ada:***@host/db"),
    ],
)
def test_the_doctor_names_a_store_that_cannot_be_used(
    project: Callable[..., Settings], monkeypatch, capsys, setting: str, url: str, named: str
) -> None:
    monkeypatch.setenv(f"RAFTLINE_{setting.upper()}", url)
    monkeypatch.chdir(project().root)
    assert not doctor.examine()
    shown = capsys.readouterr().out
    [line] = [line for line in shown.splitlines() if line.split()[1] == setting.removesuffix("_url")]
    assert line.startswith("FAILED")
    assert named in line
    assert "secret" not in shown


def test_one_thing_is_told_in_the_singular() -> None:
    assert [counted(1, "question"), counted(2, "question")] == ["1 question", "2 questions"]
    assert [counted(1, "new batch"), counted(0, "new batch")] == ["1 new batch", "0 new batches"]


def test_help_and_version_are_where_people_look_for_them() -> None:
    run = CliRunner(env={"TERM": "dumb"})
    assert "Usage" in run.invoke(app, ["-h"]).output
    assert "Usage" in run.invoke(app, ["questions", "add", "-h"]).output
    assert run.invoke(app, ["--version"]).output.startswith("raftline 0.")


@pytest.mark.parametrize(("port", "bound"), [("0", "equal to 1"), ("99999", "equal to 65535")])
def test_a_port_that_does_not_exist_is_refused_with_the_bound(port: str, bound: str) -> None:
    result = CliRunner(env={"TERM": "dumb"}).invoke(app, ["dev", "--port", port])
    assert result.exit_code == 2
    assert f"{bound} " in " ".join(result.output.split())


def test_prose_is_broken_between_words_in_a_terminal_and_not_at_all_in_a_pipe(monkeypatch, capsys) -> None:
    text = "The candidate is not shown to beat the champion and is not promoted today."
    for is_terminal in (True, False):
        shown = Console(highlight=False, soft_wrap=True, force_terminal=is_terminal, no_color=True, width=30)
        monkeypatch.setattr(terminal, "console", shown)
        terminal.say_wrapped(text)
        lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
        assert " ".join(lines) == text
        assert (max(map(len, lines)) <= 30) is is_terminal


def test_questions_that_cannot_be_used_are_counted_and_the_first_are_named(project, capsys) -> None:
    settings = project()
    prepare_home(settings)
    rows = read_questions([QuestionFile("q.jsonl", "\n".join(["not json"] * 12 + ['{"question": "Q?"}']))])
    build_resources(settings)["lake"].open().write(EXTERNAL_QUESTIONS, map_questions(rows, []))
    show_unusable_questions(settings)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "13 of 13 questions that people brought cannot be used:"
    assert [line.split(": ")[0].strip() for line in lines[1:6]] == [f"q.jsonl:{number}" for number in range(1, 6)]
    assert "Expecting value" in lines[1]
    assert "8 more" in lines[6]


def test_the_status_lists_documents_by_their_path(project, capsys) -> None:
    settings = project()
    prepare_home(settings)
    names = ("b.pdf", "a/z.pdf", "c.pdf", "a.pdf")
    rows = [
        {"uri": uri, "status": "ok", "pages": 1, "chunks": 1, "questions_accepted": 0, "reason": "", "rank": rank}
        for rank, uri in enumerate(names)
    ]
    stored = pa.Table.from_pylist(rows)
    build_resources(settings)["lake"].open().write(
        Table("document_inventory", stored.schema, ("uri",), order=("rank",)), stored
    )
    show_status(settings)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if ".pdf" in line] == ["a.pdf", "a/z.pdf", "b.pdf", "c.pdf"]


def test_after_an_erasure_the_status_does_not_ask_for_documents_that_are_there(project, root, capsys) -> None:
    settings = project()
    settings.documents_folder.mkdir(parents=True)
    shutil.copy(root / "sample_corpus" / "first" / "cards.pdf", settings.documents_folder)
    prepare_home(settings)
    resources = build_resources(settings)
    resources["corpus"].scan(settings.batches.max_documents)
    show_status(settings)
    shown = capsys.readouterr().out
    assert "no documents yet" not in shown
    assert "`raftline refresh` makes it" in shown
