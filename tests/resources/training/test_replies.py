"""Services that send nonsense: a sign-in page, null, a list without end. Nothing of it ends a run, or hangs one."""

import asyncio
import itertools
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from resources.errors import RaftlineError
from resources.llm.provider import CallError
from resources.llm.request import ModelIdentity, Request, chat
from resources.training.azure_openai.jobs import job_of
from resources.training.base import JobHandle, TrainingData, TrainingSpec, TrainingUnreachable
from resources.training.options import TrainerOptions
from resources.training.resource import TrainersResource
from resources.training.sagemaker_jumpstart.aws import aws_of
from resources.training.sagemaker_jumpstart.invocation import Asked, InvokedChat
from resources.training.sagemaker_jumpstart.payloads import Style
from resources.training.serving import EndpointHandle

NONSENSE = {
    "a sign-in page": b"<html><body>Sign in</body></html>",
    "null": b"null",
    "nulls in lists": b'{"data": [null], "value": [null], "TrainingJobSummaries": [null], "ResourceTagMappingList": [null]}',
    "a text for a time": b'{"id": "j", "created_at": "soon", "CreationTime": "soon", "EndpointStatus": "InService"}',
    "a time beyond all time": b'{"id": "j", "status": "queued", "created_at": 1e30, "CreationTime": 1e30}',
    "brackets upon brackets": b"[" * 100_000,
}


NUMBERS = itertools.count()


class Handler(BaseHTTPRequestHandler):
    """Sends the server's body to whatever is asked; tokens are in order."""

    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("content-length") or 0))
        token = {"access_token": "t", "expires_on": "9999999999", "resource": "r", "token_type": "Bearer"}
        body = json.dumps(token).encode() if self.path.startswith("/msi") else self.server.body
        body = body.replace(b"%d", str(next(NUMBERS)).encode())
        self.send_response(200)
        self.send_header("Content-Type", "text/html" if body.startswith(b"<") else "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words: Any) -> None:
        """Says nothing."""


for verb in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"):
    setattr(Handler, f"do_{verb}", Handler.answer)


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield made
        made.shutdown()


@pytest.fixture
def trainers(server: Any, monkeypatch: pytest.MonkeyPatch) -> TrainersResource:
    """Both clouds at that server."""
    place = f"http://127.0.0.1:{server.server_port}"
    variables = {"AZURE_OPENAI_API_KEY": "k" * 20, "IDENTITY_ENDPOINT": f"{place}/msi", "IDENTITY_HEADER": "x"}
    variables |= {"AWS_ACCESS_KEY_ID": "AKIAAAAAAAAAAAAAAAAA", "AWS_SECRET_ACCESS_KEY": "s" * 30}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    account = {"subscription": "0" * 8 + "-0000" * 3 + "-" + "0" * 12, "resource_group": "g", "account": "a"}
    quick = {"polling_seconds": 0.01, "deletion_seconds": 0.01}
    azure = {"endpoint": place, "retries": 0, "second_look_seconds": 0.0, "file_minutes": 0.0005, "busy_seconds": 0.01}
    amazon = {"region": "us-east-1", "role_arn": "arn:aws:iam::000000000000:role/x", "prefix": "s3://bucket/x"}
    options = {
        "azure_openai": quick | azure | {"management": account | {"endpoint": place}},
        "sagemaker_jumpstart": quick | amazon | {"endpoint_url": place},
    }
    return TrainersResource(folder="", options=TrainerOptions.model_validate(options))


def calls(trainers: TrainersResource, backend: str) -> dict[str, Callable[[], object]]:
    """Everything that is asked of a service after a job or an endpoint exists, and what looks for them."""
    trainer, deployer = trainers.get(backend), trainers.deployer(backend)
    spec = TrainingSpec(backend, "open-reader/1.0.0", "v1")
    job = JobHandle(backend, f"raftline-{spec.idem()}", spec.idem())
    endpoint = EndpointHandle(backend, "raftline-x", "m", "evaluation")
    row = b'{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}\n'
    data = TrainingData(
        (), (), {"train.jsonl": row * 12, "template.json": b'{"prompt": "{context}", "completion": "x"}'}
    )
    return {
        "preflight": lambda: trainer.preflight(spec, data),
        "find": lambda: trainer.find(spec),
        "submit": lambda: trainer.submit(spec, data, {"owner": "me"}),
        "poll": lambda: trainer.poll(job),
        "events": lambda: trainer.events(job, ""),
        "cancel": lambda: trainer.cancel(job),
        "artifact": lambda: trainer.artifact(job),
        "discard": lambda: trainer.discard(job),
        "not_real": trainer.not_real,
        "status": lambda: deployer.status(endpoint),
        "renew": lambda: deployer.renew(endpoint, None),
        "undeploy": lambda: deployer.undeploy(endpoint),
        "list_owned": deployer.list_owned,
    }


@pytest.mark.parametrize("backend", ["azure_openai", "sagemaker_jumpstart"])
def test_what_makes_no_sense_is_told_in_words_whatever_was_asked(server, trainers, backend) -> None:
    crashed, asked = [], calls(trainers, backend)
    for kind, server.body in NONSENSE.items():
        for name, call in asked.items():
            try:
                call()
            except RaftlineError:
                continue
            except Exception as error:
                crashed.append(f"{name}, sent {kind}: {error!r}")
    assert crashed == []


def test_an_answer_that_makes_no_sense_is_none(server, trainers) -> None:
    aws = aws_of(trainers.options.sagemaker_jumpstart, trainers.egress)
    asked = Asked("e", aws.address("sagemaker-runtime"), False, Style(chat=True), ModelIdentity("s", "h", "m"))
    counted = (
        b'{"choices": [{"message": {"content": "x"}, "finish_reason": "stop"}], "usage": {"prompt_tokens": "many"}}'
    )
    for server.body in (*NONSENSE.values(), counted):
        provider = InvokedChat(asked, aws, trainers.door())
        with pytest.raises(CallError):
            asyncio.run(provider.complete(Request("student", provider.identity, chat("Answer.", "Why?"))))


def test_a_job_of_which_a_sign_in_page_is_told_goes_on(server, trainers) -> None:
    server.body = NONSENSE["a sign-in page"]
    with pytest.raises(TrainingUnreachable, match=r"127\.0\.0\.1.* sent something that is not whole"):
        calls(trainers, "azure_openai")["poll"]()


def test_a_list_without_an_end_is_given_up(server, trainers, monkeypatch) -> None:
    monkeypatch.setattr("resources.training.sagemaker_jumpstart.aws._PAGES", 5)
    server.body = b'{"NextToken": "%d", "TrainingJobSummaries": []}'
    with pytest.raises(TrainingUnreachable, match="5 pages and there is no end of them"):
        calls(trainers, "sagemaker_jumpstart")["find"]()


def test_of_a_job_only_what_has_the_right_shape_is_read() -> None:
    class Told:
        id, status, created_at, trained_tokens = "j", "running", -1e300, float("nan")
        metadata, result_files, error, seed = ["idem"], [{"id": "f"}, "file-1"], "broken", True

    job = job_of(Told())
    assert (job.submitted_at, job.trained_tokens, job.idem, job.error, job.seed) == ("", None, "", "", None)
    assert job.result_files == ("file-1",)
