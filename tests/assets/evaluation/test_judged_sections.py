import json

import pytest

from assets.evaluation.judged_sections import NO_JUDGE, judge_section, over_repeats, spread
from assets.evaluation.judging import judged_items, plan_judging
from assets.evaluation.report import build_report
from resources.hashing import seeded_unit
from resources.options import JudgeOptions

SKILLS = ((0.4, 0.4), (0.95, 0.7))


@pytest.fixture(scope="module")
def scores(world):
    """Rows of JUDGE_SCORES: the tuned model's answers are more faithful; every twentieth score failed."""
    answers = [*world.answers(world.base, *SKILLS[0]), *world.answers(world.tuned, *SKILLS[1])]
    rows = []
    for task in plan_judging(world.items, answers, JudgeOptions(metrics=["faithfulness", "answer_correctness"])):
        luck = seeded_unit("judged", task.answer["answer_id"], task.metric)
        status = "not_applicable" if task.skip else "failed" if luck < 0.05 else "ok"
        rows.append(
            {
                **{name: task.answer[name] for name in ("answer_id", "model_id", "arm", "snapshot", "item_id")},
                **{name: task.item[name] for name in ("split", "condition", "origin", "kind", "group")},
                "metric": task.metric, "repeat": 0, "status": status,
                "value": (0.8 if task.answer["arm"] == "tuned_rag" else 0.3) + luck / 10 if status == "ok" else None,
                "reason": task.skip or ("no usable <b>answer</b>" if status == "failed" else None),
                "judge_model": "azure_openai/gpt-4o", "embedder": None, "prompt_version": "ragas-0.4.3/x/raftline-1",
                "calls": 2, "prompt_tokens": 100, "completion_tokens": 10, "real": True,
            }
        )  # fmt: skip
    return rows


@pytest.fixture
def section(world, scores):
    def make(rows=scores, model="azure_openai/gpt-4o"):
        contenders = (world.base, world.tuned)
        return judge_section(world.items, rows, model, contenders, world.tuned, "test", 7, 400)

    return make


def test_without_a_judge_one_line_says_so_and_what_to_do(section) -> None:
    assert section([], "").note == NO_JUDGE
    assert "roles.judge" in NO_JUDGE and "raftline[eval]" in NO_JUDGE
    assert section([], "azure_openai/gpt-4o").note != NO_JUDGE


def test_the_difference_is_paired_and_has_an_interval(section) -> None:
    [(heading, rows)] = section().differences

    assert heading == "Tuned + documents minus Base + documents"
    faithfulness = next(row for row in rows if row.slice == "Faithfulness")
    assert faithfulness.tone == "better"
    assert faithfulness.gap.startswith("+0.") and "to" in faithfulness.gap
    assert {row.value for row in rows} == {"human and third-party", "generated"}


def test_failed_and_inapplicable_scores_are_counted_and_not_averaged(section, scores) -> None:
    made = section()

    shown = {(row[0], row[1]): row[2:] for row in made.counts}
    for contender, arm in (("Base + documents", "base_rag"), ("Tuned + documents", "tuned_rag")):
        own = [row["status"] for row in scores if row["arm"] == arm and row["metric"] == "faithfulness"]
        assert shown["Faithfulness", contender] == tuple(
            str(own.count(status)) for status in ("ok", "failed", "not_applicable")
        )
    assert made.failures == {"no usable <b>answer</b>": sum(row["status"] == "failed" for row in scores)}
    assert made.facts is not None and made.facts["Prompt tokens"] == str(100 * len(scores))


def test_repeats_of_a_score_are_one_measurement_with_a_spread(scores) -> None:
    [score] = [row for row in scores if row["status"] == "ok"][:1]
    twice = [{**score, "value": 0.2}, {**score, "value": 0.6, "repeat": 1}]

    assert [row["value"] for row in over_repeats(twice)] == [pytest.approx(0.4)]
    assert spread(twice) == pytest.approx(0.4)
    assert spread(scores) is None


def test_an_emulated_judge_is_stamped(section, scores) -> None:
    assert section().stamp == ""
    assert "emulator judged 1 score" in section([{**scores[0], "real": False}, *scores[1:]]).stamp


def test_the_report_shows_the_judge_and_decides_without_it(world, scores) -> None:
    plain = build_report(world.report_inputs(*SKILLS))
    judged = build_report(world.report_inputs(*SKILLS, judge_scores=scores, judge_model="azure_openai/gpt-4o"))

    assert judged.decision == plain.decision and judged.verdict == plain.verdict
    assert "The judge decides nothing" in judged.html and "azure_openai/gpt-4o" in judged.html
    assert "no usable &lt;b&gt;answer&lt;/b&gt;" in judged.html and "<b>answer" not in judged.html
    assert json.loads(judged.json)["judge"]["facts"]["Judge"] == "azure_openai/gpt-4o"
    assert NO_JUDGE.split(".")[0] in plain.html


def test_a_report_on_an_emulators_work_says_so_before_its_verdict(world) -> None:
    report = build_report(world.report_inputs(*SKILLS, not_real=("azure_openai/gpt-4o (teacher)",)))

    assert report.html.index("Not a real model.") < report.html.index('class="verdict')
    assert "azure_openai/gpt-4o (teacher)" in report.html
    assert json.loads(report.json)["not_real"] == ["azure_openai/gpt-4o (teacher)"]
    assert "Not a real model." not in build_report(world.report_inputs(*SKILLS)).html


def test_every_item_judged_is_a_test_item(world) -> None:
    assert {item["split"] for item in judged_items(world.items, JudgeOptions())} == {"test"}
