"""The models that the resource offers: base models with their dates of retirement, and what was tuned here."""

from dataclasses import dataclass
from typing import Any

from azure_openai.world import CREATED, World

DAY = 86_400


@dataclass(frozen=True)
class BaseModel:
    """A base model as the service lists it. Days count from the emulator's own now; None: no date is known."""

    fine_tune: bool = True
    fine_tune_days: int | None = 400
    inference_days: int | None = 700
    lifecycle: str = "generally-available"


BASE_MODELS = {
    "gpt-4o-mini-2024-07-18": BaseModel(),
    "gpt-4o-2024-08-06": BaseModel(),
    "gpt-4.1-mini-2025-04-14": BaseModel(),
    "gpt-4.1-nano-2025-04-14": BaseModel(),
    "text-embedding-3-small": BaseModel(fine_tune=False),
}


def known(world: World) -> dict[str, BaseModel]:
    """The base models: those there always are, with what a test changed."""
    changed = {name: BaseModel(**values) for name, values in world.configuration.base_models.items()}
    return {**BASE_MODELS, **changed}


def fine_tunable(world: World, name: str) -> bool:
    """Whether a job may start from a model."""
    base = known(world).get(name)
    return base.fine_tune if base else name in world.tuned


def deployable(world: World, name: str, version: str | None) -> bool:
    """Whether a deployment may load a model: one that was tuned here, or a base model by its name and version."""
    return name in world.tuned or name in known(world) or f"{name}-{version}" in known(world)


def listed(world: World) -> list[dict[str, Any]]:
    """Every model as `GET /models` shows it; the spec dialect says nothing about capabilities."""
    rows = [_row(world, name, model) for name, model in known(world).items()]
    rows += [
        _row(world, name, BaseModel(fine_tune=False, fine_tune_days=None), base) for name, base in world.tuned.items()
    ]
    named = {row["id"] for row in rows}
    served = {one.model for one in world.configuration.deployments.values()} - named
    rows += [_row(world, name, BaseModel(fine_tune=False)) for name in served]
    return sorted(rows, key=lambda row: row["id"])


def _row(world: World, name: str, model: BaseModel, base: str = "") -> dict[str, Any]:
    described = {"id": name, "object": "model", "created": CREATED, "owned_by": "emulator"}
    if world.configuration.dialect != "observed":
        return described
    dates = {"fine_tune": model.fine_tune_days, "inference": model.inference_days}
    embeds = "embedding" in name
    return {
        **described,
        "status": "succeeded",
        "lifecycle_status": model.lifecycle,
        "capabilities": {
            "fine_tune": model.fine_tune,
            "inference": True,
            "completion": False,
            "chat_completion": not embeds,
            "embeddings": embeds,
        },
        "deprecation": {key: int(world.now + days * DAY) for key, days in dates.items() if days is not None},
        **({"model": base} if base else {}),
    }
