"""A real HTTP server on loopback that answers from a script and writes down what it was asked; roles that point to it."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from resources.llm.request import Message, Request
from resources.llm.roles import Role

KEY = "planted0key1of2the3tests4"


@dataclass
class Asked:
    """One call as it arrived."""

    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class Scripted:
    """Answers every call with the same status, headers and body, after `wait` seconds.

    `torn` cuts the body in half; `drip` is the pause between its bytes.
    """

    url: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    wait: float = 0.0
    torn: bool = False
    drip: float = 0.0
    token: str = ""
    tokens_given: int = 0
    asked: list[Asked] = field(default_factory=list)

    def says(self, body: Any, status: int = 200, **headers: str) -> None:
        self.body, self.status = body, status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def answers(self, content: Any, finish_reason: Any = "stop", **fields: Any) -> None:
        """A plain chat answer; `fields` replace those of the body."""
        choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": finish_reason}
        usage = {"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 25}
        self.says({"id": "c-1", "model": "gpt-4o-2024-08-06", "choices": [choice], "usage": usage} | fields)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    script: Scripted

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length", 0))
        body = json.loads(self.rfile.read(length) or b"null")
        self.script.asked.append(Asked(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
        time.sleep(self.script.wait)
        said = self.script.body
        content = said.encode() if isinstance(said, str) else json.dumps(said).encode()
        self.send_response(self.script.status)
        for name, value in {"content-type": "application/json", **self.script.headers}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        if self.script.drip:
            self._drip(content)
            return
        self.wfile.write(content[: len(content) // 2] if self.script.torn else content)
        if self.script.torn:
            self.close_connection = True

    def _drip(self, content: bytes) -> None:
        try:
            for byte in content:
                self.wfile.write(bytes([byte]))
                time.sleep(self.script.drip)
        except OSError:
            self.close_connection = True

    def do_GET(self) -> None:
        """The token endpoint of a managed identity."""
        self.script.tokens_given += 1
        token = {"access_token": self.script.token, "expires_on": str(int(time.time()) + 3600), "token_type": "Bearer"}
        content = json.dumps(token if self.script.token else {"error": "no identity"}).encode()
        self.send_response(200 if self.script.token else 400)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""


@pytest.fixture
def service() -> Iterator[Scripted]:
    """The scripted server, answering `hello` until told otherwise."""
    script = Scripted()
    handler = type("ScriptedHandler", (Handler,), {"script": script})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    script.url = f"http://127.0.0.1:{server.server_port}"
    script.answers("hello")
    yield script
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """The usual variables hold a planted key; nothing else of the shell reaches the SDK."""
    for name in ("OPENAI_BASE_URL", "OPENAI_ADMIN_KEY", "OPENAI_CUSTOM_HEADERS", "AZURE_OPENAI_AD_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


@pytest.fixture
def key() -> str:
    return KEY


@pytest.fixture
def azure(service: Scripted) -> Callable[..., Role]:
    """Makes a role on the scripted server as an Azure resource."""

    def make(**settings: Any) -> Role:
        given = {"model": "gpt-4o-2024-08-06", "deployment": "writer", "endpoint": service.url} | settings
        return Role(provider="azure_openai", **given)

    return make


@pytest.fixture
def compatible(service: Scripted) -> Callable[..., Role]:
    """Makes a role on the scripted server as a plain OpenAI-compatible one."""

    def make(**settings: Any) -> Role:
        given = {"model": "gpt-4o-2024-08-06", "endpoint": f"{service.url}/v1"} | settings
        return Role(provider="openai_compatible", **given)

    return make


@pytest.fixture
def request_of() -> Callable[..., Request]:
    """Makes a request of a role's provider: `request_of(provider, "text", schema=...)`."""

    def make(provider: Any, text: str = "Say hello.", **fields: Any) -> Request:
        messages = fields.pop("messages", (Message("system", "You are brief."), Message("user", text)))
        return Request("teacher", provider.identity, messages, **fields)

    return make
