"""The report's pictures as PNG bytes: the same figures give the same bytes, with no dates and no software names."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from assets.evaluation.comparison import INDEPENDENT, Board, Contender, Keep, both, in_condition, in_origin
from assets.evaluation.conditions import CONDITION_LABELS, CONDITIONS, GENERATED, NO_ANSWER_LABEL
from assets.evaluation.metrics import OUTCOMES, UTILITY
from assets.figures import new_figure, png_of
from resources.statistics import Interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PALETTE = ("#9aa5b1", "#0f766e", "#d97706", "#6d5bd0", "#be4b6b", "#3b82c4")
_OUTCOME_COLOURS = {"right": "#0f766e", "abstained": "#cbd5d9", "wrong": "#c2410c"}
_INK = "#1f2933"
_MUTED = "#667380"
_DPI = 200
_LINE_LENGTH = 22
_LINES = 2
_ABREAST = 3
"""Contenders for which the usual width is enough."""
_LABEL_SHARE = 0.14
"""A narrower bar segment gets no number: it would not fit."""


def draw_plots(board: Board, contenders: Sequence[Contender]) -> dict[str, bytes]:
    """Every picture by name. One whose questions do not exist is left out."""
    labels = {contender.key: _ascii(contender.label) for contender in contenders}
    origin = INDEPENDENT if any(map(in_origin(INDEPENDENT), board.items.values())) else GENERATED
    rates = {
        contender.key: {
            label: board.interval(contender.key, "correct", both(in_origin(origin), keep))
            for label, keep in _views().items()
        }
        for contender in contenders
    }
    shares = {contender.key: _outcome_shares(board, contender.key, origin) for contender in contenders}
    measured = [key for key, by_condition in rates.items() if any(interval.n for interval in by_condition.values())]
    if not measured:
        return {}
    asked = "human and third-party questions" if origin == INDEPENDENT else "generated questions"
    return {
        "right_by_condition": _plot_rates({key: rates[key] for key in measured}, labels, asked),
        "outcomes": _plot_outcomes({key: shares[key] for key in measured}, labels, asked),
    }


def _views() -> dict[str, Keep]:
    """What is drawn side by side: every condition on the same, answerable questions, and the other questions apart."""
    asked: dict[str, Keep] = {
        CONDITION_LABELS[condition]: both(in_condition(condition), lambda item: item["answerable"])
        for condition in CONDITIONS
    }
    return asked | {NO_ANSWER_LABEL: lambda item: not item["answerable"]}


def _outcome_shares(board: Board, key: str, origin: str) -> dict[str, tuple[dict[str, float], int]]:
    """Per view the share of each outcome and the number of items; views without items are absent."""
    found = {}
    for label, view in _views().items():
        keep = both(in_origin(origin), view)
        values = [value for item_id, value in board.values(key, "utility").items() if keep(board.items[item_id])]
        if values:
            shares = {outcome: values.count(UTILITY[outcome]) / len(values) for outcome in OUTCOMES}
            found[label] = (shares, len(values))
    return found


def _plot_rates(rates: Mapping[str, Mapping[str, Interval]], labels: Mapping[str, str], asked: str) -> bytes:
    more = max(0, len(rates) - _ABREAST)
    figure, axes = _figure(5.0 + 1.2 * more, 3.5 + (0.4 if more else 0.0))
    width = 0.72 / len(rates)
    views = [view for view in _views() if any(by_view[view].n for by_view in rates.values())]
    for place, (key, by_view) in enumerate(rates.items()):
        colour, label = _PALETTE[place % len(_PALETTE)], labels[key]
        for index, view in enumerate(views):
            interval = by_view[view]
            if interval.mean is None:
                continue
            at = index + (place - (len(rates) - 1) / 2) * width
            axes.bar(at, interval.mean, width * 0.9, color=colour, label=label)
            label = None  # named once, in the first view that it has
            top = interval.mean
            if interval.low is not None and interval.high is not None:
                axes.vlines(at, interval.low, interval.high, color=_INK, linewidth=1.3)
                top = interval.high
            axes.text(at, top + 0.02, f"{interval.mean * 100:.0f}%", ha="center", fontsize=8, color=_INK)
    axes.set_xticks(range(len(views)), views)
    axes.set_ylim(0, 1.12)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0%", "25%", "50%", "75%", "100%"])
    axes.grid(axis="y", color="#e4e7eb", linewidth=0.7)
    _title(figure, f"Right answers, {asked}")
    _legend(axes, min(len(rates), _ABREAST))
    return png_of(figure)


def _plot_outcomes(
    shares: Mapping[str, Mapping[str, tuple[dict[str, float], int]]], labels: Mapping[str, str], asked: str
) -> bytes:
    bars = [(view, labels[key], *shares[key][view]) for view in _views() for key in shares if view in shares[key]]
    figure, axes = _figure(5.0, 0.9 + 0.44 * len(bars))
    places, groups = _bar_places([view for view, *_ in bars])
    for place, (_, _, split, _) in zip(places, bars, strict=True):
        left = 0.0
        for outcome in OUTCOMES:
            share = split[outcome]
            axes.barh(place, share, 0.74, left=left, color=_OUTCOME_COLOURS[outcome])
            if share >= _LABEL_SHARE:
                ink = _INK if outcome == "abstained" else "white"
                axes.text(
                    left + share / 2, place, f"{share * 100:.0f}%", ha="center", va="center", fontsize=8, color=ink
                )
            left += share
    axes.set_yticks(places, [f"{label}  (n={count})" for _, label, _, count in bars])
    for view, place in groups:
        axes.text(1.015, place, view, fontsize=8.5, color=_MUTED, va="center", clip_on=False)
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.5, 1], ["0%", "50%", "100%"])
    axes.spines["bottom"].set_visible(False)
    for outcome in OUTCOMES:
        axes.bar(0, 0, color=_OUTCOME_COLOURS[outcome], label=outcome)
    _title(figure, f"Outcomes, {asked}")
    _legend(axes, len(OUTCOMES))
    return png_of(figure)


def _bar_places(views: Sequence[str]) -> tuple[list[float], list[tuple[str, float]]]:
    """Where each bar goes, with a space between views, and the middle of each view."""
    places: list[float] = []
    members: dict[str, list[float]] = {}
    for view in views:
        place = (places[-1] + 1.0 if view in members else places[-1] + 1.5) if places else 0.0
        places.append(place)
        members.setdefault(view, []).append(place)
    return places, [(view, sum(found) / len(found)) for view, found in members.items()]


def _figure(width: float, height: float) -> "tuple[Figure, Axes]":
    figure = new_figure(width, height, _DPI)
    axes = figure.subplots()
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color("#cbd2d9")
    axes.tick_params(length=0, labelsize=8.5, labelcolor=_INK)
    return figure, axes


def _title(figure: "Figure", text: str) -> None:
    figure.suptitle(text, x=0.01, ha="left", fontsize=9.5, color=_INK)


def _legend(axes: "Axes", columns: int) -> None:
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(-0.01, 1.0),
        ncols=columns,
        fontsize=8.5,
        frameon=False,
        handlelength=1.0,
        handleheight=1.0,
        borderaxespad=0.2,
        columnspacing=1.4,
    )


def _ascii(label: str) -> str:
    """A label of at most two lines that the bundled font can draw and matplotlib does not read as mathematics."""
    text = "".join(character if character.isascii() and character.isprintable() else "?" for character in label)
    text = text.replace("$", r"\$")
    return "\n".join(textwrap.wrap(text, _LINE_LENGTH, max_lines=_LINES, placeholder="..."))
