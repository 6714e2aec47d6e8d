"""The terminal: plain text, and rows that a program can read."""

from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import CliRunner

from assets.raft.audit import TOKEN_LIMIT
from orchestration import doctor
from orchestration.cli import app
from orchestration.console import table
from orchestration.settings import Settings


def test_a_row_that_goes_into_a_pipe_is_one_line(capsys, monkeypatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    name = "a-very-long-folder-name/" * 5 + "file.pdf"
    table(
        ("document", "status", "reason"), [(name, "unreadable", "it is protected by a password " * 4), ("b", "ok", "")]
    )
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["document", name, "b"]
    assert lines[1].split()[1] == "unreadable"


def test_the_help_tells_the_limit_that_the_audit_uses() -> None:
    shown = CliRunner(env={"COLUMNS": "200", "TERM": "dumb"}).invoke(app, ["audit-dataset", "--help"]).output
    assert f"{TOKEN_LIMIT} if not given" in " ".join(shown.split())


@pytest.mark.parametrize(
    ("setting", "named"),
    [
        ({"lake_url": "ftp://ada:secret@host/lake"}, "lake_url ftp://ada:***@host/lake cannot be used"),
        ({"ledger_url": "postgresql+pg8000://ada:secret@host/db"}, "ledger_url postgresql+pg8000://ada:***@host/db"),
        ({"ledger_url": "postgresql://ada:secret@host/db"}, "ledger_url postgresql://ada:***@host/db"),
    ],
)
def test_the_doctor_names_a_store_that_cannot_be_used(
    project: Callable[..., Settings], monkeypatch, capsys, setting: dict[str, Any], named: str
) -> None:
    monkeypatch.chdir(project(**setting).root)
    assert not doctor.examine()
    shown = capsys.readouterr().out
    [line] = [line for line in shown.splitlines() if line.split()[1] == next(iter(setting)).removesuffix("_url")]
    assert line.startswith("FAILED")
    assert named in line
    assert "secret" not in shown
