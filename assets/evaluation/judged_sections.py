"""The judge's part of the report: means by arm, paired differences, and what was judged, failed or not applicable.

Human and third-party questions are kept apart from generated ones, as everywhere. A judge's scores are shown beside
the verdict and decide nothing: they vary between judges, and the gate rests on what can be recomputed.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from assets.evaluation.arms import FAILED, NOT_APPLICABLE, OK
from assets.evaluation.comparison import INDEPENDENT, Board, Contender, Difference, board_of, in_origin
from assets.evaluation.conditions import GENERATED, ORIGIN_LABELS
from assets.evaluation.sections import Figure, SliceRow, TableRow, TableView, slice_table
from assets.evaluation.wording import counted, level_bounds, number
from resources.llm.judge.metrics import METRICS

NO_JUDGE = (
    "No judge is configured, so the RAGAS metrics were not taken. To take them, set roles.judge in raftline.yaml "
    'and install the eval extra: pip install "raftline[eval]".'
)
NO_SCORES = "A judge is configured, and there was no test answer for it to score."
DECIDES_NOTHING = (
    "The judge decides nothing: promotion rests on the deterministic utility above. Means of one metric are over the "
    "answers that it applies to; the differences are over the items that both arms were scored on."
)
_ORIGINS = {INDEPENDENT: "human and third-party", GENERATED: ORIGIN_LABELS[GENERATED]}

Row = Mapping[str, Any]


@dataclass(frozen=True)
class JudgeSection:
    """The section as the template shows it. `stamp` is not empty where an emulator judged; `note` explains or excuses."""

    note: str
    stamp: str = ""
    facts: Mapping[str, str] | None = None
    means: tuple[TableView, ...] = ()
    differences: tuple[tuple[str, tuple[SliceRow, ...]], ...] = ()
    counts: tuple[tuple[str, ...], ...] = ()
    failures: Mapping[str, int] | None = None


def judge_section(
    items: Sequence[Row],
    scores: Sequence[Row],
    judge_model: str,
    contenders: Sequence[Contender],
    candidate: Contender | None,
    split: str,
    seed: int,
    draws: int,
) -> JudgeSection:
    """What a report says of JUDGE_SCORES. `judge_model` is empty while nobody is configured as the judge."""
    if not scores:
        return JudgeSection(NO_SCORES if judge_model else NO_JUDGE)
    board = board_of(items, over_repeats(scores), split, seed, draws)
    metrics = [name for name in METRICS if any(row["metric"] == name for row in scores)]
    others = [contender for contender in contenders if candidate and contender.key != candidate.key]
    unreal = sum(not row["real"] for row in scores)
    failed = Counter(row["reason"] for row in scores if row["status"] == FAILED)
    return JudgeSection(
        note=DECIDES_NOTHING,
        stamp=f"an emulator judged {counted(unreal, 'score')}: they prove plumbing, not quality" if unreal else "",
        facts=_facts(scores),
        means=tuple(filter(None, (_means(board, contenders, metrics, origin) for origin in _ORIGINS))),
        differences=tuple(
            (f"{candidate.label} minus {other.label}", rows)
            for other in others
            if candidate and (rows := tuple(slice_table(_differences(board, candidate, other, metrics))))
        ),
        counts=tuple(_counts(scores, contender, metric) for metric in metrics for contender in contenders),
        failures=dict(sorted(failed.items(), key=lambda entry: (-entry[1], entry[0]))),
    )


def over_repeats(scores: Sequence[Row]) -> list[dict[str, Any]]:
    """One row per answer and metric: the mean of its repeats; answers without any value are left out."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in sorted(scores, key=lambda row: (row["answer_id"], row["metric"], row["repeat"])):
        if row["status"] == OK and row["value"] is not None:
            found.setdefault((row["answer_id"], row["metric"]), []).append(row)
    return [{**rows[0], "value": fmean(row["value"] for row in rows)} for rows in found.values()]


def spread(scores: Sequence[Row]) -> float | None:
    """How far repeats of one score lie apart: the mean of highest minus lowest; None without repeats."""
    found: dict[tuple[str, str], list[float]] = {}
    for row in scores:
        if row["status"] == OK and row["value"] is not None and row["calls"]:
            found.setdefault((row["answer_id"], row["metric"]), []).append(row["value"])
    apart = sorted(max(values) - min(values) for values in found.values() if len(values) > 1)
    return fmean(apart) if apart else None


def _facts(scores: Sequence[Row]) -> dict[str, str]:
    apart = spread(scores)
    facts = {
        "Judge": ", ".join(sorted({row["judge_model"] for row in scores})),
        "Embedder": ", ".join(sorted({row["embedder"] for row in scores if row["embedder"]})),
        "Prompts": ", ".join(sorted({row["prompt_version"].split("/")[0] for row in scores})),
        "Calls the scores rest on": str(sum(row["calls"] for row in scores)),
        "Prompt tokens": str(sum(row["prompt_tokens"] for row in scores)),
        "Completion tokens": str(sum(row["completion_tokens"] for row in scores)),
        "Spread between repeats": "not measured: each score was taken once" if apart is None else number(apart),
    }
    return {name: value for name, value in facts.items() if value}


def _means(board: Board, contenders: Sequence[Contender], metrics: Sequence[str], origin: str) -> TableView | None:
    rows = []
    for contender in contenders:
        cells = tuple(_figure(board, contender, metric, origin) for metric in metrics)
        if any(cells):
            rows.append(TableRow(contender.label, contender.stamp, cells))
    columns = tuple(METRICS[metric].label for metric in metrics)
    return (
        TableView(f"{_ORIGINS[origin].capitalize()} questions", "mean [95 %], n", columns, tuple(rows))
        if rows
        else None
    )


def _figure(board: Board, contender: Contender, metric: str, origin: str) -> Figure | None:
    interval = board.interval(contender.key, metric, in_origin(origin))
    if interval.mean is None:
        return None
    return Figure(number(interval.mean), f"{level_bounds(interval)}, n = {interval.n}")


def _differences(board: Board, one: Contender, other: Contender, metrics: Sequence[str]) -> list[Difference]:
    found = [
        board.difference(one.key, other.key, metric, in_origin(origin), METRICS[metric].label, _ORIGINS[origin])
        for metric in metrics
        for origin in _ORIGINS
    ]
    return [difference for difference in found if difference.items]


def _counts(scores: Sequence[Row], contender: Contender, metric: str) -> tuple[str, ...]:
    own = Counter(
        row["status"]
        for row in scores
        if row["metric"] == metric and f"{row['model_id']}/{row['arm']}" == contender.key
    )
    return (METRICS[metric].label, contender.label, *(str(own[status]) for status in (OK, FAILED, NOT_APPLICABLE)))
