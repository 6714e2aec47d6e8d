"""What a training run shows in the UI: the model, what it cost, how its job went, and what was kept back."""

from datetime import UTC, datetime
from typing import Any

from assets.training.plots import plot_curve
from assets.training.tuning import Tuned, Wish
from resources.lake.metadata import counts, image
from resources.llm.budget import money
from resources.training.base import Cost, Quote
from resources.training.book_tables import Job


def tuned_metadata(wish: Wish, tuned: Tuned, stamp: str | None) -> dict[str, Any]:
    """Of a finished model."""
    artifact, job = tuned.artifact, tuned.job
    shown: dict[str, Any] = {
        "model": wish.spec.idem(),
        **({"not a real model": stamp} if stamp else {}),
        "backend": wish.spec.backend,
        "base model": wish.spec.base_model,
        "job": job.name,
        **({"the service said": job.said} if job.message else {}),
        "adopted a finished job": tuned.adopted,
        "cost": "nothing: adopted" if tuned.adopted and job.told else cost_words(job.cost),
        "rows": len(wish.upload.data.train),
        "validation rows": len(wish.upload.data.validation),
        "dataset version": wish.spec.dataset_version,
        **({"code version": wish.spec.code_version} if wish.spec.code_version else {}),
    }
    if wish.upload.withheld:
        shown["rows withheld by class"] = counts(wish.upload.withheld)
    if artifact:
        shown |= {
            "artifact": artifact.location,
            "metrics": dict(artifact.metrics),
            "provenance": dict(artifact.provenance),
            **({"loss": image(plot_curve(artifact.curve), "loss by step")} if artifact.curve else {}),
        }
    return shown


def left_metadata(tuned: Tuned) -> dict[str, Any]:
    """Of a job that is left at its service."""
    job = tuned.job
    return {
        "no new model yet": "left at its service; training_sensor or the next refresh makes the model",
        "job": job.name,
        "status": job.said or "submitted",
        "since": moment(job.submitted_at or job.booked_at),
        "expected": quote_words(job.quote),
    }


def measurements(job: Job) -> dict[str, tuple[float, str]]:
    """What varies between equal runs, by name with its unit."""
    found: dict[str, tuple[float, str]] = {}
    if job.finished_at and job.submitted_at:
        found["training"] = (max(0.0, job.finished_at - job.submitted_at), "s")
    if job.cost:
        found["training billed"] = (job.cost.quantity, job.cost.unit)
    if job.cost and job.cost.usd is not None:
        found["training cost"] = (job.cost.usd, "USD")
    return found


def cost_words(cost: Cost | None) -> str:
    """What a job was billed for, as people read it."""
    if cost is None:
        return "nothing billed"
    billed = f"{cost.quantity:,.0f} {cost.unit}"
    return f"{money(cost.usd)} ({billed})" if cost.usd is not None else f"{billed}; no price is set"


def quote_words(quote: Quote) -> str:
    """What a job is expected to cost and take."""
    time = "an unknown time" if quote.seconds is None else f"{quote.seconds / 60:,.0f} minutes"
    return f"{time}, {'an unknown price' if quote.usd is None else money(quote.usd)}"


def moment(seconds: float) -> str:
    """A time as people read it, in UTC."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"
