"""The command of the third-party test."""

from pathlib import Path

import pytest

from benchmarks.third_party import DATA, main
from benchmarks.workshop import FILES, read_workshop


def test_missing_data_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["--data", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert str(tmp_path) in told
    assert FILES[0] in told


@pytest.mark.skipif(not (DATA / FILES[0]).is_file(), reason="the published rows are not beside this repository")
def test_the_published_rows_are_read_with_answers_and_quotes():
    rows = read_workshop(DATA)
    assert len(rows) == 493
    assert all(row.question and row.answer for row in rows)
    assert sum(row.declines for row in rows) == 13
    assert sum(bool(row.quotes) for row in rows) > 480
    assert not any("😊" in row.answer for row in rows)


@pytest.mark.skipif(not (DATA / FILES[0]).is_file(), reason="the published rows are not beside this repository")
def test_the_test_answers_cannot_be_written_out(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    assert main(["--split", "test", "--answers", str(tmp_path / "answers.jsonl")]) == 2
    assert "validation alone" in capsys.readouterr().err
