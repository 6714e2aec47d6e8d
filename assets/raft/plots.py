"""Plots of the question stages, as small PNG files."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from assets.figures import new_figure, png_of

_DPI = 90


def plot_gates(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """How many questions were accepted, and how many each gate refused."""
    counts = Counter(row["gate"] or "accepted" for row in rows)
    names = sorted(counts, key=lambda name: (name != "accepted", -counts[name], name))
    figure = new_figure(6.4, 0.8 + 0.32 * max(1, len(names)), _DPI)
    axes = figure.add_subplot()
    bars = axes.barh(names, [counts[name] for name in names], color=["#2f855a", *["#c05621"] * (len(names) - 1)])
    axes.bar_label(bars, padding=3)
    axes.invert_yaxis()
    axes.set_xlabel("questions")
    axes.spines[["top", "right"]].set_visible(False)
    return png_of(figure)
