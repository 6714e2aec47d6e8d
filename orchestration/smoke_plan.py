"""What a smoke test will do, before it does anything: the smallest job of a backend, and what that may cost. Asks nobody."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from assets.training.uploads import Upload, prepare
from orchestration.smoke_rows import data_version, smoke_rows
from resources.egress.redaction import Redactor
from resources.egress.secret import placeholder_key
from resources.errors import SettingsError
from resources.llm.budget import money
from resources.training.base import Quote, TrainingData, TrainingSpec
from resources.training.book import TrainingBook
from resources.training.resource import TrainersResource
from resources.training.trainer import Trainer

NAMES = {"azure": "azure_openai", "sagemaker": "sagemaker_jumpstart", "local": "local"}
"""What people type, and the backend that is meant."""

RECIPE = "raftline smoke"
"""Under which jobs are booked: no recipe can have this name, so no run ever makes a student of them."""

_BASES = {"azure_openai": "gpt-4.1-nano-2025-04-14"}
_SMALLEST: dict[str, dict[str, Any]] = {
    "azure_openai": {"n_epochs": 1},
    "sagemaker_jumpstart": {"epoch": 1},
    "local": {"max_steps": 2, "batch_size": 1, "gradient_accumulation": 1},
}
_HOURS = 1.0
"""Longest training at a service that is paid by its time."""

_AFTERWARDS = timedelta(minutes=15)
"""What an endpoint lives besides the time to come up."""

HISTORY = 10_000
"""How many jobs are looked through for those of smoke tests."""

_BASE_NEEDED = {
    "sagemaker_jumpstart": "a model of the hub with its version: --base-model MODEL_ID/VERSION",
    "local": "a base: --base-model NAME (a folder below trainers.local.models_folder, a path, or org/name@commit)",
}


@dataclass(frozen=True)
class SmokePlan:
    """One smoke test: what is trained on what, for how much, and whether it goes on with a job that is there."""

    backend: str
    spec: TrainingSpec
    data: TrainingData
    quote: Quote
    adopts: bool
    eula_by: str = ""

    @property
    def run_id(self) -> str:
        """Names the endpoint: a test that goes on after it was interrupted finds its own again."""
        return f"smoke-{self.spec.idem()}"


def plan_smoke(
    backend: str, trainers: TrainersResource, book: TrainingBook, base_model: str = "", eula_by: str = ""
) -> SmokePlan:
    """The next smoke test of a backend: the one that was interrupted, else a new one.

    Raises `SettingsError` if the backend is not configured, or needs a base model to be named.
    """
    if backend not in trainers.configured() and backend != "local":
        page = next(name for name, found in NAMES.items() if found == backend)
        raise SettingsError(f"trainers.{backend} is not set: docs/training-{page}.md says what belongs there")
    base = base_model or _BASES.get(backend, "")
    if not base:
        raise SettingsError(f"the smoke test of {backend} needs {_BASE_NEEDED[backend]}")
    trainer = trainers.get(backend)
    options = {"accept_eula": True} if eula_by else {}
    upload = smoke_upload(trainers, backend, options)
    spec, adopts = _next_spec(trainer, base, options, upload.rules, book)
    return SmokePlan(backend, spec, upload.data, trainer.quote(spec, upload.data), adopts, eula_by)


def smoke_upload(trainers: TrainersResource, backend: str, options: Mapping[str, Any]) -> Upload:
    """The rows as a backend is sent them."""
    trainer = trainers.get(backend)
    redactor = Redactor(
        placeholder_key(Path(trainers.egress_folder) if trainers.egress_folder else None), trainers.egress.kinds
    )
    form = trainer.data_format(options)
    return prepare(smoke_rows(), trainer, form, trainers.egress, redactor, lambda row: "public")


def smallest(trainers: TrainersResource) -> TrainersResource:
    """The trainers, held to a short job, and watched to its end."""
    options = trainers.options
    rented = options.sagemaker_jumpstart
    hours = min(_HOURS, rented.max_runtime_hours)
    jobs = options.jobs.model_copy(update={"in_run_minutes": options.jobs.deadline_hours * 60})
    rented = rented.model_copy(update={"max_runtime_hours": hours})
    changed = options.model_copy(update={"jobs": jobs, "sagemaker_jumpstart": rented})
    return trainers.model_copy(update={"options": changed})


def lifetime(trainers: TrainersResource) -> timedelta:
    """What a smoke test's endpoint lives at most, whatever happens to the test."""
    return timedelta(minutes=trainers.serving.ready_minutes) + _AFTERWARDS


def plan_lines(plan: SmokePlan, trainers: TrainersResource) -> list[str]:
    """What will be made and what it costs, for who has to agree to it."""
    trainer, spec = trainers.get(plan.backend), plan.spec
    where = "on this machine" if trainer.runs_here else f"at {trainer.destination}"
    rows = len(plan.data.train)
    trains = "goes on with the job of a smoke test that was interrupted" if plan.adopts else "trains a new model"
    lines = [
        f"The smoke test of {plan.backend} {trains}, {where}:",
        f"  base model   {spec.base_model}{f', its licence accepted by {plan.eula_by}' if plan.eula_by else ''}",
        f"  training     {rows} rows written for this, {_spelled(dict(spec.hyperparameters))}",
        f"  its cost     {'not known' if plan.quote.usd is None else f'about {money(plan.quote.usd)}'}: {plan.quote.basis}",
    ]
    return [*lines, *_endpoint_lines(plan.backend, trainers)]


def hourly_price(backend: str, trainers: TrainersResource) -> float | None:
    """USD of an hour of the endpoint, as the settings say; None where they do not."""
    options = trainers.options
    if backend == "azure_openai":
        return options.azure_openai.usd_per_hour.get(options.azure_openai.evaluation_sku)
    return options.sagemaker_jumpstart.usd_per_endpoint_hour if backend == "sagemaker_jumpstart" else 0.0


def _endpoint_lines(backend: str, trainers: TrainersResource) -> list[str]:
    if trainers.get(backend).runs_here:
        return ["  endpoint     none: the model answers in this process, or on the server that the settings name"]
    price = hourly_price(backend, trainers)
    hour = "a price per hour that the settings do not say" if price is None else f"{money(price)} per hour"
    minutes = lifetime(trainers).total_seconds() / 60
    kind = f"{trainers.options.azure_openai.evaluation_sku}, " if backend == "azure_openai" else ""
    tokens = " and the price of its tokens" if backend == "azure_openai" else ""
    return [
        f"  endpoint     one, {kind}at {hour}{tokens}; taken down after one question",
        f"  its end      in {minutes:.0f} minutes at the latest, by the sweeper, if this command is killed",
    ]


def _next_spec(
    trainer: Trainer, base: str, options: dict[str, Any], upload: str, book: TrainingBook
) -> tuple[TrainingSpec, bool]:
    """The specification to train, and whether its job is one that an earlier test left.

    The seed counts the tests: what was tested to the end is not found again.
    """

    def spec_of(seed: int) -> TrainingSpec:
        given = tuple(sorted(_SMALLEST[trainer.backend].items()))
        settings = tuple(sorted(options.items()))
        return TrainingSpec(
            trainer.backend, base, data_version(), given, seed, "", trainer.code_version(), settings, upload
        )

    before = [job for job in book.history(HISTORY) if job.recipe == RECIPE and job.backend == trainer.backend]
    for job in before:
        if (job.open or not job.told) and spec_of(job.spec.seed).idem() == job.idem:
            return job.spec, True
    return spec_of(max((job.spec.seed for job in before), default=-1) + 1), False


def _spelled(hyperparameters: dict[str, Any]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in sorted(hyperparameters.items()))
