"""The judge over HTTP: an emulator answers, so the numbers prove plumbing; RAGAS's formulas are checked elsewhere."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assets.evaluation.judge_metrics import take_scores
from assets.evaluation.judging import plan_judging
from resources.errors import SettingsError
from resources.lake.lake import Lake
from resources.lake.tables import JUDGE_SCORES
from resources.llm.gateway import ModelCallFailed
from resources.llm.resource import ModelsResource
from resources.llm.roles import Role
from resources.options import JudgeOptions

pytest.importorskip("ragas", reason="RAGAS comes with the eval extra")

VERSIONS = {"oracle": "version-1", "other": "version-2"}
Rows = list[dict[str, Any]]


@pytest.fixture
def models(emulator, tmp_path, monkeypatch) -> ModelsResource:
    monkeypatch.setenv("JUDGE_KEY", emulator.key)
    hosted = {"provider": "azure_openai", "endpoint": emulator.url, "api_key_variable": "JUDGE_KEY"}
    return ModelsResource(
        ledger_url=f"sqlite:///{tmp_path / 'ledger.db'}",
        roles={
            "judge": Role.model_validate({**hosted, "model": "gpt-4o-2024-08-06", "deployment": "gpt-4o"}),
            "embedder": Role.model_validate(
                {**hosted, "model": "text-embedding-3-small", "deployment": "text-embedding-3-small"}
            ),
        },
    )


@pytest.fixture
def judge(models, make_item, make_answer) -> Callable[..., Rows]:
    """Judges answers (by default one that is right) to one question under all six metrics."""

    def run(*answers: dict[str, Any], item: dict[str, Any] | None = None, **options: Any) -> Rows:
        items = [make_item(condition="retrieved", **(item or {}))]
        made = [make_answer(**answer) for answer in answers or ({"final_answer": "The monthly fee is $5.00."},)]
        tasks = plan_judging(items, made, JudgeOptions(**options))
        with models.open("run") as opened:
            return take_scores(tasks, opened.chat("judge"), opened.embedder(), VERSIONS)

    return run


def test_every_metric_has_a_row_that_says_what_it_rests_on(judge, emulator, tmp_path) -> None:
    rows = judge()

    assert {row["status"]: row["reason"] for row in rows} == {"ok": None}
    assert {row["metric"]: row["calls"] for row in rows} == {
        "faithfulness": 2, "answer_relevancy": 3, "answer_similarity": 0, "answer_correctness": 3,
        "context_precision": 2, "context_recall": 1,
    }  # fmt: skip
    assert all(0.0 <= row["value"] <= 1.0 for row in rows)
    assert {row["judge_model"] for row in rows} == {"azure_openai/gpt-4o-2024-08-06"}
    assert all(row["prompt_tokens"] > 0 for row in rows if row["calls"])
    Lake(tmp_path / "lake").write(JUDGE_SCORES, rows)


def test_calls_are_structured_and_carry_the_roles_own_limit(judge, emulator) -> None:
    judge()

    chats = [call["body"] for call in emulator.served() if "chat/completions" in call["path"]]
    assert len(chats) == 11
    assert {body["response_format"]["type"] for body in chats} == {"json_schema"}
    assert all(4096 in (body.get("max_tokens"), body.get("max_completion_tokens")) for body in chats)


def test_an_emulators_scores_are_marked(judge, models) -> None:
    rows = judge()

    assert {row["real"] for row in rows if row["calls"]} == {False}
    assert models.identity("judge") in models.not_real_models()
    assert "azure_openai/gpt-4o-2024-08-06 (judge)" in models.not_real_roles()


def test_a_second_judging_asks_nobody_and_gives_the_same_rows(judge, emulator) -> None:
    first = judge()
    asked = emulator.requests()

    assert judge() == first
    assert emulator.requests() == asked


def test_what_two_arms_share_is_asked_once(judge, emulator) -> None:
    judge(metrics=["context_precision", "context_recall"])
    alone = emulator.requests()
    emulator.reset()
    rows = judge(
        {"answer_id": "a", "arm": "base_rag"},
        {"answer_id": "b", "arm": "tuned_rag"},
        metrics=["context_precision", "context_recall"],
        repeats=2,
    )

    assert len(rows) == 2 * 2 * 2
    assert emulator.requests() == alone, (
        "the first repeat comes from the ledger, the second is asked once for both arms"
    )


def test_many_arms_that_answer_alike_wait_for_each_other_without_end(judge, emulator) -> None:
    emulator.configure(latency=0.02)
    answers = [{"answer_id": str(number), "final_answer": "The monthly fee is $5.00."} for number in range(8)]

    rows = judge(*answers, metrics=["answer_relevancy", "answer_correctness"])

    assert [row["status"] for row in rows] == ["ok"] * 16
    assert len({row["value"] for row in rows}) == 2


def test_one_score_that_fails_loses_no_other(judge, emulator) -> None:
    emulator.configure(answers=[{"match": "POISON", "text": "I would rather not answer in JSON."}])

    rows = judge(
        {"answer_id": "good", "final_answer": "The monthly fee is $5.00."},
        {"answer_id": "bad", "final_answer": "POISON is free."},
    )

    failed = {(row["answer_id"], row["metric"]) for row in rows if row["status"] == "failed"}
    assert failed == {("bad", "faithfulness"), ("bad", "answer_relevancy"), ("bad", "answer_correctness")}
    assert all("after a repair" in row["reason"] for row in rows if row["status"] == "failed")
    assert all(row["value"] is None for row in rows if row["status"] != "ok")
    assert sum(row["status"] == "ok" for row in rows) == 12 - 3


def test_a_judge_that_cannot_be_used_stops_the_run_and_a_rerun_pays_for_the_rest_only(judge, emulator) -> None:
    judge(metrics=["context_recall"])
    emulator.configure(faults=[{"kind": "401", "rate": 1.0, "when": "before", "path": "chat"}])
    with pytest.raises(ModelCallFailed, match="judge"):
        judge()
    emulator.configure(faults=[])
    emulator.reset()

    assert {row["status"] for row in judge()} == {"ok"}
    assert len([call for call in emulator.served() if "chat/completions" in call["path"]]) == 11 - 1


@pytest.mark.parametrize("shown", [("oracle", "other"), ("other",)])
def test_a_judged_call_is_known_to_come_from_the_documents_shown_and_the_one_asked_about(
    judge, tmp_path, shown
) -> None:
    import sqlalchemy as sa

    judge(item={"documents": [{"chunk_id": name, "title": "Guide", "text": f"About {name}."} for name in shown]})

    with sa.create_engine(f"sqlite:///{tmp_path / 'ledger.db'}").connect() as connection:
        calls = connection.execute(sa.text("select count(distinct key) from calls")).scalar_one()
        named = sa.text("select count(distinct key) from call_sources where document_version = 'version-1'")
        assert connection.execute(named).scalar_one() == calls


def test_without_ragas_a_configured_judge_says_what_to_install(judge, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "ragas.llms.base", None)

    with pytest.raises(SettingsError, match=r'pip install "raftline\[eval\]"'):
        judge()


def test_ragas_reports_to_nobody_and_writes_nothing_home(root, tmp_path) -> None:
    program = (
        "import json, os\n"
        "from resources.llm.judge.telemetry import load_ragas\n"
        "load_ragas()\n"
        "from ragas import _analytics\n"
        "_analytics.track(_analytics.BaseEvent(event_type='probe', user_id='x'))\n"
        "print(json.dumps([_analytics.do_not_track(), 'RAGAS_DO_NOT_TRACK' in os.environ]))\n"
    )
    home, log = tmp_path / "home", tmp_path / "socket.log"
    home.mkdir()
    guard = root / "tests" / "end_to_end" / "socket_guard"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=root, check=True, capture_output=True, text=True, timeout=120,
        env={
            "HOME": str(home), "PATH": "/usr/bin:/bin", "PYTHONPATH": f"{guard}:{root}", "SOCKET_GUARD_LOG": str(log),
            "RAGAS_DO_NOT_TRACK": "1",
        },
    )  # fmt: skip

    assert json.loads(done.stdout) == [True, True]
    assert [line for line in log.read_text(encoding="utf-8").splitlines() if line.startswith("attempt")] == []
    assert [str(path) for path in Path(home).rglob("uuid.json")] == []
