"""The loss curve of a training run, as a small PNG file."""

import io
from collections.abc import Sequence


def plot_curve(curve: Sequence[tuple[int, float, float]]) -> bytes:
    """Training and validation loss by step."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.0, 3.0), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    steps = [point[0] for point in curve]
    axes.plot(steps, [point[1] for point in curve], marker="o", color="#2b6cb0", label="train")
    axes.plot(steps, [point[2] for point in curve], marker="o", color="#c05621", label="validation")
    axes.set_xlabel("step")
    axes.set_ylabel("loss")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=90, metadata={"Software": None})
    return data.getvalue()
