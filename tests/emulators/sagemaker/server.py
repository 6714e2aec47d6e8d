"""The HTTP server: every request is noted, checked for credentials, validated, answered, and its answer marked as not real."""

import io
import json
import socket
import struct
import threading
import traceback
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import unquote

from moto.server import DomainDispatcherApplication, create_backend_app
from sagemaker import admin, hosting, hub, jobs, runtime, shapes, stores, tagging
from sagemaker.errors import Reset, ServiceError, denied, injected, of_credentials
from sagemaker.world import World
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

MARK = ("x-emulator", "not-a-real-model")
CONTROL = "/__emulator/"
OPERATIONS: dict[str, Callable[[World, dict[str, Any]], dict[str, Any]]] = {
    "CreateTrainingJob": jobs.create,
    "DescribeTrainingJob": jobs.describe,
    "ListTrainingJobs": jobs.list_jobs,
    "StopTrainingJob": jobs.stop,
    "DescribeHubContent": hub.describe_hub_content,
    "ListHubContents": hub.list_hub_contents,
    "ListHubContentVersions": hub.list_hub_content_versions,
    "CreateModel": hosting.create_model,
    "DescribeModel": hosting.describe_model,
    "DeleteModel": hosting.delete_model,
    "CreateEndpointConfig": hosting.create_config,
    "DescribeEndpointConfig": hosting.describe_config,
    "DeleteEndpointConfig": hosting.delete_config,
    "CreateEndpoint": hosting.create_endpoint,
    "DescribeEndpoint": hosting.describe_endpoint,
    "DeleteEndpoint": hosting.delete_endpoint,
    "ListEndpoints": hosting.list_endpoints,
    "AddTags": tagging.add_tags,
    "DeleteTags": tagging.delete_tags,
    "ListTags": tagging.list_tags,
}

Environment = dict[str, Any]
Answer = Iterable[bytes]
Start = Callable[..., Any]


class Emulator:
    """The application over one world, which `reset` replaces."""

    def __init__(self) -> None:
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._lock = threading.RLock()
        stores.reset()
        self.world = World()

    def __call__(self, environment: Environment, start: Start) -> Answer:
        body = environment["wsgi.input"].read(int(environment.get("CONTENT_LENGTH") or 0))
        environment["wsgi.input"] = io.BytesIO(body)
        path = environment["PATH_INFO"]
        if path.startswith(CONTROL):
            return self._control(path.removeprefix(CONTROL), body, start)
        operation = _operation(environment)

        def marked(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            seen["status"] = int(status.split()[0])
            return start(status, [*headers, MARK], *more)

        seen: dict[str, Any] = {"operation": operation, "path": path, "status": 0, "fault": ""}
        with self._lock:
            self.world.served.append(seen)
        try:
            return self._answer(environment, operation, body, marked, seen)
        except ServiceError as error:
            return _refused(error, operation, environment, marked)
        except Reset:
            _abort(environment["werkzeug.socket"])
            return []
        except Exception:
            traceback.print_exc()
            raise

    def _answer(
        self, environment: Environment, operation: str, body: bytes, start: Start, seen: dict[str, Any]
    ) -> Answer:
        world = self.world
        if "Credential=" not in environment.get("HTTP_AUTHORIZATION", ""):
            raise ServiceError("MissingAuthenticationTokenException", "Missing Authentication Token", 403)
        key = environment["HTTP_AUTHORIZATION"].split("Credential=", 1)[1].split("/", 1)[0]
        expired = key in world.configuration.expired_keys
        refusal = of_credentials("expired" if expired else world.configuration.credentials)
        if refusal:
            raise refusal
        if operation in world.configuration.denied:
            raise denied(operation)
        self._fail(operation, environment, body, "before", seen)
        kind, made = self._made(environment, operation, body, seen)
        self._fail(operation, environment, body, "after", seen)
        if kind == "moto":
            start(made["status"], made["headers"])
            return made["body"]
        raw = json.dumps(made).encode()
        start("200 OK", [("Content-Type", kind), ("Content-Length", str(len(raw)))])
        return [raw]

    def _made(self, environment: Environment, operation: str, body: bytes, seen: dict[str, Any]) -> tuple[str, Any]:
        """The kind of an answer, and the answer."""
        target = environment.get("HTTP_X_AMZ_TARGET", "")
        if target.startswith("SageMaker."):
            request = seen["request"] = json.loads(body or b"{}")
            shapes.check("sagemaker", operation, request)
            if operation not in OPERATIONS:
                raise ServiceError("UnknownOperationException", f"the emulator has no {operation}", 404)
            with self._lock:
                return "application/x-amz-json-1.1", OPERATIONS[operation](self.world, request)
        if target.startswith("ResourceGroupsTaggingAPI"):
            with self._lock:
                return "application/x-amz-json-1.1", tagging.get_resources(self.world, json.loads(body))
        if operation in ("InvokeEndpoint", "InvokeEndpointAsync"):
            name = unquote(environment["PATH_INFO"].split("/")[2])
            seen["endpoint"] = name
            seen["body"] = body.decode("utf-8", "replace")
            with self._lock:
                if operation == "InvokeEndpoint":
                    return "application/json", runtime.invoke(self.world, name, body)
                location = environment.get("HTTP_X_AMZN_SAGEMAKER_INPUTLOCATION", "")
                told = runtime.invoke_later(self.world, name, location)
            return "moto", _accepted(told)
        return "moto", self._by_moto(environment)

    def _by_moto(self, environment: Environment) -> dict[str, Any]:
        made: dict[str, Any] = {}

        def keep(status: str, headers: list[tuple[str, str]], *_: Any) -> None:
            made.update(status=status, headers=headers)

        made["body"] = [b"".join(self._moto(environment, keep))]
        return made

    def _fail(self, operation: str, environment: Environment, body: bytes, when: str, seen: dict[str, Any]) -> None:
        searched = environment["PATH_INFO"].encode() + b" " + body
        with self._lock:
            fault = self.world.fault(operation, searched, when)
        if fault is None:
            return
        seen["fault"] = fault.kind
        if fault.kind == "reset":
            raise Reset
        raise injected(fault.kind, fault.message)

    def _control(self, action: str, body: bytes, start: Start) -> Answer:
        try:
            with self._lock:
                self.world, answer = admin.handle(self.world, action, json.loads(body or b"{}"))
            status = "200 OK"
        except (ValueError, TypeError, KeyError) as error:
            status, answer = "400 Bad Request", {"error": str(error)}
        raw = json.dumps(answer).encode()
        start(status, [("Content-Type", "application/json"), ("Content-Length", str(len(raw)))])
        return [raw]


def _operation(environment: Environment) -> str:
    """What a request asks for: an operation's name, or `S3:PUT` and the like."""
    target = environment.get("HTTP_X_AMZ_TARGET", "")
    path = environment["PATH_INFO"]
    if target:
        return target.split(".")[-1]
    if path.startswith("/endpoints/"):
        return "InvokeEndpointAsync" if path.endswith("/async-invocations") else "InvokeEndpoint"
    if "/operation/" in path:
        return path.rsplit("/", 1)[-1]
    return f"S3:{environment['REQUEST_METHOD']}"


def _accepted(told: dict[str, str]) -> dict[str, Any]:
    """The answer to an asynchronous invocation."""
    raw = json.dumps({"InferenceId": told["InferenceId"]}).encode()
    headers = [
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(raw))),
        ("X-Amzn-SageMaker-OutputLocation", told["OutputLocation"]),
        ("X-Amzn-SageMaker-FailureLocation", told["FailureLocation"]),
    ]
    return {"status": "202 Accepted", "headers": headers, "body": [raw]}


def _refused(error: ServiceError, operation: str, environment: Environment, start: Start) -> Answer:
    headers = [("x-amzn-ErrorType", error.code), ("x-amzn-RequestId", "00000000-0000-0000-0000-000000000000")]
    if operation.startswith("S3:"):
        code = error.code.removesuffix("Exception") if error.code.startswith("ExpiredToken") else error.code
        raw = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{error.message}</Message></Error>".encode()
        kind = "application/xml"
    else:
        told: dict[str, Any] = {"__type": error.code, "message": error.message, "Message": error.message}
        if isinstance(error, runtime.ModelError):
            told |= {"OriginalStatusCode": error.original_status, "OriginalMessage": error.original_message}
        raw, kind = json.dumps(told).encode(), "application/x-amz-json-1.1"
    start(f"{error.status} Error", [*headers, ("Content-Type", kind), ("Content-Length", str(len(raw)))])
    return [] if environment["REQUEST_METHOD"] == "HEAD" else [raw]


def _abort(connection: socket.socket) -> None:
    """Breaks a connection off with a reset instead of a farewell."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


class _Handler(WSGIRequestHandler):
    """HTTP/1.1, so that clients may keep their connections."""

    protocol_version = "HTTP/1.1"


def open_server(port: int) -> BaseWSGIServer:
    return make_server("127.0.0.1", port, Emulator(), threaded=True, request_handler=_Handler)
