"""An OpenAI-shaped service on this machine in front of the champion. Stateless: it reads the home at every call."""

import asyncio
import hmac
import logging
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from assets.evaluation.asking import Unanswered
from assets.serving.assistant import Assistant
from orchestration.openai_shapes import (
    BadCall,
    completion_body,
    error_body,
    model_body,
    models_body,
    parse_call,
)
from resources.errors import RaftlineError
from resources.llm.lanes import ModelCallFailed

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

MAX_BYTES = 4 * 1024 * 1024
AT_ONCE = 8
"""Answers in the making at the same time; further calls wait."""
_LOCAL = frozenset({"127.0.0.1", "localhost"})
_log = logging.getLogger("raftline.serve")

Handler = Callable[["Request"], Awaitable[dict[str, Any]]]


def build_app(assistant: Assistant, key: str = "") -> "Starlette":
    """The service. With a key, clients must send it as a bearer token."""
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.exceptions import HTTPException
    from starlette.routing import Route

    turns = asyncio.Semaphore(AT_ONCE)

    async def chat(request: "Request") -> dict[str, Any]:
        if request.headers.get("content-type", "").split(";")[0].strip() != "application/json":
            raise BadCall("send the call as application/json", 415)
        call = parse_call(await _body(request))
        async with turns:
            _known(call.model, await run_in_threadpool(assistant.names))
            answer = await run_in_threadpool(assistant.answer, call.messages)
        return completion_body(answer, uuid.uuid4().hex, int(time.time()))

    async def models(request: "Request") -> dict[str, Any]:
        return models_body(await run_in_threadpool(assistant.names))

    async def model(request: "Request") -> dict[str, Any]:
        name = request.path_params["name"]
        _known(name, await run_in_threadpool(assistant.names))
        return model_body(name)

    async def health(request: "Request") -> dict[str, Any]:
        alias, name = await run_in_threadpool(assistant.names)
        return {"status": "ok", alias: name}

    async def no_such_page(request: "Request", error: Exception) -> "Response":
        status = error.status_code if isinstance(error, HTTPException) else 500
        return _refused(status, f"{request.method} {request.url.path} is not offered here")

    return Starlette(
        routes=[
            Route("/v1/chat/completions", _guarded(chat, key), methods=["POST"]),
            Route("/v1/models", _guarded(models, key)),
            Route("/v1/models/{name:path}", _guarded(model, key)),
            Route("/health", _guarded(health, "")),
        ],
        exception_handlers={404: no_such_page, 405: no_such_page},
    )


def _guarded(handler: Handler, key: str) -> "Callable[[Request], Awaitable[Response]]":
    """A handler behind the checks of host and key; whatever it raises becomes an error of OpenAI's shape."""
    from starlette.responses import JSONResponse

    async def endpoint(request: "Request") -> "Response":
        # A web page elsewhere can point its own name at this machine; its browser tells that name.
        if request.headers.get("host", "").rsplit(":", 1)[0] not in _LOCAL:
            return _refused(403, "this service answers to 127.0.0.1 and localhost only")
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if key and not hmac.compare_digest(given.encode(), key.encode()):
            return _refused(401, "the key is missing or wrong", code="invalid_api_key")
        try:
            return JSONResponse(await handler(request))
        except BadCall as error:
            return _refused(error.status, str(error), error.param, error.code)
        except (Unanswered, ModelCallFailed) as error:
            return _refused(502, str(error), code="no_answer")
        except RaftlineError as error:
            return _refused(503, str(error), code="not_available")
        except Exception:
            _log.exception("a call failed")
            return _refused(500, "the call failed; the terminal of `raftline serve` says more")

    return endpoint


def _refused(status: int, message: str, param: str | None = None, code: str | None = None) -> "Response":
    from starlette.responses import JSONResponse

    kind = "invalid_request_error" if status < 500 else "server_error"
    return JSONResponse(error_body(message, kind, param, code), status)


def _known(name: str, names: tuple[str, ...]) -> None:
    if name not in names:
        raise BadCall(f"there is no model {name!r} here; ask for `{names[0]}`", 404, "model", "model_not_found")


async def _body(request: "Request") -> bytes:
    data = b""
    async for part in request.stream():
        data += part
        if len(data) > MAX_BYTES:
            raise BadCall(f"the body is larger than {MAX_BYTES} bytes", 413)
    return data
