"""What a recipe may set of a local training: names, defaults and ranges. Knows neither Dagster nor PyTorch."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

ALL_LINEAR = "all-linear"
SCHEDULERS = ("linear", "cosine", "constant")


@dataclass(frozen=True)
class LoraHyperparameters:
    """Low-rank adaptation by supervised fine-tuning. Lists are written with commas, as recipes hold plain values.

    `max_steps` of 0 trains for `epochs`. `warmup` is a share of all steps below 1, a number of steps from 1 on.
    `modules_to_save` are trained in full besides the adapter: a base with random weights needs embed_tokens,lm_head.
    """

    epochs: float = 3.0
    max_steps: int = 0
    learning_rate: float = 2e-4
    scheduler: str = "linear"
    warmup: float = 0.03
    batch_size: int = 4
    gradient_accumulation: int = 4
    lora_r: int = 16
    lora_alpha: int = 32
    lora_dropout: float = 0.05
    target_modules: str = ALL_LINEAR
    modules_to_save: str = ""

    @property
    def targets(self) -> str | list[str]:
        """As PEFT takes them: its word for every linear layer, or names."""
        return ALL_LINEAR if self.target_modules == ALL_LINEAR else _names(self.target_modules)

    @property
    def saved_modules(self) -> list[str]:
        return _names(self.modules_to_save)

    def steps(self, rows: int) -> int:
        """Optimizer steps over so many rows, as the trainer will count them."""
        if self.max_steps:
            return self.max_steps
        batches = math.ceil(rows / self.batch_size)
        return math.ceil(self.epochs * max(1, math.ceil(batches / self.gradient_accumulation)))


_LIMITS: dict[str, tuple[float, float, str]] = {
    "epochs": (0, 1000, "above 0"),
    "max_steps": (-1, 10_000_000, "0 (use epochs) or more"),
    "learning_rate": (0, 1, "above 0 and below 1"),
    "warmup": (-1e-9, 1_000_000, "0 or more"),
    "batch_size": (0, 4096, "1 or more"),
    "gradient_accumulation": (0, 4096, "1 or more"),
    "lora_r": (0, 1024, "1 to 1024"),
    "lora_alpha": (0, 4096, "1 or more"),
    "lora_dropout": (-1e-9, 0.9, "0 to 0.9"),
}


def faults_of(given: Mapping[str, Any]) -> list[str]:
    """What is wrong with a recipe's hyperparameters, a line each."""
    known = {field.name: field.type for field in fields(LoraHyperparameters)}
    faults = [
        f"hyperparameter {key!r} is unknown; known are {', '.join(known)}" for key in sorted(set(given) - set(known))
    ]
    for key in sorted(set(given) & set(known)):
        faults += _fault(key, known[key], given[key])
    return faults


def parse(given: Mapping[str, Any]) -> LoraHyperparameters:
    """The hyperparameters of a recipe that `faults_of` finds nothing wrong with."""
    return LoraHyperparameters(**given)


def _fault(key: str, kind: Any, value: Any) -> list[str]:
    if kind is str:
        if not isinstance(value, str):
            return [f"hyperparameter {key} is {value!r}; it must be a text, names with commas between them"]
        if key == "scheduler" and value not in SCHEDULERS:
            return [f"hyperparameter scheduler is {value!r}; choose from {', '.join(SCHEDULERS)}"]
        if key == "target_modules" and not _names(value):
            return [f"hyperparameter target_modules is empty; name layers, or {ALL_LINEAR}"]
        return []
    whole = kind is int
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float) or not math.isfinite(value):
        return [f"hyperparameter {key} is {value!r}; it must be a {'whole number' if whole else 'number'}"]
    low, high, words = _LIMITS[key]
    return [] if low < value <= high else [f"hyperparameter {key} is {value!r}; it must be {words}"]


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]
