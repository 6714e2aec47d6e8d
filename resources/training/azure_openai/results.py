"""The service's results file: losses and accuracies by step. A measure of -1 is none."""

import base64
import binascii
import csv
import io
import math
from collections.abc import Mapping

from resources.training.base import MetricRow

_TRAIN_LOSS = ("train_loss",)
_VALIDATION_LOSS = ("full_valid_loss", "valid_loss", "validation_loss")
_TRAIN_ACCURACY = ("train_mean_token_accuracy", "train_accuracy")
_VALIDATION_ACCURACY = (
    "full_valid_mean_token_accuracy",
    "validation_mean_token_accuracy",
    "valid_mean_token_accuracy",
    "valid_accuracy",
)


def curve_of(content: bytes) -> tuple[MetricRow, ...]:
    """The curve in a results file, plain or in base64; lines without a step are left out."""
    text = _plain(content).decode("utf-8-sig", "replace")
    rows = []
    for line in csv.DictReader(io.StringIO(text)):
        step = _measure(line, ("step",))
        if step is not None:
            rows.append(
                MetricRow(
                    int(step),
                    _measure(line, _TRAIN_LOSS),
                    _measure(line, _VALIDATION_LOSS),
                    _measure(line, _TRAIN_ACCURACY),
                    _measure(line, _VALIDATION_ACCURACY),
                )
            )
    return tuple(sorted(rows, key=lambda row: row.step))


def last_measures(curve: tuple[MetricRow, ...]) -> dict[str, float]:
    """The last value of each measure."""
    found: dict[str, float] = {}
    for row in curve:
        for name in ("train_loss", "validation_loss", "train_accuracy", "validation_accuracy"):
            value = getattr(row, name)
            if value is not None:
                found[name] = value
    return found


def _plain(content: bytes) -> bytes:
    if b"," in content[:200]:
        return content
    try:
        return base64.b64decode(b"".join(content.split()), validate=True)
    except binascii.Error:
        return content


def _measure(line: Mapping[str | None, str | None], names: tuple[str, ...]) -> float | None:
    """The first of these columns that holds a measure."""
    for name in names:
        try:
            value = float(line.get(name) or "")
        except (ValueError, TypeError):
            continue
        if math.isfinite(value) and value >= 0:
            return value
    return None
