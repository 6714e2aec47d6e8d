"""The loss curve of a training run, as a small PNG file."""

from collections.abc import Sequence

from assets.figures import new_figure, png_of
from resources.training.base import MetricRow

_DPI = 90


def plot_curve(curve: Sequence[MetricRow]) -> bytes:
    """Training and validation loss by step, each where it was measured."""
    figure = new_figure(6.0, 3.0, _DPI)
    axes = figure.add_subplot()
    lines = (
        ("train", "#2b6cb0", [(row.step, row.train_loss) for row in curve]),
        ("validation", "#c05621", [(row.step, row.validation_loss) for row in curve]),
    )
    for label, color, points in lines:
        known = [(step, loss) for step, loss in points if loss is not None]
        if known:
            axes.plot(*zip(*known, strict=True), marker="o", markersize=3, color=color, label=label)
    axes.set_xlabel("step")
    axes.set_ylabel("loss")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return png_of(figure)
