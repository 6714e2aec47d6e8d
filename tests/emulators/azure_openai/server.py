"""The HTTP server: every request is noted, checked for a key, answered, and its answer marked as not real."""

import asyncio
import json
import socket
import struct
from collections.abc import Mapping
from typing import Any

import uvicorn
from azure_openai import admin, arm, service, storage
from azure_openai.configuration import Configuration
from azure_openai.errors import ServiceError, not_found
from azure_openai.route import Route, check_key, read_route
from azure_openai.world import Exchange, World
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MARK = {"x-emulator": "not-a-real-model"}
_SECRET_HEADERS = ("api-key", "authorization", "cookie")


class Protocol(HttpToolsProtocol):
    """HTTP whose handlers can reach the connection, to break it off."""

    def on_headers_complete(self) -> None:
        # The scope is handed to the application by the parent, so the connection has to be in it before.
        self.scope["transport"] = self.transport
        super().on_headers_complete()


class Damaged(Response):
    """An answer that travels badly: cut in the middle, or dribbling."""

    def __init__(self, body: bytes, headers: Mapping[str, str], cut: bool, delay: float):
        kept = body[: len(body) * 2 // 3] if cut else body
        super().__init__(kept, 200, dict(headers), "application/json")
        self.delay = 0.0 if cut else delay

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        half = len(self.body) // 2
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body[:half], "more_body": True})
        await asyncio.sleep(self.delay)
        await send({"type": "http.response.body", "body": self.body[half:]})


class Emulator:
    """The application over one world, which `reset` replaces."""

    def __init__(self, settings: Mapping[str, Any]):
        self.first = Configuration().changed(settings)
        self.world = World(self.first)

    async def handle(self, request: Request) -> Response:
        path = request.url.path
        if path.startswith("/__emulator/"):
            return await admin.handle(self, request)
        if path.startswith("/msi"):
            return admin.token(request)
        world = self.world
        headers = {name: value for name, value in request.headers.items() if name not in _SECRET_HEADERS}
        exchange = Exchange(len(world.exchanges), request.method, path, "", headers)
        world.exchanges.append(exchange)
        world.enter()
        try:
            return await self._respond(world, exchange, request)
        finally:
            world.leave()

    async def _respond(self, world: World, exchange: Exchange, request: Request) -> Response:
        exchange.request_id = world.next_id("")
        names = ("apim-request-id", "x-request-id", "x-ms-request-id")
        marks = {**MARK, **dict.fromkeys(names, exchange.request_id)}
        try:
            return await self._answer(world, exchange, request, marks)
        except ServiceError as error:
            exchange.status = error.status
            return JSONResponse(error.body, error.status, {**marks, **error.headers})
        except ClientDisconnect:
            return Response(status_code=499)
        except service.Reset as reset:
            exchange.status = 0
            await asyncio.sleep(reset.silence)
            _abort(request.scope["transport"])
            return Response(status_code=500)

    async def _answer(self, world: World, exchange: Exchange, request: Request, marks: Mapping[str, str]) -> Response:
        if exchange.path.startswith("/subscriptions/"):
            return await arm.handle(world, exchange, request, marks)
        route = read_route(exchange.path, request.query_params)
        check_key(request.headers, route.plain, world.configuration)
        if route.path not in ("/chat/completions", "/embeddings"):
            return await storage.handle(world, exchange, request, route, marks)
        if request.method != "POST":
            raise not_found()
        raw = await request.body()
        body = service.read_json(_parsed(raw))
        exchange.body = body
        exchange.deployment = route.deployment or str(body.get("model", ""))
        described = {"model": route.deployment, **body} if route.deployment else body
        made = await service.answer(world, exchange, route, described, raw)
        exchange.status = 200
        return await self._sent(world, exchange, request, route, made, marks)

    async def _sent(
        self,
        world: World,
        exchange: Exchange,
        request: Request,
        route: Route,
        made: service.Answer,
        marks: Mapping[str, str],
    ) -> Response:
        headers = {**marks, **made.headers}
        if not route.plain:
            headers |= {"x-ms-region": "Nowhere", "azureml-model-session": "emulator"}
        body = json.dumps(made.body, ensure_ascii=False).encode()
        gone = await request.is_disconnected()
        exchange.delivered = not gone and exchange.fault != "truncated"
        if exchange.fault in ("slow", "truncated"):
            delay = next((fault.delay for fault in world.configuration.faults if fault.kind == "slow"), 0.0)
            return Damaged(body, headers, exchange.fault == "truncated", delay)
        return Response(body, 200, headers, "application/json")


def _parsed(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return None


def _abort(transport: Any) -> None:
    """Breaks a connection off with a reset instead of a farewell."""
    connection = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def run(listening: socket.socket, settings: Mapping[str, Any], backlog: int) -> None:
    """Serves until the process ends."""
    emulator = Emulator(settings)
    application = Starlette()
    methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    application.add_route("/{path:path}", emulator.handle, methods=methods)
    config = uvicorn.Config(
        application,
        http=Protocol,
        loop="uvloop",
        lifespan="off",
        access_log=False,
        log_level="error",
        backlog=backlog,
        timeout_keep_alive=60,
        server_header=False,
    )
    uvicorn.Server(config).run(sockets=[listening])
