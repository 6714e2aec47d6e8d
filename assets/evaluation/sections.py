"""The report's tables as values: what each row and cell says, ready for the template."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from assets.evaluation.comparison import INDEPENDENT, Board, Cell, Contender, Difference
from assets.evaluation.conditions import CONDITION_LABELS, CONDITIONS, ORIGIN_LABELS, ORIGINS
from assets.evaluation.metrics import METRICS
from assets.evaluation.wording import counted, gap, level_bounds, number, percent, rate_bounds
from resources.statistics import Interval

_HEADLINE = ("correct", "wrong")
_DETAILS = (
    "utility",
    "numbers_exact",
    "wrong_number",
    "token_f1",
    "semantic_similarity",
    "quote_verbatim",
    "cited_oracle",
    "cited_page",
    "abstained",
)
_LEVELS = frozenset({"utility", "token_f1", "semantic_similarity"})
_SLICE_VALUES = CONDITION_LABELS | ORIGIN_LABELS

Key = tuple[str, str, str, str]


@dataclass(frozen=True)
class Figure:
    """A mean and its interval, in words."""

    value: str
    bounds: str


@dataclass(frozen=True)
class TableRow:
    """A row: its label, a stamp if the model is no real one, and its cells (None: not measured)."""

    label: str
    stamp: str
    cells: tuple[Figure | None, ...]


@dataclass(frozen=True)
class TableView:
    """A table under its heading; `note` says on how many items it rests."""

    heading: str
    note: str
    columns: tuple[str, ...]
    rows: tuple[TableRow, ...]


@dataclass(frozen=True)
class SliceRow:
    """A paired difference in words; `tone` is `better`, `worse` or `open`."""

    slice: str
    value: str
    gap: str
    tone: str
    items: int
    groups: int
    detectable: str


@dataclass(frozen=True)
class QuestionCount:
    """How many questions and items of an origin the split holds."""

    origin: str
    questions: int
    items: int
    groups: int
    unanswerable: int


def arm_tables(measured: Sequence[Cell], contenders: Sequence[Contender]) -> list[TableView]:
    """Right and wrong answers of every contender by condition, one table for each origin of questions."""
    columns = tuple(
        f"{CONDITION_LABELS[condition]}: {METRICS[metric].label.lower()}"
        for condition in CONDITIONS
        for metric in _HEADLINE
    )
    found = _index(measured)
    tables = []
    for origin in ORIGINS:
        rows = _rows(
            contenders,
            lambda key, origin=origin: tuple(
                _cell(found.get((key, origin, condition, metric)), metric)
                for condition in CONDITIONS
                for metric in _HEADLINE
            ),
        )
        if rows:
            heading = f"{ORIGIN_LABELS[origin].capitalize()} questions"
            tables.append(TableView(heading, _sizes(found, origin), columns, rows))
    return tables


def metric_tables(measured: Sequence[Cell], contenders: Sequence[Contender]) -> list[TableView]:
    """Every other metric, on human and third-party questions if there are any, one table for each condition."""
    found = _index(measured)
    origin = next((origin for origin in (INDEPENDENT, *ORIGINS) if any(key[1] == origin for key in found)), "")
    tables = []
    for condition in CONDITIONS:
        metrics = [metric for metric in _DETAILS if any(key[1:] == (origin, condition, metric) for key in found)]
        rows = _rows(
            contenders,
            lambda key, condition=condition, metrics=metrics: tuple(
                _cell(found.get((key, origin, condition, metric)), metric) for metric in metrics
            ),
        )
        if rows:
            asked = "human and third-party" if origin == INDEPENDENT else ORIGIN_LABELS.get(origin, origin)
            columns = tuple(METRICS[metric].label for metric in metrics)
            tables.append(TableView(CONDITION_LABELS[condition].capitalize(), f"{asked} questions", columns, rows))
    return tables


def slice_table(paired: Sequence[Difference]) -> list[SliceRow]:
    """The paired differences, slice by slice."""
    return [
        SliceRow(
            slice=difference.slice,
            value=_SLICE_VALUES.get(difference.value, difference.value).replace("_", " "),
            gap=gap(difference.interval),
            tone=_tone(difference.interval),
            items=difference.items,
            groups=difference.interval.groups,
            detectable="" if difference.detectable is None else number(difference.detectable),
        )
        for difference in paired
    ]


def question_counts(board: Board) -> list[QuestionCount]:
    """The questions of the split by origin."""
    counts = []
    for origin in ORIGINS:
        items = [item for item in board.items.values() if item["origin"] == origin]
        if items:
            unanswerable = {item["question_id"] for item in items if not item["answerable"]}
            questions = {item["question_id"] for item in items}
            groups = {item["group"] for item in items}
            counts.append(
                QuestionCount(ORIGIN_LABELS[origin], len(questions), len(items), len(groups), len(unanswerable))
            )
    return counts


def _index(measured: Sequence[Cell]) -> dict[Key, Interval]:
    return {(cell.contender, cell.origin, cell.condition, cell.metric): cell.interval for cell in measured}


def _rows(contenders: Sequence[Contender], read: Callable[[str], tuple[Figure | None, ...]]) -> tuple[TableRow, ...]:
    """One row for each contender with anything measured."""
    rows = (TableRow(contender.label, contender.stamp, read(contender.key)) for contender in contenders)
    return tuple(row for row in rows if any(row.cells))


def _cell(interval: Interval | None, metric: str) -> Figure | None:
    if interval is None or interval.mean is None:
        return None
    if metric in _LEVELS:
        return Figure(number(interval.mean), level_bounds(interval))
    return Figure(percent(interval.mean), rate_bounds(interval))


def _sizes(found: dict[Key, Interval], origin: str) -> str:
    sizes = {}
    for (_, cell_origin, condition, metric), interval in found.items():
        if cell_origin == origin and metric == "correct":
            sizes[condition] = max(interval.n, sizes.get(condition, 0))
    return ", ".join(
        f"{CONDITION_LABELS[condition]} {counted(sizes[condition], 'item')}"
        for condition in CONDITIONS
        if condition in sizes
    )


def _tone(interval: Interval) -> str:
    if not interval.excludes_zero:
        return "open"
    return "better" if (interval.mean or 0.0) > 0 else "worse"
