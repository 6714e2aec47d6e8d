"""Hyperparameters of a training script: the hub's defaults, a recipe's values checked against them, and what follows from data.

All values are strings; the script reads them from JSON.
"""

import math
from collections.abc import Mapping
from typing import Any

from resources.training.base import TrainingSpec
from resources.training.sagemaker_jumpstart.hub import HubModel, Hyperparameter
from resources.training.sagemaker_jumpstart.rows import Form

LENGTH = "max_input_length"
SILENT_CUT = 1024
"""Where scripts cut rows if they are not told a length; the answer stands last, so it would be lost."""

OURS = {"instruction_tuned", "chat_dataset"}
"""What the data format decides."""

_CONTAINER = {
    "sagemaker_program": "transfer_learning.py",
    "sagemaker_submit_directory": "/opt/ml/input/data/code/sourcedir.tar.gz",
    "sagemaker_container_log_level": "20",
}
"""What the containers need, where the hub's document does not say it."""

_ROUNDED_TO = 64


def hyperparameters_of(
    model: HubModel, given: Mapping[str, str], spec: TrainingSpec, form: Form, longest: int
) -> dict[str, str]:
    """All hyperparameters by name, as plain strings. `given` are those of the instance type."""
    known = model.hyperparameters
    values = {name: one.default for name, one in known.items()} | dict(given)
    values |= {name: value for name, value in _CONTAINER.items() if name not in values}
    if "seed" in known:
        values["seed"] = str(_within(known["seed"], spec.seed))
    if LENGTH in known:
        values[LENGTH] = str(math.ceil(longest / _ROUNDED_TO) * _ROUNDED_TO)
        most = known[LENGTH].most
        if most is not None and int(values[LENGTH]) > most >= longest:
            values[LENGTH] = str(int(most))
    values |= {name: spelled(value) for name, value in spec.hyperparameters}
    if "instruction_tuned" in known:
        values["instruction_tuned"] = str(form == "instruction")
    if "chat_dataset" in known:
        values["chat_dataset"] = str(form == "chat")
    return values


def hyperparameter_problems(
    model: HubModel, spec: TrainingSpec, form: Form, longest: int, most_tokens: int
) -> list[str]:
    """What is wrong with a recipe's hyperparameters and with the length of its rows, a line each."""
    known = {name: one for name, one in model.hyperparameters.items() if not one.container}
    given = dict(spec.hyperparameters)
    problems = [_problem(known, name, value) for name, value in sorted(given.items())]
    needed = "instruction_tuned" if form == "instruction" else "chat_dataset"
    if needed not in known:
        problems.append(f"{model.name} is not trained on rows of the format {form}: it has no hyperparameter {needed}")
    problems += _length_problems(known.get(LENGTH), given.get(LENGTH), model, longest, most_tokens)
    return [problem for problem in problems if problem]


def spelled(value: Any) -> str:
    """A recipe's value as the scripts spell it: True and False with capitals."""
    return str(value)


def _within(one: Hyperparameter, seed: int) -> int:
    """A seed that the script takes: another one for each seed, as far as its range goes."""
    least, most = int(one.least or 0), int(2**31 - 1 if one.most is None else one.most)
    return seed if least <= seed <= most else least + seed % (most - least + 1)


def _problem(known: Mapping[str, Hyperparameter], name: str, value: Any) -> str:
    """What is wrong with one value, or an empty text."""
    if name in OURS:
        return f"hyperparameters.{name} follows from training.options.format; leave it out"
    if name not in known:
        return f"hyperparameters.{name} is unknown; known are {', '.join(sorted(known.keys() - OURS))}"
    one = known[name]
    if one.options and spelled(value) not in one.options:
        return f"hyperparameters.{name} is {value!r}; it must be one of {', '.join(one.options)}"
    if one.kind not in ("int", "float"):
        return ""
    number = math.nan if isinstance(value, bool) else _number(value)
    if math.isnan(number) or (one.kind == "int" and number != math.floor(number)):
        return (
            f"hyperparameters.{name} is {value!r}; it must be {'a whole number' if one.kind == 'int' else 'a number'}"
        )
    if (one.least is not None and number < one.least) or (one.most is not None and number > one.most):
        least = "" if one.least is None else f"{one.least:g}"
        most = "" if one.most is None else f"{one.most:g}"
        return f"hyperparameters.{name} is {value}; it must be between {least} and {most}".rstrip()
    return ""


def _number(value: Any) -> float:
    """A value as a number; not one (NaN) if it is none."""
    try:
        return float(str(value))
    except ValueError:
        return math.nan


def _length_problems(
    one: Hyperparameter | None, given: Any, model: HubModel, longest: int, most_tokens: int
) -> list[str]:
    """Rows that would be cut: the answer stands last, and nobody is told."""
    if one is None:
        if longest <= SILENT_CUT:
            return []
        return [
            f"the longest row has up to {longest} tokens, and {model.name} has no hyperparameter {LENGTH}: scripts without "
            f"it cut rows at {SILENT_CUT}, answer first"
        ]
    most = most_tokens if one.most is None else int(one.most)
    if longest > most:
        return [
            f"the longest row has up to {longest} tokens with its answer; {model.name} takes {most}. Lower dataset.k or "
            "dataset.max_tokens in the recipe, or choose another base model"
        ]
    if given is not None and str(given).lstrip("-").isdigit() and int(given) < longest:
        return [
            f"hyperparameters.{LENGTH} is {given}, but the longest row has up to {longest} tokens: its answer would be cut "
            "off. Leave it out to have it set"
        ]
    return []
