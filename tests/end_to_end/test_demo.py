"""The main job on an empty home: report, verdict, silence on the network, equal bytes, and nothing to do afterwards."""

import json
import re
from pathlib import Path

import pytest

from tests.end_to_end.conftest import Demo, raftline, raftline_here, succeeded
from tests.end_to_end.homes import differences, digests, instance_of, lasting_bytes, ledger_keys

pytestmark = pytest.mark.slow


def test_the_demo_prints_a_verdict_and_where_the_report_is(demo: Demo) -> None:
    report = demo.home / "reports" / "eval_report.html"
    assert f"Report: {report}" in demo.outcome.out
    assert report.is_file()
    content = json.loads((demo.home / "reports" / "eval_report.json").read_text(encoding="utf-8"))
    assert content["verdict"] in demo.outcome.out


def test_the_demo_speaks_of_nothing_else_on_the_error_stream(demo: Demo) -> None:
    assert demo.outcome.err == ""


def test_the_report_is_one_file_that_fetches_nothing_and_runs_nothing(demo: Demo) -> None:
    html = (demo.home / "reports" / "eval_report.html").read_text(encoding="utf-8")
    assert "Content-Security-Policy" in html
    assert not re.findall(r"<(?:script|iframe|object|embed|link|base|form)\b", html, re.IGNORECASE)
    sources = re.findall(r"""\b(?:src|href|srcset|data|action)\s*=\s*["']?([^"'\s>]*)""", html, re.IGNORECASE)
    assert sources
    assert [source[:60] for source in sources if not source.startswith(("data:image/", "#"))] == []
    assert not re.findall(r"url\((?!['\"]?data:)|@import", html)


def test_the_demo_and_its_parsing_children_contact_nothing_but_loopback(demos: tuple[Demo, Demo]) -> None:
    for demo in demos:
        processes = [line for line in demo.guard if line.startswith("process")]
        assert any("orchestration.cli" in line for line in processes)
        assert any("nursery" in line for line in processes), "the guard must have seen the parsing children"
        assert [line for line in demo.guard if line.startswith("attempt")] == []


def test_two_demos_in_two_homes_write_equal_bytes(demos: tuple[Demo, Demo]) -> None:
    one, other = (lasting_bytes(demo.home) for demo in demos)
    assert all(one.values()), "every kind of output must be there to be compared"
    assert differences(one, other) == []
    assert sorted(ledger_keys(demos[0].home)) == sorted(ledger_keys(demos[1].home))


def test_a_second_refresh_on_an_unchanged_home_runs_and_writes_nothing(demo: Demo) -> None:
    before = digests(demo.home / "lake")
    with instance_of(demo.home) as instance:
        runs = {run.run_id for run in instance.get_runs()}
    again = succeeded(raftline(demo.home, "refresh"))
    assert "everything is up to date" in again.out
    assert digests(demo.home / "lake") == before
    with instance_of(demo.home) as instance:
        assert {run.run_id for run in instance.get_runs()} == runs


def test_status_shows_every_document_as_current_and_nothing_to_do(demo: Demo) -> None:
    status = succeeded(raftline_here(demo.home, "status")).out
    for path in (demo.home / "documents").glob("*.pdf"):
        [line] = [line for line in status.splitlines() if line.startswith(path.name)]
        assert line.split()[1] == "current"
    assert "Everything is up to date" in status
    assert str(demo.home / "reports" / "eval_report.html") in status


def test_report_prints_what_the_demo_printed(demo: Demo) -> None:
    printed = succeeded(raftline_here(demo.home, "report")).out.strip()
    assert printed in demo.outcome.out


def test_doctor_finds_everything_in_order(demo: Demo) -> None:
    found = succeeded(raftline_here(demo.home, "doctor")).out
    assert "FAILED" not in found
    documents = len(list((demo.home / "documents").glob("*.pdf")))
    assert f"{documents} in {demo.home / 'documents'}" in found


def test_doctor_fails_and_names_a_recipe_that_is_broken(demo: Demo, tmp_path: Path) -> None:
    (tmp_path / "odd.yaml").write_text("name: odd\nwheels: 4\n", encoding="utf-8")
    found = raftline_here(demo.home, "doctor", RAFTLINE_RECIPES=str(tmp_path))
    assert found.code == 1
    [line] = [line for line in found.out.splitlines() if line.startswith("FAILED")]
    assert "odd.yaml" in line
    assert "wheels" in line
