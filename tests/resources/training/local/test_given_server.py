"""A server that is given, as vLLM or Ollama would be: over HTTP, under the student's own identity."""

import asyncio
import json
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from resources.egress.policy import EgressDenied, EgressOptions
from resources.errors import SettingsError
from resources.llm.request import ModelIdentity, Request, chat
from resources.training.base import TrainingData, TrainingFailed
from resources.training.local.base_models import sha256_of
from resources.training.local.deployer import LocalDeployer
from resources.training.local.job_folder import JobFolder
from resources.training.local.options import LocalServingOptions, LocalTrainerOptions
from resources.training.serving import DeploymentFailed, StudentModel

STUDENT = StudentModel("local", "tiny", "0123456789abcdef", "0123456789abcdef")


class _Server(BaseHTTPRequestHandler):
    """Serves models by name, and writes down what it is asked."""

    models: list[str]
    asked: list[tuple[str, str, dict]]

    def do_GET(self) -> None:
        self._send({"object": "list", "data": [{"id": name, "object": "model"} for name in self.models]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.asked.append((self.path, self.headers.get("authorization", ""), body))
        choice = {"index": 0, "message": {"role": "assistant", "content": "Paris"}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 9, "completion_tokens": 1}
        self._send({"id": "c-1", "model": body["model"], "choices": [choice], "usage": usage})

    def _send(self, content: object) -> None:
        data = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    handler = type("Server", (_Server,), {"models": ["raftline-0123456789abcdef", "base-tiny:latest"], "asked": []})
    running = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield running
    running.shutdown()
    running.server_close()


@pytest.fixture
def models(tiny_base, tmp_path) -> Path:
    """A folder with a finished job whose merged weights are the tiny base's own."""
    job = JobFolder(tmp_path / "models" / STUDENT.location)
    shutil.copytree(tiny_base / "tiny", job.merged)
    files = {f"merged/{path.name}": sha256_of(path) for path in job.merged.iterdir()}
    job.write_manifest({"files": files})
    return tmp_path / "models"


def deployer(models: Path, bases: Path, server: ThreadingHTTPServer, egress: EgressOptions | None = None, **options):
    address = f"http://127.0.0.1:{server.server_port}/v1"
    serving = LocalServingOptions(**{"endpoint": address, "base_model": "base-{base_model}", **options})
    settings = LocalTrainerOptions(models_folder=str(bases), serving=serving)
    return LocalDeployer(folder=str(models), options=settings, egress=egress or EgressOptions())


def test_a_name_at_the_server_may_hold_any_braces(models, tiny_base, server) -> None:
    made = deployer(models, tiny_base, server, model="{tenant}/raft-{model_id}")
    with pytest.raises(DeploymentFailed, match=rf"does not serve {{tenant}}/raft-{STUDENT.model_id}; it serves"):
        made.deploy(STUDENT, "", "evaluation", None, {})


def test_a_student_is_asked_at_the_server_that_serves_it(models, tiny_base, server, monkeypatch) -> None:
    monkeypatch.setenv("STUDENT_KEY", "planted-key")
    made = deployer(models, tiny_base, server, api_key_variable="STUDENT_KEY")
    endpoint = made.deploy(STUDENT, "", "evaluation", None, {})
    target = made.target(endpoint, STUDENT, TrainingData((), ()))
    host = f"127.0.0.1:{server.server_port}"
    assert target.provider.identity == ModelIdentity("local", host, "tiny@0123456789abcdef")
    assert made.identity(STUDENT) == target.provider.identity
    assert (target.address, target.model) == (f"http://{host}/v1", "raftline-0123456789abcdef")
    assert target.key_variable == "STUDENT_KEY"
    request = Request("student", target.provider.identity, chat("Be brief.", "Capital of France?"))

    async def ask():
        try:
            return await target.provider.complete(request)
        finally:
            await target.provider.close()

    answer = asyncio.run(ask())
    assert (answer.text, answer.finish_reason, answer.prompt_tokens) == ("Paris", "stop", 9)
    assert answer.real is False, "its weights are random, whoever serves them"
    [(path, authorization, body)] = server.RequestHandlerClass.asked
    assert (path, authorization, body["model"]) == (
        "/v1/chat/completions", "Bearer planted-key", "raftline-0123456789abcdef",
    )  # fmt: skip


def test_the_base_is_asked_under_its_own_name(models, tiny_base, server) -> None:
    made = deployer(models, tiny_base, server)
    base = StudentModel("local", "tiny")
    target = made.target(made.deploy(base, "", "evaluation", None, {}), base, TrainingData((), ()))
    assert target.model == "base-tiny"


def test_a_server_without_the_student_is_told_what_to_serve(models, tiny_base, server) -> None:
    server.RequestHandlerClass.models = ["something-else"]
    with pytest.raises(DeploymentFailed, match=r"does not serve raftline-0123456789abcdef; it serves something-else"):
        deployer(models, tiny_base, server).deploy(STUDENT, "", "evaluation", None, {})


def test_a_server_that_is_down_is_no_endpoint(models, tiny_base, server) -> None:
    server.shutdown()
    server.server_close()
    with pytest.raises(DeploymentFailed, match=r"trainers\.local\.serving\.endpoint does not answer"):
        deployer(models, tiny_base, server).deploy(STUDENT, "", "evaluation", None, {})


def test_damaged_weights_are_not_asked_for_elsewhere_either(models, tiny_base, server) -> None:
    (models / STUDENT.location / "merged" / "config.json").write_text("{}")
    with pytest.raises(TrainingFailed, match=r"merged/config\.json"):
        deployer(models, tiny_base, server).deploy(STUDENT, "", "evaluation", None, {})


def test_a_server_on_a_host_that_is_not_allowed_is_never_called(models, tiny_base, server) -> None:
    made = deployer(models, tiny_base, server, EgressOptions(allow=[]), endpoint="http://models.example.com/v1")
    with pytest.raises(EgressDenied, match=r"may not contact models\.example\.com"):
        made.deploy(STUDENT, "", "evaluation", None, {})


def test_a_key_that_is_not_set_is_named_by_its_variable(models, tiny_base, server) -> None:
    made = deployer(models, tiny_base, server, api_key_variable="NOT_SET_ANYWHERE")
    with pytest.raises(SettingsError, match="NOT_SET_ANYWHERE is not set"):
        made.deploy(STUDENT, "", "evaluation", None, {})
