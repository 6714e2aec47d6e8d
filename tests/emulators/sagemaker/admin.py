"""The emulator's own operations below `/__emulator/`: what a test sets and asks. They need no credentials."""

import dataclasses
from typing import Any

from sagemaker import hosting, jobs, stores
from sagemaker.configuration import Configuration
from sagemaker.world import World


def handle(world: World, action: str, content: Any) -> tuple[World, Any]:
    """The world after an action, and its answer. Raises `ValueError` or `TypeError` for what is unknown."""
    if action == "reset":
        stores.reset()
        return World(Configuration()), {}
    if action == "configure":
        world.configuration = world.configuration.changed(content)
        if "faults" in content:
            world.fired.clear()
            world.passed.clear()
        return world, {}
    if action == "advance":
        world.now += float(content["seconds"])
        return world, {"now": world.now}
    if action == "served":
        return world, world.served
    if action == "cost":
        return world, {"training": jobs.cost(world), "endpoints": hosting.cost(world), "now": world.now}
    if action == "objects":
        return world, stores.keys_below(content["uri"])
    if action == "read":
        return world, stores.read(content["uri"]).decode("utf-8", "replace")
    if action == "remove":
        stores.remove(content["uri"])
        return world, {}
    if action == "state":
        return world, _state(world)
    raise ValueError(f"no such action: {action}")


def _state(world: World) -> dict[str, Any]:
    """Everything there is, without moving anything on but what the clock moved."""
    return {
        "now": world.now,
        "jobs": [
            {
                "name": job.name,
                "status": jobs.advance(world, job)[0],
                "path": [secondary for _, secondary in job.path],
                "request": job.request,
                "artifact": jobs.artifact_uri(job),
                "tags": world.tags.get(world.arn("training-job", job.name), {}),
            }
            for job in world.jobs.values()
        ],
        "models": sorted(world.models),
        "configs": sorted(world.configs),
        "endpoints": [
            {
                **dataclasses.asdict(endpoint),
                "status": hosting.state_of(world, endpoint),
                "tags": world.tags.get(world.arn("endpoint", endpoint.name), {}),
            }
            for endpoint in world.endpoints.values()
        ],
        "gone": [endpoint.name for endpoint in world.gone],
    }
