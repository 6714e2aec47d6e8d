"""`raftline serve` over HTTP, asked by the OpenAI SDK: what it answers, what it refuses, and whom it follows."""

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import openai
import pytest
import uvicorn

from orchestration.champion_server import build_app
from orchestration.serve_command import assistant_of, key_of, listen
from orchestration.settings import Settings
from resources.errors import RaftlineError, SettingsError
from tests.end_to_end.conftest import raftline_here, succeeded
from tests.end_to_end.homes import ledger_keys

pytestmark = pytest.mark.slow
BICYCLE = "What does a bicycle cost for each crossing?"
DOG = "<DOCUMENT>Fares\n\nA dog costs $3.15 for each crossing.</DOCUMENT>\nWhat does a dog cost for each crossing?"


@contextmanager
def running(settings: Settings) -> Iterator[str]:
    """The server of a home on a free port; its address."""
    listener = listen(0)
    app = build_app(assistant_of(settings), key_of(settings))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def serving() -> Iterator[Callable[..., openai.OpenAI]]:
    """Starts the server of a home; returns a client that points to it."""
    with ExitStack() as stack:

        def start(settings: Settings, key: str = "none") -> openai.OpenAI:
            address = stack.enter_context(running(settings))
            return stack.enter_context(openai.OpenAI(base_url=f"{address}/v1", api_key=key, max_retries=0))

        yield start


def ask(client: openai.OpenAI, text: str = BICYCLE, **changes):
    call = {"model": "champion", "messages": [{"role": "user", "content": text}]} | changes
    return client.chat.completions.create(**call)


def test_a_question_is_answered_from_the_current_index_with_citations(rivals, serving) -> None:
    client = serving(rivals.settings)
    expected = json.loads(succeeded(raftline_here(rivals.home, "ask", BICYCLE, "--json")).out)

    answer = ask(client)

    assert (answer.object, answer.choices[0].finish_reason) == ("chat.completion", "stop")
    assert answer.choices[0].message.content == expected["answer"] == "$2.10"
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0
    extra = answer.model_extra["raftline"]
    assert extra["citations"] == expected["quotes"]
    assert (extra["citations"][0]["document"], extra["citations"][0]["page"]) == ("ferry.pdf", 1)
    assert (extra["champion"], extra["abstained"]) == (expected["model"], False)
    assert extra["documents"] == rivals.settings.evaluation.documents
    assert extra["from_the_ledger"], "the same question of `raftline ask` was paid for"


def test_documents_that_the_client_brings_are_passed_through_and_the_answer_is_raw(rivals, serving) -> None:
    before = set(ledger_keys(rivals.home))
    answer = ask(serving(rivals.settings), DOG)
    assert answer.choices[0].message.content.endswith("<ANSWER>: $3.15")
    assert answer.model_extra["raftline"]["documents"] == 0
    assert len(set(ledger_keys(rivals.home)) - before) == 1, "it went through the gateway"


def test_what_the_server_follows_is_the_champion_and_no_restart(rivals, serving, crowned) -> None:
    client = serving(rivals.settings)
    base = ask(client)
    assert [model.id for model in client.models.list()] == ["champion", base.model]
    assert base.model == "extractive-reader@base"

    bold = crowned("bold")
    assert (ask(client).model, ask(client, DOG).model) == (f"extractive-reader@{bold}",) * 2
    assert client.models.retrieve(f"extractive-reader@{bold}").id == f"extractive-reader@{bold}"
    with pytest.raises(openai.NotFoundError, match="there is no model"):
        ask(client, model=base.model)

    succeeded(rivals.champion("rollback"))
    assert ask(client).model == base.model


def test_what_is_not_offered_is_refused_in_openais_words(rivals, serving) -> None:
    client = serving(rivals.settings)
    with pytest.raises(openai.BadRequestError) as refused:
        ask(client, stream=True)
    assert refused.value.body == {
        "message": "answers are not streamed: send stream=false", "type": "invalid_request_error", "param": "stream",
        "code": "unsupported_value",
    }  # fmt: skip
    with pytest.raises(openai.NotFoundError) as unknown:
        ask(client, model="gpt-4o")
    assert unknown.value.code == "model_not_found"
    with pytest.raises(openai.NotFoundError, match="is not offered here"):
        client.embeddings.create(model="champion", input="x")
    address = str(client.base_url)
    elsewhere = urllib.request.Request(f"{address}models", headers={"host": "a-page.example"})
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(elsewhere, timeout=60)
    form = urllib.request.Request(f"{address}chat/completions", b"{}", {"content-type": "text/plain"})
    with pytest.raises(urllib.error.HTTPError, match="415"):
        urllib.request.urlopen(form, timeout=60)
    huge = urllib.request.Request(f"{address}chat/completions", b" " * 5_000_000, {"content-type": "application/json"})
    with pytest.raises(urllib.error.HTTPError, match="413"):
        urllib.request.urlopen(huge, timeout=60)


def test_with_a_key_only_those_who_send_it_are_answered(rivals, serving, monkeypatch) -> None:
    serving_options = rivals.settings.serving.model_copy(update={"key_variable": "HARBOUR_KEY"})
    settings = rivals.settings.model_copy(update={"serving": serving_options})
    with pytest.raises(SettingsError, match="HARBOUR_KEY, which is not set"):
        key_of(settings)
    monkeypatch.setenv("HARBOUR_KEY", "not-so-secret")
    client = serving(settings, "not-so-secret")
    assert ask(client).choices[0].message.content == "$2.10"
    with pytest.raises(openai.AuthenticationError) as refused:
        ask(client.with_options(api_key="a guess"))
    assert refused.value.code == "invalid_api_key"
    assert "not-so-secret" not in str(refused.value)
    health = str(client.base_url).replace("/v1/", "/health")
    with urllib.request.urlopen(health, timeout=60) as answer:
        assert json.load(answer)["status"] == "ok"


def test_many_clients_at_once_are_all_answered(rivals, serving) -> None:
    client = serving(rivals.settings)
    questions = [f"{BICYCLE} ({number % 6})" for number in range(18)]
    with ThreadPoolExecutor(18) as pool:
        answers = list(pool.map(lambda question: ask(client, question), questions))
    assert {answer.choices[0].message.content for answer in answers} == {"$2.10"}


def test_a_home_without_documents_says_what_to_do(tmp_path, serving, rivals) -> None:
    client = serving(rivals.settings.model_copy(update={"home": tmp_path / "empty"}))
    with pytest.raises(openai.InternalServerError) as refused:
        ask(client)
    assert refused.value.status_code == 503
    assert "run `raftline add PATH` and `raftline refresh`" in str(refused.value)


def test_a_port_that_is_taken_is_an_error_in_words() -> None:
    with listen(0) as taken, pytest.raises(RaftlineError, match="is in use; choose another with --port"):
        taken.listen()
        listen(taken.getsockname()[1])
