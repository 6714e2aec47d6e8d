"""The figures of a contest, as rows for a machine and as a table for people."""

import json
from typing import Any

from assets.evaluation.comparison import both, in_origin
from assets.evaluation.conditions import CONDITION_LABELS, ORACLE_ABSENT, ORACLE_PRESENT, RETRIEVED
from benchmarks.two_by_two import ORIGINS, Contest
from resources.statistics import Interval

FORCED = "right_if_forced"
"""Right where the answer is shown and the reader may not decline."""

_ANSWERED = ("correct", "wrong", "abstained", "utility", "numbers_exact", "wrong_number", "cited_page")
BOTH = "shown_and_withheld"
"""Every question twice, with its answer and without: what tells a better reader from a bolder or a shier one."""

METRICS = {
    BOTH: ("correct", "wrong", "utility"),
    ORACLE_PRESENT: (*_ANSWERED, FORCED),
    ORACLE_ABSENT: ("abstained_rightly", "wrong", "utility"),
    RETRIEVED: _ANSWERED,
}
_LABELS = {**CONDITION_LABELS, BOTH: "answer shown and answer withheld together"}
_NAMES = {
    "correct": "right",
    "abstained": "declined",
    "abstained_rightly": "rightly declined",
    "numbers_exact": "numbers exact",
    "wrong_number": "wrong number",
    "cited_page": "cites the page",
    FORCED: "right if forced",
}
_HEAD = f"{'':<18}{'base':>24}{'trained':>24}{'trained - base':>26}{'ratio':>8}{'items':>7}{'pages':>7}"

Row = dict[str, Any]


def figures(contest: Contest) -> list[Row]:
    """One row per test set, training set, condition and metric: base, trained, difference (95 %, by page) and ratio."""
    return [
        _figure(contest, tested, trained, condition, metric)
        for tested in ORIGINS
        for trained in ORIGINS
        for condition in METRICS
        for metric in METRICS[condition]
    ]


def _figure(contest: Contest, tested: str, trained: str, condition: str, metric: str) -> Row:
    shown = (ORACLE_PRESENT, ORACLE_ABSENT) if condition == BOTH else (condition,)
    keep = both(in_origin(tested), lambda item: item["condition"] in shown)
    base = contest.key(trained, tuned=False, forced=metric == FORCED)
    tuned = contest.key(trained, tuned=True, forced=metric == FORCED)
    measured = "correct" if metric == FORCED else metric
    before = contest.board.interval(base, measured, keep)
    after = contest.board.interval(tuned, measured, keep)
    difference = contest.board.difference(tuned, base, measured, keep, "", "").interval
    return {
        "tested_on": ORIGINS[tested],
        "trained_on": ORIGINS[trained],
        "condition": condition,
        "metric": metric,
        "base": _values(before),
        "trained": _values(after),
        "difference": _values(difference),
        "ratio": _ratio(after.mean, before.mean),
        "items": after.n,
        "pages": after.groups,
    }


def table(rows: list[Row]) -> str:
    """The figures as text, one block per test set, training set and condition."""
    lines: list[str] = []
    last = None
    for row in rows:
        part = row["tested_on"], row["trained_on"], row["condition"]
        if part != last:
            lines += ["", f"Tested on {part[0]}, trained on {part[1]}, {_LABELS[part[2]]}", _HEAD]
            last = part
        ratio = "-" if row["ratio"] is None else f"{row['ratio']:.2f}"
        lines.append(
            f"  {_NAMES.get(row['metric'], row['metric']):<16}{_shown(row['base']):>24}{_shown(row['trained']):>24}"
            f"{_shown(row['difference'], '+'):>26}{ratio:>8}{row['items']:>7}{row['pages']:>7}"
        )
    return "\n".join(lines)


def answer_lines(contest: Contest) -> str:
    """Every answer beside what was expected and what was shown, one JSON object per line."""
    items = {item["item_id"]: item for item in contest.items}
    lines = []
    for answer in contest.answers:
        item, key = items[answer["item_id"]], f"{answer['model_id']}/{answer['arm']}"
        row = {
            "reader": key,
            **{name: item[name] for name in ("condition", "origin", "kind", "page", "question", "oracle_index")},
            "expected": item["expected_answer"],
            **{name: answer[name] for name in ("final_answer", "quotes", "abstained", "chosen_index")},
            "scores": {name: found.get(item["item_id"]) for name, found in contest.board.scores[key].items()},
            "documents": [document["text"] for document in item["documents"]],
        }
        lines.append(json.dumps(row, ensure_ascii=False))
    return "\n".join(lines) + "\n"


def _values(interval: Interval) -> list[float | None]:
    return [None if one is None else round(one, 4) for one in (interval.mean, interval.low, interval.high)]


def _ratio(after: float | None, before: float | None) -> float | None:
    """Trained over base; None where a ratio says nothing: a base of zero, or a utility below it."""
    return round(after / before, 3) if after is not None and before is not None and before > 0 <= after else None


def _shown(values: list[float | None], sign: str = "") -> str:
    mean, low, high = values
    if mean is None:
        return "-"
    spread = f" [{low:{sign}.3f}, {high:{sign}.3f}]" if low is not None and high is not None else ""
    return f"{mean:{sign}.3f}{spread}"
