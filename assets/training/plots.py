"""The loss curve of a training run, as a small PNG file."""

from collections.abc import Sequence

from assets.figures import new_figure, png_of

_DPI = 90


def plot_curve(curve: Sequence[tuple[int, float, float]]) -> bytes:
    """Training and validation loss by step."""
    figure = new_figure(6.0, 3.0, _DPI)
    axes = figure.add_subplot()
    steps = [point[0] for point in curve]
    axes.plot(steps, [point[1] for point in curve], marker="o", color="#2b6cb0", label="train")
    axes.plot(steps, [point[2] for point in curve], marker="o", color="#c05621", label="validation")
    axes.set_xlabel("step")
    axes.set_ylabel("loss")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return png_of(figure)
