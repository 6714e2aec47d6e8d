import json
import re
from dataclasses import replace

import pytest

from assets.evaluation.comparison import INDEPENDENT, board_of
from assets.evaluation.metrics import score_answers
from assets.evaluation.page_images import HighlightedPage
from assets.evaluation.plots import _outcome_shares
from assets.evaluation.report import build_report
from assets.evaluation.snapshot import cut_snapshot
from resources.hashing import canonical_json

HOSTILE = '<script>alert(1)</script> [/b] =HYPERLINK("http://evil.example") {{ 7*7 }} \u202e\x1b[31m $\\frac$'
SKILLS = ((0.4, 0.4), (0.95, 0.7))


@pytest.fixture(scope="module")
def report(world):
    return build_report(world.report_inputs(*SKILLS))


def test_equal_inputs_give_equal_bytes(world, report) -> None:
    again = build_report(world.report_inputs(*SKILLS))

    assert (again.html, again.json, again.plots) == (report.html, report.json, report.plots)


def test_the_order_of_rows_does_not_matter(world, report) -> None:
    inputs = world.report_inputs(*SKILLS)
    shuffled = replace(inputs, items=inputs.items[::-1], answers=inputs.answers[::-1], scores=inputs.scores[::-1])
    assert build_report(shuffled).html == report.html


def test_the_page_refers_to_nothing_outside_itself(report) -> None:
    outside = r"(?:src|href)\s*=\s*[\"'](?!data:)|url\(|@import|<script|<link|<iframe|https?:"
    assert re.search(outside, report.html) is None
    assert "default-src 'none'; img-src data:; style-src 'unsafe-inline'" in report.html


def test_the_verdict_comes_first_and_the_figures_are_in_the_json(report) -> None:
    figures = json.loads(report.json)

    assert report.html.index(report.verdict[:40]) < report.html.index("<table")
    assert figures["verdict"] == report.verdict
    assert figures["decision"]["promote"] is report.decision.promote
    assert canonical_json(figures) == report.json


def test_hostile_text_shows_as_text(world) -> None:
    corpus = [{**row, "title": HOSTILE} for row in world.corpus]
    bank = [{**row, "question": f"{HOSTILE} {row['question']}"} for row in world.bank]
    items = cut_snapshot(bank, corpus, world.found, k=3, seed=7)
    inputs = replace(world, items=items).report_inputs(*SKILLS, title=HOSTILE)
    inputs = replace(
        inputs,
        contenders=tuple(replace(contender, label=HOSTILE) for contender in inputs.contenders),
        candidate=replace(world.tuned, label=HOSTILE),
        answers=[{**answer, "final_answer": HOSTILE, "quotes": [HOSTILE]} for answer in inputs.answers],
        not_applicable={"few_shot": HOSTILE},
        measurements={HOSTILE: HOSTILE},
        validation=[{HOSTILE: HOSTILE}],
    )
    html = build_report(inputs).html

    assert "<script" not in html and "\x1b" not in html and "\u202e" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt; [/b] =HYPERLINK" in html
    assert "{{ 7*7 }}" in html


def test_arms_nobody_ran_are_shown_with_the_reason(world) -> None:
    html = build_report(world.report_inputs(*SKILLS, not_applicable={"few_shot": "an extractive reader"})).html

    assert "an extractive reader" in html
    assert "Tuned, closed book" in html


def test_timings_appear_only_if_given(world, report) -> None:
    timed = build_report(world.report_inputs(*SKILLS, measurements={"Median latency": "12 ms"}))

    assert "Cost and time" not in report.html
    assert "12 ms" in timed.html


def test_a_model_that_is_not_real_is_stamped(world) -> None:
    fake = replace(world.tuned, stamp="random weights")
    html = build_report(world.report_inputs(*SKILLS, candidate=fake)).html

    assert "not a real model (random weights)" in html
    assert '<span class="stamp">' in html


def test_examples_show_human_questions_with_their_page(world) -> None:
    asked = []

    def page_image(chunk_id: str, quote: str) -> HighlightedPage:
        asked.append((chunk_id, quote))
        return HighlightedPage("Guide", 4, b"png", True)

    html = build_report(world.report_inputs(*SKILLS, page_image=page_image)).html

    assert "human question, as retrieved" in html
    assert "<mark>The fee for a" in html
    assert "Guide, page 5; marked: the quote of" in html
    quotes = {row["chunk_id"]: row["text"] for row in world.corpus}
    assert asked and all(quotes[chunk_id] == quote for chunk_id, quote in asked)


def test_a_number_is_not_parted_from_its_percent_sign(report) -> None:
    shown = report.html.split("</style>")[1]
    assert re.search(r"\d\u00a0%", shown)
    assert not re.search(r"\d %", shown)


def test_pictures_compare_conditions_on_the_same_questions_and_show_the_others_apart(world) -> None:
    board = board_of(
        world.items, score_answers(world.items, world.answers(world.base, 1.0, 1.0), world.pages), "test", 1
    )
    shares = _outcome_shares(board, world.base.key, INDEPENDENT)
    shown, retrieved, unanswerable = (shares[view] for view in ("answer shown", "as retrieved", "no answer exists"))
    assert shown[1] == retrieved[1]
    assert unanswerable == ({"right": 1.0, "abstained": 0.0, "wrong": 0.0}, 10)


def test_plots_are_drawn_without_dates_or_software_names(report) -> None:
    assert set(report.plots) == {"right_by_condition", "outcomes"}
    for png in report.plots.values():
        assert png.startswith(b"\x89PNG")
        assert b"Software" not in png and b"matplotlib" not in png and b"tIME" not in png


def test_an_empty_evaluation_is_a_report_that_says_so(world) -> None:
    report = build_report(world.report_inputs(*SKILLS, items=[]))

    assert report.verdict.startswith("No verdict")
    assert "No answer was scored" in report.html
    assert report.plots == {}


def test_a_report_on_the_base_alone_can_be_written(world) -> None:
    inputs = replace(world.report_inputs(*SKILLS), candidate=None)

    assert "There is no trained candidate" in build_report(inputs).verdict


def test_decisions_about_the_champion_are_shown_as_text_and_are_no_part_of_the_figures(world) -> None:
    inputs = world.report_inputs(*SKILLS)
    told = {
        "at": "2026-11-21T07:00:00+00:00",
        "action": "rollback",
        "model_id": None,
        "by": "<b>ada</b>",
        "reason": "worse",
    }
    plain, shown = build_report(inputs), build_report(replace(inputs, decisions=[told]))

    assert "Champions so far" not in plain.html
    assert "<td>rollback</td><td>base</td><td>&lt;b&gt;ada&lt;/b&gt;</td><td>worse</td>" in shown.html
    assert shown.json == plain.json
