"""Deployments made through Azure Resource Manager: what each was told to load, how long it lives, what it costs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from azure_openai.configuration import Deployment
from azure_openai.errors import no_such_deployment
from azure_openai.route import Route
from azure_openai.world import World

DEVELOPER_HOURS = 24.0
UNUSED_HOURS = 15 * 24.0


@dataclass
class Hosted:
    """One deployment from its creation to its end. Times are hours of the emulator's clock."""

    name: str
    path: str
    body: dict[str, Any]
    created: float
    created_at: str
    used: float
    state: str = "Creating"
    polls: int = 0
    removed: float | None = None
    loaded: list[str] = field(default_factory=list)
    """Every model that it was told to load, in order."""

    @property
    def model(self) -> str:
        """The model as chat answers name it: a base model's version is part of its name."""
        described = self.body["properties"]["model"]
        name, version = described["name"], described.get("version") or ""
        return name if ".ft-" in name or not version else f"{name}-{version}"

    @property
    def sku(self) -> str:
        return self.body["sku"]["name"]


def alive(world: World) -> list[Hosted]:
    return [one for one in world.hosted if one.removed is None]


def find(world: World, name: str) -> Hosted | None:
    """The deployment of this name that there is now."""
    return next((one for one in alive(world) if one.name == name), None)


def create(world: World, name: str, path: str, body: dict[str, Any]) -> Hosted:
    """A deployment that is coming up; one that there is loads what it is told now."""
    found = next((one for one in alive(world) if one.path == path), None)
    if found is None:
        created_at = datetime.fromtimestamp(world.now, UTC).isoformat()
        found = Hosted(name, path, body, world.hours, created_at, world.hours)
        world.hosted.append(found)
    found.body, found.state, found.polls = body, "Creating", 0
    found.loaded.append(found.model)
    return found


def look(world: World, one: Hosted) -> None:
    """One look at a deployment: after enough of them it is up, has failed, or is gone."""
    one.polls += 1
    configuration = world.configuration
    if one.state == "Creating" and one.polls >= configuration.deployment_polls:
        one.state = configuration.deployment_outcome
    elif one.state == "Deleting" and one.polls >= configuration.deletion_polls:
        one.removed = world.hours


def delete(world: World, one: Hosted) -> None:
    one.state, one.polls = "Deleting", 0
    if not world.configuration.deletion_polls:
        one.removed = world.hours


def answering(world: World, one: Hosted, route: Route) -> Deployment:
    """Who answers behind a deployment. Raises `ServiceError` while it is not up."""
    if one.state != "Succeeded":
        raise no_such_deployment(route.plain, one.name)
    one.used = world.hours
    return Deployment(one.model)


def advance(world: World, hours: float) -> None:
    """Lets time pass: the service removes what it does not keep."""
    world.hours += hours
    for one in alive(world):
        developer = one.sku.casefold().startswith("developer")
        end = one.created + DEVELOPER_HOURS if developer else one.used + UNUSED_HOURS
        if end <= world.hours and ".ft-" in one.model:
            one.state, one.removed = "Deleted", end


def cost(world: World, one: Hosted) -> float:
    """USD since its creation, used or not."""
    end = world.hours if one.removed is None else one.removed
    rate = world.configuration.usd_per_hour.get(one.sku, 0.0) if ".ft-" in one.model else 0.0
    return (end - one.created) * rate


def described(world: World) -> list[Mapping[str, Any]]:
    """Every deployment there ever was, for a test."""
    return [
        {
            "name": one.name,
            "model": one.model,
            "loaded": one.loaded,
            "sku": one.sku,
            "capacity": one.body["sku"].get("capacity"),
            "tags": one.body.get("tags") or {},
            "state": one.state,
            "alive": one.removed is None,
            "hours": (world.hours if one.removed is None else one.removed) - one.created,
            "cost_usd": cost(world, one),
        }
        for one in world.hosted
    ]
