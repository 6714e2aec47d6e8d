"""Azure Resource Manager, as far as deployments go: one account, long-running operations, tags, quota, permissions."""

import json
import re
from collections.abc import Mapping
from typing import Any

from azure_openai import catalogue, hosting, service
from azure_openai.configuration import ENTRA_PREFIX
from azure_openai.errors import ServiceError, refusal
from azure_openai.hosting import Hosted
from azure_openai.route import Route
from azure_openai.world import Exchange, World
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

SUBSCRIPTION = "00000000-0000-4000-8000-000000000001"
GROUP, ACCOUNT = "emulated-group", "emulated-account"
_ACCOUNT = re.compile(
    r"(?i)/subscriptions/([^/]+)/resourceGroups/([^/]+)/providers/Microsoft\.CognitiveServices/accounts/([^/]+)(/.*)?"
)
_OPERATION = re.compile(
    r"(?i)/subscriptions/[^/]+/providers/Microsoft\.CognitiveServices/locations/[^/]+/operationResults/([^/]+)"
)
_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,62}[A-Za-z0-9]")
_KIND = "Microsoft.CognitiveServices/accounts/deployments"


async def handle(world: World, exchange: Exchange, request: Request, marks: Mapping[str, str]) -> Response:
    """Answers a management request. Faults hit before or after the effect."""
    raw = await request.body()
    _authorize(world, request)
    fault = world.dice.roll(world.configuration, f"{request.method} {exchange.path}", raw)
    exchange.fault = fault.kind if fault else ""
    route = Route(exchange.path)
    if fault and fault.when == "before":
        service.fail(fault, route, "")
    exchange.body = json.loads(raw) if raw else None
    status, body, headers = _operate(world, exchange, request)
    if fault and fault.when == "after":
        service.fail(fault, route, "", after=True)
    exchange.status, exchange.delivered = status, exchange.fault != "truncated"
    marked = {**marks, **headers}
    if exchange.fault == "truncated":
        return Response(json.dumps(body)[:40], status, marked, "application/json")
    return Response(status_code=status, headers=marked) if body is None else JSONResponse(body, status, marked)


def _authorize(world: World, request: Request) -> None:
    bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
    if bearer.startswith(ENTRA_PREFIX) and not world.configuration.expired_tokens:
        return
    error = refusal(401, "InvalidAuthenticationToken", "The access token is missing, invalid or expired.")
    error.headers["WWW-Authenticate"] = (
        'Bearer authorization_uri="https://login.windows.net/common", error="invalid_token"'
    )
    raise error


def _operate(world: World, exchange: Exchange, request: Request) -> tuple[int, Any, dict[str, str]]:
    if "api-version" not in request.query_params:
        raise refusal(400, "MissingApiVersionParameter", "The api-version query parameter (?api-version=) is required.")
    operation = _OPERATION.fullmatch(exchange.path)
    if operation:
        return _operation(world, operation[1])
    found = _ACCOUNT.fullmatch(exchange.path)
    if not found:
        raise refusal(404, "InvalidResourceType", "The resource type could not be found.")
    _known(*found.groups()[:3])
    kind, *name = (found[4] or "").strip("/").split("/")
    if kind != "deployments" or len(name) > 1:
        raise refusal(404, "InvalidResourceType", "The resource type could not be found.")
    if not name:
        return 200, {"value": [_shown(one) for one in hosting.alive(world)]}, {}
    return _deployment(world, exchange, request, name[0])


def _known(subscription: str, group: str, account: str) -> None:
    if subscription != SUBSCRIPTION:
        raise refusal(404, "SubscriptionNotFound", f"The subscription '{subscription}' could not be found.")
    if group != GROUP:
        raise refusal(404, "ResourceGroupNotFound", f"Resource group '{group}' could not be found.")
    if account != ACCOUNT:
        raise refusal(404, "ResourceNotFound", f"The Resource 'accounts/{account}' was not found.")


def _deployment(world: World, exchange: Exchange, request: Request, name: str) -> tuple[int, Any, dict[str, str]]:
    exchange.deployment = name
    there = hosting.find(world, name)
    if request.method == "GET":
        if there is None:
            raise _missing(name)
        hosting.look(world, there)
        if there.removed is not None:
            raise _missing(name)
        return 200, _shown(there), {}
    if not world.configuration.may_deploy:
        raise refusal(
            403,
            "AuthorizationFailed",
            "The client does not have authorization to perform action "
            f"'Microsoft.CognitiveServices/accounts/deployments/{'write' if request.method != 'DELETE' else 'delete'}'.",
        )
    _wait_for_others(world, name)
    if request.method == "PUT":
        _check(world, name, exchange.body, there)
        one = hosting.create(world, name, exchange.path, exchange.body)
        return (200 if there else 201), _shown(one), _operation_headers(world, request, one)
    if there is None:
        if request.method == "DELETE":
            return 204, None, {}
        raise _missing(name)
    if request.method == "PATCH":
        there.body |= {key: exchange.body[key] for key in ("tags", "sku") if key in exchange.body}
        return 200, _shown(there), {}
    hosting.delete(world, there)
    return 202, None, _operation_headers(world, request, there)


def _wait_for_others(world: World, name: str) -> None:
    """Raises `ServiceError` while the account changes another deployment; being told so counts as a look at that one."""
    busy = [one for one in hosting.alive(world) if one.name != name and one.state in ("Creating", "Deleting")]
    for one in busy if world.configuration.one_at_a_time else ():
        hosting.look(world, one)
        raise refusal(409, "RequestConflict", "Another operation is being performed on the parent resource.")


def _check(world: World, name: str, body: Any, there: Hosted | None) -> None:
    if not _NAME.fullmatch(name):
        raise refusal(400, "InvalidResourceName", f"'{name}' is not a valid deployment name.")
    try:
        model, sku = body["properties"]["model"], body["sku"]
        named = model["format"] == "OpenAI" and model["name"] and sku["name"]
    except (KeyError, TypeError):
        named = False
    if not named:
        raise refusal(400, "InvalidRequestContent", "sku.name and properties.model with format and name are required.")
    if not catalogue.deployable(world, model["name"], model.get("version")):
        described = f"Format:{model['format']},Name:{model['name']},Version:{model.get('version')}"
        raise refusal(400, "DeploymentModelNotSupported", f"The model '{described}' is not supported in this region.")
    if sku["name"].casefold().startswith("developer") and model["name"] not in world.tuned:
        raise refusal(400, "InvalidResourceProperties", f"The SKU '{sku['name']}' is for fine-tuned models.")
    tags = body.get("tags") or {}
    if len(tags) > 50 or any(len(str(value)) > 256 for value in tags.values()):
        raise refusal(400, "InvalidTag", "A resource has at most 50 tags of 256 characters.")
    limit = world.configuration.capacity
    used = sum(one.body["sku"].get("capacity") or 1 for one in hosting.alive(world) if one is not there)
    if limit is not None and used + (sku.get("capacity") or 1) > limit:
        raise refusal(
            400,
            "InsufficientQuota",
            f"This operation requires {sku.get('capacity') or 1} new capacity in quota Tokens Per Minute (thousands), "
            f"which is bigger than the current available capacity {limit - used}.",
        )


def _operation(world: World, name: str) -> tuple[int, Any, dict[str, str]]:
    one = world.operations.get(name)
    if one is None:
        raise refusal(404, "NotFound", "There is no such operation.")
    if one.removed is None:
        hosting.look(world, one)
    if one.removed is not None or one.state == "Succeeded":
        return 200, {"name": name, "status": "Succeeded"}, {}
    if one.state == "Failed":
        error = {"code": "InternalServerError", "message": "The deployment could not load the model."}
        return 200, {"name": name, "status": "Failed", "error": error}, {}
    return 200, {"name": name, "status": "InProgress"}, {"Retry-After": "0"}


def _operation_headers(world: World, request: Request, one: Hosted) -> dict[str, str]:
    name = world.next_id("")
    world.operations[name] = one
    version = request.query_params["api-version"]
    place = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.CognitiveServices/locations/nowhere"
    url = f"http://{request.headers['host']}{place}/operationResults/{name}?api-version={version}"
    return {"Azure-AsyncOperation": url, "Location": url, "Retry-After": "0"}


def _missing(name: str) -> ServiceError:
    return refusal(404, "ResourceNotFound", f"The Resource '{_KIND}/{ACCOUNT}/{name}' was not found.")


def _shown(one: Hosted) -> dict[str, Any]:
    return {
        "id": one.path,
        "name": one.name,
        "type": _KIND,
        "etag": f'"{one.name}"',
        "sku": one.body["sku"],
        "tags": one.body.get("tags"),
        "systemData": {"createdAt": one.created_at, "createdByType": "Application"},
        "properties": {**one.body["properties"], "provisioningState": one.state},
    }
