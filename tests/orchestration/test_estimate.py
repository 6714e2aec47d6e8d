"""`raftline estimate`: what it says before spending, against what is spent on the emulator."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from assets.chunks.contexts import contextualize
from assets.raft.generation import ask_teacher
from assets.spending import teaching_estimates
from orchestration.cli import app
from orchestration.estimate import as_dict, estimate, show_estimate
from orchestration.settings import Settings
from orchestration.wiring import build_resources
from resources.errors import SettingsError
from resources.llm.budget import ApprovalNeeded

TOLERANCE = 0.15


@pytest.fixture
def hosted(project, emulator, root, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Settings]:
    """Settings of a home with sample documents (one, if not told otherwise), whose roles are played by the emulator."""
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", emulator.key)

    def make(teacher: dict[str, Any] | None = None, documents: int = 1, **content: object) -> Settings:
        def role(model: str, deployment: str) -> dict[str, Any]:
            return {"provider": "azure_openai", "model": model, "deployment": deployment, "endpoint": emulator.url}

        roles = {
            "teacher": role("gpt-4o-2024-08-06", "gpt-4o") | (teacher or {}),
            "contextualizer": role("gpt-4o-mini-2024-07-18", "gpt-4o-mini"),
            "embedder": role("text-embedding-3-small", "text-embedding-3-small"),
        }
        settings = project(roles=roles, **content)
        settings.documents_folder.mkdir(parents=True, exist_ok=True)
        for path in _smallest(root / "sample_corpus", documents):
            shutil.copy(path, settings.documents_folder)
        return settings

    return make


def _smallest(folder: Path, count: int) -> list[Path]:
    found = sorted(folder.rglob("*.pdf"), key=lambda path: (path.stat().st_size, path.name))
    return list({path.name: path for path in reversed(found)}.values())[-count:]


def test_an_estimate_is_within_15_percent_of_what_is_then_spent_and_0_afterwards(hosted, emulator):
    resources = build_resources(hosted(documents=2))
    stages, material = estimate(resources)
    assert emulator.requests() == 0
    options, models = resources["options"], resources["models"]
    with models.open("run") as opened:
        window = options.contextualization.within(options.chunks.max_tokens)
        rows = contextualize(opened.chat("contextualizer"), material.chunks, material.titles, window).rows
        opened.embedder().embed([row["contextual_text"] for row in rows])
        ask_teacher(opened.chat("teacher"), material.chunks, material.titles, options.questions.per_chunk)
    spent = {row["stage"]: row for row in models.spend().to_pylist()}
    for role in ("contextualizer", "teacher"):
        mine = [stage.load for stage in stages if stage.stage.startswith(role)]
        expected = sum(load.prompt_tokens + load.completion_tokens for load in mine)
        actual = spent[role]["prompt_tokens"] + spent[role]["completion_tokens"]
        assert expected == pytest.approx(actual, rel=TOLERANCE), role
    cost = as_dict(stages, material)["cost_usd"]
    assert cost == pytest.approx(sum(row["cost"] for row in spent.values()), rel=TOLERANCE)
    again = {stage.stage: stage.load for stage in estimate(resources)[0] if not stage.stage.startswith("embedder")}
    assert all(load.calls == 0 and load.recorded for load in again.values())


def test_once_the_ledger_has_history_new_chunks_are_reckoned_from_it(hosted):
    resources = build_resources(hosted())
    _, material = estimate(resources)
    half = len(material.chunks) // 2
    with resources["models"].open("run") as opened:
        teacher = opened.chat("teacher")
        ask_teacher(teacher, material.chunks[:half], material.titles, 8)
        questions, answers = teaching_estimates(teacher, material.chunks, material.titles, 8)
        assert (questions.load.recorded, questions.load.calls) == (half, len(material.chunks) - half)
        assert answers.basis.startswith("answers as in")
        before = opened.usage.tokens
        ask_teacher(teacher, material.chunks, material.titles, 8)
        expected = sum(one.load.prompt_tokens + one.load.completion_tokens for one in (questions, answers))
        assert expected == pytest.approx(opened.usage.tokens - before, rel=TOLERANCE)


def test_a_batch_is_reckoned_at_half_the_price_and_without_a_time(hosted):
    full, _ = estimate(build_resources(hosted()))
    half, _ = estimate(build_resources(hosted({"batch": True})))
    assert half[-1].cost == pytest.approx((full[-1].cost or 0) / 2)
    assert (half[-1].seconds, full[-1].seconds is None) == (None, False)


def test_quotas_decide_how_long_it_takes(hosted):
    slow = hosted({"limits": {"tokens_per_minute": 1000}})
    answers = estimate(build_resources(slow))[0][-1]
    tokens = answers.load.prompt_tokens + answers.load.completion_tokens
    assert answers.seconds == pytest.approx(60 * tokens / 1000)


def test_a_stage_above_the_approval_threshold_sends_nothing_and_says_how_to_approve(hosted, emulator):
    resources = build_resources(hosted(budget={"approve_stage_usd": 0.01}))
    _, material = estimate(resources)
    with resources["models"].open("run") as opened:
        teacher = opened.chat("teacher")
        stages = teaching_estimates(teacher, material.chunks, material.titles, 8)
        with pytest.raises(ApprovalNeeded, match=r"RAFTLINE_BUDGET__APPROVE_STAGE_USD=0\.\d+ raftline refresh"):
            opened.approve(lambda: stages)
    assert emulator.requests() == 0
    approved = build_resources(hosted(budget={"approve_stage_usd": 100}))
    with approved["models"].open("run") as opened:
        opened.approve(lambda: stages)


def test_without_a_threshold_nothing_is_reckoned(hosted):
    def never() -> list:
        raise AssertionError("reckoned")

    with build_resources(hosted())["models"].open("run") as opened:
        opened.approve(never)


def test_a_threshold_needs_prices(hosted):
    unpriced = build_resources(hosted({"model": "in-house-7b"}, budget={"approve_stage_usd": 1}))
    with pytest.raises(SettingsError, match=r"roles\.teacher\.price"), unpriced["models"].open("run"):
        pass


def test_the_command_prints_a_table_or_json_and_names_what_has_no_price(hosted, monkeypatch):
    settings = hosted({"model": "in-house-7b"})
    monkeypatch.chdir(settings.root)
    shown = CliRunner().invoke(app, ["estimate"])
    assert shown.exit_code == 0, shown.output
    told = json.loads(CliRunner().invoke(app, ["estimate", "--json"]).stdout)
    assert told["documents"] == 1
    assert told["cost_usd"] is None
    assert [stage["stage"] for stage in told["stages"]] == [
        "contextualizer: contexts",
        "embedder: chunks",
        "teacher: questions",
        "teacher: answers",
    ]
    assert all(stage["calls"] > 0 for stage in told["stages"])


def test_a_judge_is_told_not_to_be_counted_before_there_is_anything_to_judge(hosted, monkeypatch):
    settings = hosted()
    judged = settings.model_copy(update={"roles": settings.roles | {"judge": settings.roles["teacher"]}})
    stages, material = estimate(build_resources(judged))
    shown: list[str] = []
    monkeypatch.setattr("orchestration.console.say", lambda text, style="": shown.append(text))
    show_estimate(stages, material)
    assert any("judge: scores: not counted before the first snapshot" in line for line in shown)


def test_with_the_embedded_provider_everything_is_free(project, root):
    settings = project()
    settings.documents_folder.mkdir(parents=True)
    shutil.copy(_smallest(root / "sample_corpus", 1)[0], settings.documents_folder)
    stages, _ = estimate(build_resources(settings))
    assert all(stage.cost == 0 for stage in stages)
    assert sum(stage.load.calls for stage in stages) > 0
