"""The calibration of the gates: labels without text, figures that add up, and what the gates reach on real output."""

import json
from pathlib import Path

import pytest

from benchmarks.gates import ANSWERS_TO, DATA, DEVELOPMENT, LABELS, REPORTED, Replayed, figures, main, replay, yields
from benchmarks.workshop import FILES
from resources.llm.gates import GATE_NAMES

published = pytest.mark.skipif(
    not all((DATA / name).is_file() for name in FILES), reason="the published rows are not beside the repository"
)


@pytest.fixture(scope="module")
def replayed() -> list[Replayed]:
    return replay(DATA)


def test_the_labels_hold_hashes_and_names_and_no_text() -> None:
    labels = json.loads(LABELS.read_text(encoding="utf-8"))
    known = {name for names in ANSWERS_TO.values() for name in names}
    assert len(labels) == 493
    assert all(len(name) == 16 and int(name, 16) >= 0 for name in labels)
    assert {label for names in labels.values() for label in names} == known
    assert set(ANSWERS_TO) <= set(GATE_NAMES)


@published
def test_every_published_row_is_labelled_and_falls_into_one_half(replayed) -> None:
    halves = [one.half for one in replayed]
    assert len(halves) == 493
    assert {DEVELOPMENT, REPORTED} == set(halves)
    assert 200 < halves.count(REPORTED) < 293


@published
def test_no_altered_quote_passes_and_what_is_refused_as_dependent_on_context_is(replayed) -> None:
    reported = {line["gate"]: line for line in figures([one for one in replayed if one.half == REPORTED])}
    assert reported["quote_not_verbatim"]["recall"] == 1.0
    assert reported["refusal"]["precision"] == 1.0
    assert reported["not_self_contained"]["precision"] >= 0.9
    assert reported["not_self_contained"]["recall"] >= 0.5


@published
def test_the_gates_leave_the_yield_above_the_line_that_blocks(replayed) -> None:
    counted = yields([one for one in replayed if one.half == REPORTED])
    assert counted["accepted"] / counted["asked"] >= 0.6
    assert counted["accepted and sound"] <= min(counted["accepted"], counted["sound"])


@published
def test_the_last_line_is_one_object_with_every_gate(capsys) -> None:
    assert main([]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert [line["gate"] for line in told["gates"]] == list(GATE_NAMES)
    assert told["half"] == REPORTED


@published
def test_the_document_tells_the_figures_that_the_benchmark_prints(root: Path, replayed) -> None:
    text = (root / "docs" / "gates.md").read_text(encoding="utf-8")
    for line in figures([one for one in replayed if one.half == REPORTED]):
        if line["precision"] is not None and line["recall"] is not None:
            row = f"| `{line['gate']}` | {line['refused']} | {line['right']} | {line['labelled']} "
            assert f"{row}| {line['precision']:.2f} | {line['recall']:.2f} |" in text


def test_a_folder_without_the_rows_is_named(tmp_path, capsys) -> None:
    assert main(["--data", str(tmp_path)]) == 2
    assert str(tmp_path) in capsys.readouterr().err
