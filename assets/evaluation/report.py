"""The evaluation report: one self-contained HTML page and its figures as JSON, equal bytes for equal inputs.

Everything shown is data passed in; nothing reads a clock, a table or the network. Timings and costs appear only
if given. Text from documents and models is hostile: the template escapes all of it, and a CSP forbids the rest.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assets.evaluation.arms import ARMS
from assets.evaluation.comparison import Board, Cell, Contender, Difference, board_of, cells, differences
from assets.evaluation.examples import Example, PageImage, choose_examples
from assets.evaluation.gate import Decision, GateRules, decide
from assets.evaluation.judged_sections import JudgeSection, judge_section
from assets.evaluation.metrics import METRICS
from assets.evaluation.plots import draw_plots
from assets.evaluation.sections import arm_tables, metric_tables, question_counts, slice_table
from assets.evaluation.verdict import write_verdict
from resources.hashing import canonical_json
from resources.llm.judge.metrics import METRICS as JUDGE_METRICS
from resources.statistics import DRAWS
from resources.text import visible

if TYPE_CHECKING:
    from jinja2 import Template

_TEMPLATES = Path(__file__).parent / "templates"

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Provenance:
    """Where the figures come from. `contaminated` counts the candidate's training rows whose oracle answers a test
    question; None if nobody counted. `readers` tells by method how the pages were read.
    """

    dataset_version: str
    recipe: str
    base_model: str
    model_id: str
    seeds: Mapping[str, int] = field(default_factory=dict)
    training_rows: int = 0
    rejected: Mapping[str, int] = field(default_factory=dict)
    contaminated: int | None = None
    readers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ReportInputs:
    """What a report is made from: one split of one snapshot, the contenders' answers to it and their scores.

    `contenders` are shown in this order; `champion` and `candidate` must be among them (`candidate` None: nothing
    trained yet). Arms of `ARMS` without a contender are shown as not applicable, with the reason in
    `not_applicable` if there is one. `validation` are lines of the leaderboard on which the candidate was chosen.
    `judge_scores` are rows of JUDGE_SCORES by `judge_model`, which is empty while there is no judge. `not_real` names
    the models that an emulator played, by role and id. `decisions` are the rows of CHAMPION_MODEL before this report: they
    are shown, and are no part of its figures. `measurements` (cost, latency) vary between equal runs: give them only to a report that need not be equal.
    """

    items: Sequence[Row]
    answers: Sequence[Row]
    scores: Sequence[Row]
    contenders: Sequence[Contender]
    champion: Contender
    candidate: Contender | None
    provenance: Provenance
    closed_book: Contender | None = None
    title: str = "Evaluation report"
    split: str = "test"
    seed: int = 0
    draws: int = DRAWS
    rules: GateRules = field(default_factory=GateRules)
    pages: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    page_image: PageImage | None = None
    not_applicable: Mapping[str, str] = field(default_factory=dict)
    validation: Sequence[Mapping[str, str]] = ()
    measurements: Mapping[str, str] = field(default_factory=dict)
    judge_scores: Sequence[Row] = ()
    judge_model: str = ""
    not_real: Sequence[str] = ()
    decisions: Sequence[Row] = ()


@dataclass(frozen=True)
class Report:
    """The finished report."""

    html: str
    json: str
    verdict: str
    decision: Decision
    plots: dict[str, bytes]


def build_report(inputs: ReportInputs) -> Report:
    """Measures, decides, draws and writes."""
    board = board_of(inputs.items, inputs.scores, inputs.split, inputs.seed, inputs.draws)
    decision = decide(board, inputs.candidate, inputs.champion, inputs.closed_book, inputs.rules)
    verdict = write_verdict(board, inputs.candidate, inputs.champion, decision)
    measured = cells(board, inputs.contenders, tuple(METRICS))
    paired = differences(board, inputs.candidate.key, inputs.champion.key, "utility") if inputs.candidate else []
    examples = choose_examples(
        board, inputs.answers, inputs.candidate, inputs.champion, inputs.pages, inputs.page_image
    )
    plots = draw_plots(board, inputs.contenders)
    judged = _judged(inputs)
    html = _render(inputs, board, decision, verdict, measured, paired, examples, plots, judged)
    figures = _figures(inputs, board, decision, verdict, measured, paired, judged)
    return Report(html, figures, verdict, decision, plots)


def _judged(inputs: ReportInputs) -> JudgeSection:
    return judge_section(
        inputs.items,
        inputs.judge_scores,
        inputs.judge_model,
        inputs.contenders,
        inputs.candidate,
        inputs.split,
        inputs.seed,
        inputs.draws,
    )


def _render(
    inputs: ReportInputs,
    board: Board,
    decision: Decision,
    verdict: str,
    measured: Sequence[Cell],
    paired: Sequence[Difference],
    examples: Sequence[Example],
    plots: Mapping[str, bytes],
    judged: JudgeSection,
) -> str:
    return _template().render(
        inputs=inputs,
        decision=decision,
        verdict=verdict,
        arm_tables=arm_tables(measured, inputs.contenders),
        metric_tables=metric_tables(measured, inputs.contenders),
        slices=slice_table(paired),
        idle_arms=_idle_arms(inputs),
        examples=examples,
        plots=plots,
        counts=question_counts(board),
        snapshot=_snapshot(inputs),
        metrics=[*METRICS.values(), *(JUDGE_METRICS.values() if inputs.judge_scores else ())],
        judge=judged,
    )


@cache
def _template() -> "Template":
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    environment.filters["data_uri"] = _data_uri
    environment.filters["shown"] = visible
    environment.filters["unbroken"] = lambda text: text.replace(" %", "\u00a0%")
    return environment.get_template("report.html.j2")


def _data_uri(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()


def _idle_arms(inputs: ReportInputs) -> list[tuple[str, str]]:
    """The arms that nobody ran, each with its reason."""
    run = {contender.arm for contender in inputs.contenders}
    return [
        (arm.label, inputs.not_applicable.get(name, "not applicable: this model cannot run it"))
        for name, arm in ARMS.items()
        if name not in run
    ]


def _snapshot(inputs: ReportInputs) -> str:
    return ", ".join(sorted({item["snapshot"] for item in inputs.items})) or "empty"


def _figures(
    inputs: ReportInputs,
    board: Board,
    decision: Decision,
    verdict: str,
    measured: Sequence[Cell],
    paired: Sequence[Difference],
    judged: JudgeSection,
) -> str:
    return canonical_json(
        {
            "title": inputs.title,
            "verdict": verdict,
            "decision": {**asdict(decision), "detectable": decision.detectable},
            "snapshot": _snapshot(inputs),
            "split": inputs.split,
            "provenance": asdict(inputs.provenance),
            "contenders": [asdict(contender) for contender in inputs.contenders],
            "champion": inputs.champion.key,
            "candidate": inputs.candidate.key if inputs.candidate else None,
            "not_applicable": dict(_idle_arms(inputs)),
            "questions": [asdict(count) for count in question_counts(board)],
            "cells": [asdict(cell) for cell in measured],
            "differences": [asdict(difference) for difference in paired],
            "validation": [dict(row) for row in inputs.validation],
            "judge": asdict(judged),
            "not_real": list(inputs.not_real),
            "measurements": dict(inputs.measurements),
        }
    )
