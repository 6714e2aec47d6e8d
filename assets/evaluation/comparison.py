"""Contenders measured on the same items: intervals by origin and condition, and paired differences by slice.

Intervals come from a bootstrap over question groups: questions of one section are not independent.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from assets.evaluation.conditions import CONDITIONS, INDEPENDENT_ORIGINS, ORACLE_PRESENT, ORIGINS
from resources.statistics import (
    DRAWS,
    Interval,
    group_bootstrap,
    paired_differences,
    paired_group_bootstrap,
    smallest_detectable_difference,
)

ALL_CONDITIONS = "all"
INDEPENDENT = "independent"
"""Human and third-party questions together."""

_POSITIONS = ("first", "middle", "last")

Row = Mapping[str, Any]
Keep = Callable[[Row], bool]


@dataclass(frozen=True)
class Contender:
    """A model under one arm. `stamp` says why it is no real model (an emulator, random weights); empty if it is."""

    model_id: str
    arm: str
    label: str
    stamp: str = ""

    @property
    def key(self) -> str:
        return f"{self.model_id}/{self.arm}"


@dataclass(frozen=True)
class Cell:
    """One metric of one contender over the items of an origin and a condition."""

    contender: str
    origin: str
    condition: str
    metric: str
    interval: Interval


@dataclass(frozen=True)
class Difference:
    """A metric of one contender minus another's over the items that both answered, within one slice."""

    slice: str
    value: str
    metric: str
    interval: Interval
    detectable: float | None
    items: int
    questions: int


@dataclass(frozen=True)
class Board:
    """The scores of one snapshot's split, by contender, metric and item. Built by `board_of`."""

    items: Mapping[str, Row]
    scores: Mapping[str, Mapping[str, Mapping[str, float]]]
    seed: int
    draws: int = DRAWS
    titles: Mapping[str, str] = field(default_factory=dict)

    def values(self, contender: str, metric: str) -> Mapping[str, float]:
        return self.scores.get(contender, {}).get(metric, {})

    def interval(self, contender: str, metric: str, keep: Keep) -> Interval:
        """A contender's mean over the items kept; of n = 0 if nothing was measured."""
        values = self.values(contender, metric)
        chosen = [item_id for item_id in self.items if item_id in values and keep(self.items[item_id])]
        groups = [self.items[item_id]["group"] for item_id in chosen]
        return group_bootstrap([values[item_id] for item_id in chosen], groups, self.seed, self.draws)

    def difference(self, one: str, other: str, metric: str, keep: Keep, slice_name: str, value: str) -> Difference:
        """`one` minus `other`, paired by item."""
        left, right = self.values(one, metric), self.values(other, metric)
        both = [item_id for item_id in self.items if item_id in left and item_id in right and keep(self.items[item_id])]
        a, b = [left[item_id] for item_id in both], [right[item_id] for item_id in both]
        groups = [self.items[item_id]["group"] for item_id in both]
        interval = paired_group_bootstrap(a, b, groups, self.seed, self.draws)
        detectable = smallest_detectable_difference(paired_differences(a, b), groups)
        questions = len({self.items[item_id]["question_id"] for item_id in both})
        return Difference(slice_name, value, metric, interval, detectable, len(both), questions)


def board_of(items: Iterable[Row], scores: Iterable[Row], split: str, seed: int, draws: int = DRAWS) -> Board:
    """The scores of the split's items; scores of other items are left out, values that are null too."""
    chosen = {item["item_id"]: item for item in items if item["split"] == split}
    by_contender: dict[str, dict[str, dict[str, float]]] = {}
    for row in scores:
        if row["item_id"] in chosen and row["value"] is not None:
            metrics = by_contender.setdefault(f"{row['model_id']}/{row['arm']}", {})
            metrics.setdefault(row["metric"], {})[row["item_id"]] = row["value"]
    ordered = dict(sorted(chosen.items()))
    return Board(ordered, by_contender, seed, draws, _titles(ordered.values()))


def in_origin(origin: str) -> Keep:
    """The items of an origin; `independent` means human and third party."""
    wanted = INDEPENDENT_ORIGINS if origin == INDEPENDENT else (origin,)
    return lambda item: item["origin"] in wanted


def in_condition(condition: str) -> Keep:
    return lambda item: condition in (ALL_CONDITIONS, item["condition"])


def both(one: Keep, other: Keep) -> Keep:
    return lambda item: one(item) and other(item)


def cells(board: Board, contenders: Sequence[Contender], metrics: Sequence[str]) -> list[Cell]:
    """Every interval that has at least one measurement, by contender, origin and condition."""
    found = []
    for contender in contenders:
        for origin in (INDEPENDENT, *ORIGINS):
            for condition in CONDITIONS:
                keep = both(in_origin(origin), in_condition(condition))
                for metric in metrics:
                    interval = board.interval(contender.key, metric, keep)
                    if interval.n:
                        found.append(Cell(contender.key, origin, condition, metric, interval))
    return found


def differences(board: Board, one: str, other: str, metric: str) -> list[Difference]:
    """The paired difference over every slice that has items, generated questions never mixed with the others."""
    found = []
    for slice_name, value, keep in _slices(board):
        difference = board.difference(one, other, metric, keep, slice_name, value)
        if difference.items:
            found.append(difference)
    return found


def oracle_position(item: Row) -> str:
    """`first`, `middle` or `last` among the documents shown; empty without an oracle."""
    index, last = item["oracle_index"], len(item["documents"]) - 1
    if index < 0:
        return ""
    return _POSITIONS[0] if index == 0 else _POSITIONS[2] if index == last else _POSITIONS[1]


def _slices(board: Board) -> list[tuple[str, str, Keep]]:
    items = list(board.items.values())
    people = in_origin(INDEPENDENT)
    pool: Keep = people if any(map(people, items)) else lambda item: True

    def column(slice_name: str, read: Callable[[Row], str]) -> list[tuple[str, str, Keep]]:
        values = sorted({read(item) for item in items if pool(item)} - {""}, key=lambda name: (_place(name), name))
        return [(slice_name, value, both(pool, lambda item, value=value: read(item) == value)) for value in values]

    slices: list[tuple[str, str, Keep]] = [("origin", origin, in_origin(origin)) for origin in ORIGINS]
    slices += [("condition", condition, both(pool, in_condition(condition))) for condition in CONDITIONS]
    slices += column("oracle shown", lambda item: "yes" if item["oracle_index"] >= 0 else "no")
    slices += column("kind", lambda item: item["kind"])
    slices += column("document", lambda item: board.titles.get(item["document_id"] or "", ""))
    slices += column("language", lambda item: item["language"])
    slices += column(
        "oracle position", lambda item: oracle_position(item) if item["condition"] == ORACLE_PRESENT else ""
    )
    return slices


def _place(value: str) -> int:
    return _POSITIONS.index(value) if value in _POSITIONS else len(_POSITIONS)


def _titles(items: Iterable[Row]) -> dict[str, str]:
    """The title of each document that is some item's oracle, taken from where it is shown."""
    return {
        item["document_id"]: document["title"]
        for item in items
        if item["document_id"]
        for document in item["documents"]
        if document["chunk_id"] == item["chunk_id"]
    }
