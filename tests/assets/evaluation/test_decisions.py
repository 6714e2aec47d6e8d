"""The file of people's decisions: what is written is read, and a line that is none is named."""

import json
from dataclasses import asdict

import pytest

from assets.evaluation.decisions import FILE, ChampionDecision, decisions_version, read_decisions, record
from resources.errors import RaftlineError

AT = "2026-11-21T07:00:00+00:00"


def rollback(**changes) -> ChampionDecision:
    return ChampionDecision(**({"action": "rollback", "model_id": None, "seen": 2, "by": "ada", "at": AT} | changes))


def test_decisions_are_appended_and_come_back_in_order(tmp_path) -> None:
    folder = tmp_path / "decisions"
    made = [rollback(), rollback(action="approve", model_id="m", reason="fêtes\u2028and “quotes”"), rollback(seen=4)]
    versions = {decisions_version(folder)}
    for one in made:
        before = (folder / FILE).read_bytes() if folder.is_dir() else b""
        record(folder, one)
        assert (folder / FILE).read_bytes().startswith(before)
        versions.add(decisions_version(folder))
    assert read_decisions(folder) == made
    assert len(versions) == 4
    assert len({one.key for one in made}) == 3


def test_where_nobody_decided_there_is_nothing_to_read(tmp_path) -> None:
    assert read_decisions(tmp_path / "nothing") == []
    assert read_decisions(None) == []
    assert decisions_version(None) == ""


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"action": "crown"}, "action"),
        ({"action": "approve"}, "model_id"),
        ({"model_id": 7}, "model_id"),
        ({"seen": -1}, "seen"),
        ({"seen": True}, "seen"),
        ({"by": None}, "by"),
        ({"at": "yesterday"}, "yesterday"),
        ({"crown": "gold"}, "crown"),
    ],
)
def test_a_line_that_is_no_decision_is_named(tmp_path, changes, fault) -> None:
    lines = [asdict(rollback()), asdict(rollback()) | changes]
    (tmp_path / FILE).write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    with pytest.raises(RaftlineError, match=rf"{FILE}:2 is no decision .*{fault}"):
        read_decisions(tmp_path)


def test_a_torn_line_is_named(tmp_path) -> None:
    (tmp_path / FILE).write_text('{"action": "appr', encoding="utf-8")
    with pytest.raises(RaftlineError, match=f"{FILE}:1 is no decision"):
        read_decisions(tmp_path)
