"""What is wrong with a training run before anything is spent: options, data, base model, hyperparameters, instance type."""

from collections.abc import Mapping
from typing import Any

from resources.errors import SettingsError
from resources.training.base import TrainingData, TrainingSpec
from resources.training.sagemaker_jumpstart.hub import HubModel
from resources.training.sagemaker_jumpstart.hyperparameters import hyperparameter_problems
from resources.training.sagemaker_jumpstart.options import SageMakerTrainerOptions
from resources.training.sagemaker_jumpstart.requests import eula_accepted, eula_problem, training_instance
from resources.training.sagemaker_jumpstart.rows import Form, file_problems, row_lengths

FORMATS: tuple[Form, ...] = ("instruction", "chat")
OPTIONS = ("format", "accept_eula")
"""What a recipe's `training.options` may hold."""


def form_of(options: Mapping[str, Any]) -> Form:
    """The data format that a recipe's options ask for. Raises `SettingsError` for unknown options and values."""
    unknown = sorted(options.keys() - set(OPTIONS))
    if unknown:
        known = " and ".join(OPTIONS)
        raise SettingsError(f"training.options.{unknown[0]} is unknown to sagemaker_jumpstart; known are {known}")
    if not isinstance(options.get("accept_eula", False), bool):
        raise SettingsError(f"training.options.accept_eula is {options['accept_eula']!r}; it must be true or false")
    found = [form for form in FORMATS if form == options.get("format", "instruction")]
    if not found:
        raise SettingsError(f"training.options.format is {options['format']!r}; it must be one of {', '.join(FORMATS)}")
    return found[0]


def problems(
    model: HubModel, spec: TrainingSpec, data: TrainingData, options: SageMakerTrainerOptions, form: Form
) -> list[str]:
    """Everything that is wrong, a line each."""
    broken = file_problems(data.files, form)
    found = list(broken)
    if spec.parent:
        found.append("continued tuning (a parent) is not offered by JumpStart: train from the base model")
    if not model.trainable:
        return [*found, f"{model.name} is served by JumpStart, but not offered for training"]
    if model.gated and not eula_accepted(spec):
        found.append(eula_problem(model))
    chosen = training_instance(options, model)
    if model.training_types and chosen not in model.training_types:
        offered = ", ".join(model.training_types)
        found.append(f"{model.name} is not trained on {chosen}; training_instance_type may be {offered}")
    longest = 0 if broken else max(row_lengths(data.files, form))
    return found + hyperparameter_problems(model, spec, form, longest, options.row_tokens)
