"""Files, batches, fine-tuning jobs and models: what is kept between requests. Files get ready with looks at them."""

import json
from collections.abc import Mapping
from typing import Any

from azure_openai import batches, catalogue, service, tuning
from azure_openai.errors import bad_request, not_found, refusal
from azure_openai.multipart import read_form
from azure_openai.route import Route
from azure_openai.service import check_contract
from azure_openai.tuning_rules import file_problem
from azure_openai.world import Exchange, World
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

_READY = {"pending": "running", "running": "processed"}
_PAGE, _JOBS = 10_000, 20


async def handle(
    world: World, exchange: Exchange, request: Request, route: Route, marks: Mapping[str, str]
) -> Response:
    """Answers a request about something kept. Faults hit before or after the effect."""
    raw = await request.body()
    fault = world.dice.roll(world.configuration, f"{request.method} {exchange.path}", raw)
    exchange.fault = fault.kind if fault else ""
    if fault and fault.when == "before":
        service.fail(fault, route, "")
    made, status = _operate(world, exchange, request, route, raw)
    if fault and fault.when == "after":
        service.fail(fault, route, "", after=True)
    exchange.status, exchange.delivered = status, exchange.fault != "truncated"
    if fault and fault.kind == "truncated":
        return Response(json.dumps(made)[:40], status, dict(marks), "application/json")
    if isinstance(made, bytes):
        return Response(made, status, dict(marks), "application/octet-stream")
    return JSONResponse(made, status, dict(marks))


def _operate(world: World, exchange: Exchange, request: Request, route: Route, raw: bytes) -> tuple[Any, int]:
    kind, *rest = route.path.strip("/").split("/")
    match (kind, request.method, *rest):
        case ("files", "POST"):
            return _upload(world, exchange, request, route, raw), 200 if route.plain else 201
        case ("files", "GET"):
            purpose = request.query_params.get("purpose")
            kept = [file for file in world.files.values() if purpose in (None, file["purpose"])]
            return _page(kept, request), 200
        case ("files", "GET", name):
            return _looked_at(world, _file(world, name)), 200
        case ("files", "DELETE", name):
            del world.files[_file(world, name)["id"]], world.contents[name]
            return {"id": name, "object": "file", "deleted": True}, 200
        case ("files", "GET", name, "content"):
            _file(world, name)
            for delivered in world.waiting.pop(name, ()):
                delivered.delivered = True
            return world.contents[name], 200
        case ("batches", "POST"):
            body = _body(raw)
            exchange.body = body
            check_contract(world, "POST", route, body)
            return batches.create(world, body, route), 200
        case ("batches", "GET"):
            return _page([batches.public(batch) for batch in world.batches.values()], request), 200
        case ("batches", "GET", name):
            batch = _batch(world, name)
            batches.advance(world, batch)
            return batches.public(batch), 200
        case ("batches", "POST", name, "cancel"):
            batch = _batch(world, name)
            batches.cancel(batch)
            return batches.public(batch), 200
        case ("fine_tuning", _, "jobs", *more):
            return _tune(world, exchange, request, route, raw, more)
        case ("models", "GET"):
            return {"object": "list", "data": catalogue.listed(world)}, 200
        case ("models", "GET", name):
            found = next((row for row in catalogue.listed(world) if row["id"] == name), None)
            if found is None:
                raise refusal(404, "notFound", f"There is no model {name}.")
            return found, 200
    raise not_found()


def _tune(
    world: World, exchange: Exchange, request: Request, route: Route, raw: bytes, more: list[str]
) -> tuple[Any, int]:
    """The operations of fine-tuning jobs, on every address alike."""
    match (request.method, *more):
        case ("POST",):
            body = _body(raw)
            exchange.body = body
            check_contract(world, "POST", route, body)
            return tuning.create(world, body, route), 200 if route.plain else 201
        case ("GET",):
            return _page(_jobs(world, request, route), request, _JOBS), 200
        case ("GET", name):
            return tuning.look(world, tuning.find(world, name)), 200
        case ("POST", name, "cancel" | "pause" | "resume" as action):
            return tuning.act(world, tuning.find(world, name), action), 200
        case ("GET", name, "events"):
            return _page(tuning.find(world, name)["_events"], request, _JOBS), 200
        case ("GET", name, "checkpoints"):
            return _page(tuning.find(world, name)["_checkpoints"], request, 10), 200
    raise not_found()


def _jobs(world: World, request: Request, route: Route) -> list[dict[str, Any]]:
    """The jobs of a list. Azure does not heed a filter by metadata; the plain dialect does."""
    wanted = {key[9:-1]: value for key, value in request.query_params.items() if key.startswith("metadata[")}
    jobs = tuning.visible(world)
    if not route.plain:
        return jobs
    return [job for job in jobs if all((job["metadata"] or {}).get(key) == value for key, value in wanted.items())]


def _looked_at(world: World, file: dict[str, Any]) -> dict[str, Any]:
    """A file, a step nearer to its end."""
    problem = file_problem(world.contents[file["id"]]) if file["purpose"] == "fine-tune" else ""
    if problem and file["status"] == "running":
        file |= {"status": "error", "status_details": problem}
    file["status"] = _READY.get(file["status"], file["status"])
    return file


def _upload(world: World, exchange: Exchange, request: Request, route: Route, raw: bytes) -> dict[str, Any]:
    form = read_form(request.headers.get("content-type", ""), raw)
    shown = form.content.decode("utf-8", errors="replace")
    exchange.body = {"filename": form.filename, "content": shown, **form.fields}
    check_contract(world, "POST", route, {"file": "", **form.fields})
    held = sum(file["purpose"].startswith("fine-tune") for file in world.files.values())
    if form.fields["purpose"] == "fine-tune" and held >= world.configuration.file_limit:
        raise refusal(400, "quotaExceeded", f"The resource holds {held} files for fine-tuning, which is its limit.")
    slow = world.configuration.dialect == "observed" and not route.plain
    file = world.keep(form.filename, form.fields["purpose"], form.content, "pending" if slow else "running")
    return file if slow else _looked_at(world, file)


def _page(items: list[dict[str, Any]], request: Request, size: int = _PAGE) -> dict[str, Any]:
    """A page of a list, newest first, after `after`."""
    newest = items[::-1]
    names = [item["id"] for item in newest]
    after = request.query_params.get("after")
    start = names.index(after) + 1 if after in names else 0
    end = start + int(request.query_params.get("limit", size))
    shown = newest[start:end]
    edges = {"first_id": shown[0]["id"], "last_id": shown[-1]["id"]} if shown else {"first_id": None, "last_id": None}
    return {"object": "list", "data": shown, **edges, "has_more": end < len(newest)}


def _file(world: World, name: str) -> dict[str, Any]:
    if name not in world.files:
        raise refusal(404, "notFound", f"No such File object: {name}")
    return world.files[name]


def _batch(world: World, name: str) -> dict[str, Any]:
    if name not in world.batches:
        raise refusal(404, "notFound", f"No such Batch object: {name}")
    return world.batches[name]


def _body(raw: bytes) -> dict[str, Any]:
    try:
        return service.read_json(json.loads(raw))
    except ValueError as error:
        raise bad_request("We could not parse the JSON body of your request.") from error
