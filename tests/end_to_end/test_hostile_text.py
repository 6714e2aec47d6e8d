"""Text that means harm (HTML, terminal escapes, console markup, formulas) arrives everywhere and acts nowhere."""

import json
import os
import re
import shutil
from pathlib import Path

import dagster as dg
import pytest

from tests.end_to_end.conftest import Demo, Outcome, raftline, raftline_here, succeeded
from tests.end_to_end.homes import all_metadata, instance_of, rows
from tests.end_to_end.pdfs import make_table_pdf

pytestmark = pytest.mark.slow

SCRIPT = "<script>alert(1)</script>"
IMAGE = "<img src=x onerror=alert(2)>"
MARKUP = "[/b] [bold red]loud[/] [link=file:///etc]x[/link]"
ESCAPE = "\x1b[31mred\x1b]0;owned\x07"
FORMULA = "=cmd|' /C calc'!A0"
NAMES = ("[/b].pdf", f"{IMAGE}.pdf", "\x1b[31mred\x1b]0;owned\x07.pdf", "two\nlines.pdf", "=cmd().pdf", "{{7*7}}.pdf")
UNDECODABLE = os.fsdecode(b"caf\xe9.pdf")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@pytest.fixture(scope="module")
def attacked(small_home: Demo, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    """The small home after a refresh that brought hostile names, titles, cells and questions."""
    home = tmp_path_factory.mktemp("attacked") / "home"
    shutil.copytree(small_home.home, home)
    for number, name in enumerate(NAMES):
        make_table_pdf(
            home / "documents" / name,
            title=f"{SCRIPT} {MARKUP} {ESCAPE} {FORMULA}",
            heading=f"Fees of {IMAGE} {MARKUP} no. {number}",
            rows=[
                ["Service", "Harbour [/b]", f"Market {number}"],
                [f"Mooring {number} {SCRIPT[:8]}", f"${number + 3}.15", "=1+1"],
                [f"Storage {number} [/i]", "@SUM(A1)", f"${number + 6}.45"],
            ],
        )
    shutil.copyfile(home / "documents" / "=cmd().pdf", home / "documents" / UNDECODABLE)
    with (home / "documents" / UNDECODABLE).open("ab") as file:
        file.write(b"\n% another file\n%%EOF\n")
    (home / "documents" / f"broken {SCRIPT.replace('/', '')}.pdf").write_bytes(b"not a PDF")
    questions = [
        {"question": f"What does mooring 1 cost? {SCRIPT} {MARKUP}", "answer": "$4.15", "use": "test"},
        {"question": f"{FORMULA} {ESCAPE} What is the price of storage 2?", "answer": IMAGE, "use": "test"},
        {"question": f"{IMAGE} Who owns the pier?", "answerable": False, "use": "test"},
    ]
    with (home / "questions" / "[b] =1+1.jsonl").open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(question) + "\n" for question in [*questions, {"question": "", "kind": SCRIPT}])
    return home, raftline(home, "refresh", FORCE_COLOR="1")


def test_hostile_documents_are_taken_in_like_any_other(attacked: tuple[Path, Outcome]) -> None:
    home, outcome = attacked
    succeeded(outcome)
    assert {*NAMES, "caf\\udce9.pdf"} <= {row["uri"] for row in rows(home, "corpus")}


def test_the_terminal_is_sent_no_control_characters_and_markup_is_text(attacked: tuple[Path, Outcome]) -> None:
    home, refreshed = attacked
    assert "\x1b]0;" not in refreshed.text
    assert "\x1b[31mred" not in refreshed.text
    commands = (
        ("status",),
        ("report",),
        ("doctor",),
        ("ask", f"What does mooring 1 cost? {MARKUP}"),
        ("ask", f"{ESCAPE} {SCRIPT} {FORMULA}"),
        ("refresh",),
    )
    said = {command: succeeded(raftline_here(home, *command)) for command in commands}
    for command, outcome in said.items():
        assert not CONTROL.search(outcome.text), command
    status = said[("status",)].out
    assert any(line.startswith("[/b].pdf") for line in status.splitlines())
    assert any(line.startswith("two lines.pdf") for line in status.splitlines())


@pytest.mark.parametrize("name", ["[/b].pdf", "[red]x[/red].pdf", "\x1b[2J.pdf"])
def test_errors_show_hostile_names_as_text(attacked: tuple[Path, Outcome], name: str) -> None:
    home, _ = attacked
    refused = raftline_here(home, "add", f"/no/such/{name}")
    assert refused.code == 1
    assert CONTROL.sub("", name) in refused.err
    assert "\x1b" not in refused.text
    assert "Traceback" not in refused.text


def test_an_answer_as_json_is_one_line_without_raw_control_characters(attacked: tuple[Path, Outcome]) -> None:
    home, _ = attacked
    answered = succeeded(raftline_here(home, "ask", "--json", f"What does mooring 1 cost? {ESCAPE}"))
    assert not CONTROL.search(answered.out)
    told = {"answer", "abstained", "quotes", "model", "newer_than_the_model", "warning"}
    assert set(json.loads(answered.out)) == told


def test_a_terminal_without_utf8_and_bytes_that_are_no_text_are_no_reason_to_fail(
    attacked: tuple[Path, Outcome],
) -> None:
    home, _ = attacked
    undecodable = os.fsdecode(b"What does \xff mooring cost?")
    for question in ("水电费是多少？", undecodable):
        succeeded(raftline(home, "ask", question, PYTHONIOENCODING="ascii"))
    missing = raftline(home, "add", os.fsdecode(b"/no/such/\xff.pdf"))
    assert missing.code == 1
    assert "does not exist" in missing.err
    assert "Traceback" not in missing.err


def test_the_report_shows_hostile_text_escaped(attacked: tuple[Path, Outcome]) -> None:
    home, _ = attacked
    html = (home / "reports" / "eval_report.html").read_text(encoding="utf-8")
    assert "<script" not in html
    assert "<img src=x" not in html
    assert "onerror=alert(2)>" not in html
    assert not CONTROL.search(html)


def test_metadata_is_inert(attacked: tuple[Path, Outcome]) -> None:
    home, _ = attacked
    values = all_metadata(home)
    assert any("mooring" in str(value).lower() for value in values), "the hostile rows must be among the samples"
    for value in values:
        if isinstance(value, dg.MarkdownMetadataValue):
            without_code = re.sub(r"```.*?```|`[^`\n]*`", "", value.value, flags=re.DOTALL)
            assert not re.search(r"(?<!\\)<\s*(script|img|iframe|a)\b", without_code, re.IGNORECASE), value.value[:300]
        if isinstance(value, dg.TextMetadataValue | dg.MarkdownMetadataValue):
            assert not CONTROL.search(value.value), value.value[:300]
        if isinstance(value, dg.TableMetadataValue):
            cells = [str(cell) for record in value.records for cell in record.data.values()]
            assert not any(CONTROL.search(cell) for cell in cells)


def test_hostile_names_never_become_names_of_partitions_or_files(attacked: tuple[Path, Outcome]) -> None:
    home, _ = attacked
    with instance_of(home) as instance:
        assert all(
            re.fullmatch(r"\d{6}-[0-9a-f]{8}", key) for key in instance.get_dynamic_partitions("document_batches")
        )
    for folder in ("lake", "index", "models", "reports", "corpus"):
        for path in (home / folder).rglob("*"):
            assert re.fullmatch(r"[\w.-]+", path.name), path
