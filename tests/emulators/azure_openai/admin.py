"""The emulator's own endpoints: what a test sets and asks. They need no key."""

import dataclasses
import json
import time
from typing import TYPE_CHECKING

from azure_openai import hosting, specs, tuning
from azure_openai.configuration import ENTRA_PREFIX
from azure_openai.world import World
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

if TYPE_CHECKING:
    from azure_openai.server import Emulator


async def handle(emulator: "Emulator", request: Request) -> Response:
    """`reset`, `configure`, `advance`, `served`, `violations`, `stats`, `files`, `jobs` and `deployments`."""
    action = request.url.path.removeprefix("/__emulator/")
    if action == "reset":
        emulator.world = World(emulator.first)
        return JSONResponse({})
    world = emulator.world
    if action == "configure":
        try:
            world.configuration = world.configuration.changed(json.loads(await request.body()))
        except (ValueError, TypeError) as error:
            return JSONResponse({"error": str(error)}, 400)
        return JSONResponse({})
    if action == "advance":
        hosting.advance(world, float(json.loads(await request.body())["hours"]))
        return JSONResponse({"hours": world.hours, "now": world.now})
    if action == "files":
        return JSONResponse(list(world.files.values()))
    if action == "jobs":
        return JSONResponse([tuning.public(job) for job in world.jobs.values()])
    if action == "deployments":
        return JSONResponse(hosting.described(world))
    if action == "served":
        return JSONResponse([dataclasses.asdict(exchange) for exchange in world.exchanges])
    if action == "violations":
        return JSONResponse({"checked": specs.folder() is not None, "violations": world.violations})
    if action == "stats":
        return JSONResponse(
            {
                "requests": sum(exchange.method != "BATCH" for exchange in world.exchanges),
                "in_flight": world.in_flight,
                "peak_in_flight": world.peak_in_flight,
                "windows": {name: [*window.used, window.tokens] for name, window in world.windows.items()},
            }
        )
    return JSONResponse({"error": "no such action"}, 404)


def token(request: Request) -> Response:
    """A managed identity's endpoint, so that azure-identity can be tested without Azure."""
    if "x-identity-header" not in request.headers:
        return JSONResponse({"error": "missing header"}, 400)
    target = request.query_params.get("resource", "")
    body = {"access_token": f"{ENTRA_PREFIX}{target}", "resource": target, "token_type": "Bearer"}
    return JSONResponse({**body, "expires_on": str(int(time.time()) + 86_400)})
