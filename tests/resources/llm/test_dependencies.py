"""What a table depends on by the model that made it, and what a request's key knows of how the model is asked."""

import pytest

from resources.llm.ledger import Entry
from resources.llm.request import Completion, Request, chat
from resources.llm.resource import ModelsResource

ROLE = {"provider": "openai_compatible", "model": "gpt-4o", "endpoint": "http://localhost:8000/v1", "auth": "none"}
DECIDES_ANSWERS = [
    {"model": "gpt-4o-mini"},
    {"endpoint": "http://localhost:8001/v1"},
    {"structured_output": "prompt"},
    {"token_limit": "max_completion_tokens"},
    *({"parameters": {name: value}} for name, value in {"temperature": 0.5, "max_tokens": 100, "seed": 8}.items()),
    *({"parameters": {name: value}} for name, value in {"top_p": 0.5, "reasoning_effort": "low"}.items()),
]
DECIDES_NOTHING = [
    {"timeout_seconds": 5.0},
    {"limits": {"concurrency": 2}},
    {"price": {"prompt": 1.0}},
    {"batch": True},
    {"api_key_variable": "OTHER_KEY"},
]


def resource(**settings: object) -> ModelsResource:
    return ModelsResource(ledger_url="sqlite://", roles={"teacher": {**ROLE, **settings}})


def key(models: ModelsResource) -> str:
    with models.open() as opened:
        return opened.chat("teacher").request(chat("s", "u"), "v1", schema='{"type":"object"}').key


@pytest.mark.parametrize("setting", DECIDES_ANSWERS, ids=str)
def test_what_can_change_an_answer_makes_its_tables_stale_and_asks_again(setting) -> None:
    assert resource(**setting).dependencies("teacher") != resource().dependencies("teacher")
    assert key(resource(**setting)) != key(resource())


@pytest.mark.parametrize("setting", DECIDES_NOTHING, ids=str)
def test_what_cannot_change_an_answer_makes_nothing_stale_and_pays_nothing_again(setting) -> None:
    assert resource(**setting).dependencies("teacher") == resource().dependencies("teacher")
    assert key(resource(**setting)) == key(resource())


def test_a_larger_window_makes_tables_stale_though_no_answer_changes() -> None:
    wide = resource(context_window=256_000)
    assert wide.dependencies("teacher") != resource().dependencies("teacher")
    assert key(wide) == key(resource())


def test_how_a_schema_is_told_concerns_requests_with_a_schema_only() -> None:
    keys = set()
    for mode in ("json_schema", "prompt"):
        with resource(structured_output=mode).open() as opened:
            keys.add(opened.chat("teacher").request(chat("s", "u"), "v1").key)
    assert len(keys) == 1


def test_a_real_model_of_an_emulated_one_s_name_is_taken_for_real(tmp_path) -> None:
    def models(endpoint: str) -> ModelsResource:
        roles = {"teacher": {**ROLE, "endpoint": endpoint}}
        return ModelsResource(ledger_url=f"sqlite:///{tmp_path / 'ledger.db'}", roles=roles)

    emulated, real = models("http://localhost:8000/v1"), models("https://models.example.org/v1")
    with emulated.open() as opened:
        request: Request = opened.chat("teacher").request(chat("s", "u"), "v1")
        record(opened.gateway.ledger, request, real=False)
    with real.open() as opened:
        record(opened.gateway.ledger, opened.chat("teacher").request(chat("s", "u"), "v1"), real=True)

    assert emulated.not_real_roles() == ["openai_compatible/gpt-4o (teacher)"]
    assert real.not_real_roles() == []
    assert real.not_real_models() == {emulated.identity("teacher")}


def record(ledger, request: Request, *, real: bool) -> None:
    ledger.record([Entry(request, Completion("yes", "stop", real=real), 0.1)])
