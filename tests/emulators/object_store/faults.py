"""Faults before a store: a WSGI layer that refuses, delays or cuts off requests, and remembers what was asked."""

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

ERRORS = {
    "401": ("401 Unauthorized", "NoAuthenticationInformation"),
    "403": ("403 Forbidden", "AccessDenied"),
    "archived": ("403 Forbidden", "InvalidObjectState"),
    "404": ("404 Not Found", "NoSuchBucket"),
    "500": ("500 Internal Server Error", "InternalError"),
    "503": ("503 Service Unavailable", "SlowDown"),
}
CONTROL = "/__emulator/"

Answer = Iterable[bytes]


class Faults:
    """A store with faults in front of it. They are set over HTTP, below `/__emulator/`."""

    def __init__(self, store: Callable[..., Answer]):
        self._store = store
        self._lock = threading.Lock()
        self._faults: list[dict[str, Any]] = []
        self._served: list[str] = []

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Answer:
        path = environ["PATH_INFO"]
        if path.startswith(CONTROL):
            return self._control(path.removeprefix(CONTROL), environ, start_response)
        request = f"{environ['REQUEST_METHOD']} {path}?{environ['QUERY_STRING']}"
        fault = self._next(request)
        kind = fault["kind"] if fault else ""
        if kind in ERRORS:
            status, code = ERRORS[kind]
            body = f"<?xml version='1.0' encoding='utf-8'?><Error><Code>{code}</Code></Error>".encode()
            start_response(status, [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
            return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]
        if kind == "slow":
            time.sleep(fault["seconds"])
        answer = self._store(environ, start_response)
        return _cut(answer) if kind == "cut" else answer

    def _next(self, request: str) -> dict[str, Any] | None:
        """The fault that meets a request, if any: the first that fits it, is not used up, and not still to come."""
        with self._lock:
            self._served.append(request)
            for fault in self._faults:
                if fault["match"] in request and fault["times"] != 0:
                    if fault["after"] > 0:
                        fault["after"] -= 1
                        continue
                    fault["times"] -= 1
                    return fault
        return None

    def _control(self, action: str, environ: dict[str, Any], start_response: Callable[..., Any]) -> Answer:
        content = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        with self._lock:
            if action == "fail":
                self._faults.append({"match": "", "times": -1, "after": 0, "seconds": 0.0, **json.loads(content)})
            elif action == "reset":
                self._faults, self._served = [], []
            body = json.dumps(self._served).encode()
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]


def _cut(answer: Answer) -> Iterator[bytes]:
    """The first half of a body, then the end of the connection."""
    body = b"".join(answer)
    yield body[: len(body) // 2]
    raise ConnectionAbortedError("cut off")
