"""The picture of the retrieval report: recall by search mode and depth, one panel for each origin of questions."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from assets.figures import new_figure, png_of
from assets.retrieval.measures import RetrievalRow

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOURS = ("#8fa3b8", "#d9a05b", "#2f6f73", "#7a5c8e")
_DPI = 110


def plot_retrieval(rows: Sequence[RetrievalRow]) -> bytes:
    """A PNG: bars are mean recall, whiskers the bootstrap interval. Equal rows give equal bytes."""
    recall = [row for row in rows if row.metric.startswith("recall@") and row.mean is not None]
    origins = sorted({row.origin for row in recall})
    figure = new_figure(max(4.5, 4.2 * len(origins)), 3.4, _DPI)
    if origins:
        panels = figure.subplots(1, len(origins), sharey=True, squeeze=False)[0]
        for panel, origin in zip(panels, origins, strict=True):
            _draw(panel, origin, [row for row in recall if row.origin == origin])
        panels[0].set_ylabel("mean recall of the relevant chunks")
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), fontsize=8, frameon=False)
    else:
        figure.text(0.5, 0.5, "No question with a known chunk yet", ha="center", va="center")
    return png_of(figure)


def _draw(panel: "Axes", origin: str, rows: Sequence[RetrievalRow]) -> None:
    metrics = list(dict.fromkeys(row.metric for row in rows))
    configurations = list(dict.fromkeys(row.configuration for row in rows))
    width = 0.8 / len(configurations)
    for place, configuration in enumerate(configurations):
        chosen = [row for row in rows if row.configuration == configuration]
        xs = [metrics.index(row.metric) + (place - (len(configurations) - 1) / 2) * width for row in chosen]
        panel.bar(
            xs, [row.mean for row in chosen], width * 0.92, color=_COLOURS[place % len(_COLOURS)], label=configuration
        )
        for x, row in zip(xs, chosen, strict=True):
            if row.low is not None and row.high is not None:
                panel.vlines(x, row.low, row.high, color="#222222", linewidth=1.2)
    questions = max(row.questions for row in rows)
    panel.set_title(f"{origin} ({questions} questions)", fontsize=10, parse_math=False)
    panel.set_xticks(range(len(metrics)), [metric.replace("recall@", "@") for metric in metrics])
    panel.set_ylim(0, 1.02)
    panel.grid(axis="y", color="#dddddd", linewidth=0.6)
    panel.set_axisbelow(True)
    panel.spines[["top", "right"]].set_visible(False)
