"""Every request is held against the services' own descriptions, and in the spec dialect every answer could be."""

import json
from pathlib import Path

import pytest

HELLO = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hello"}]}
EMBED = {"model": "text-embedding-3-small", "input": ["fee"]}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/chat/completions", {**HELLO, "temprature": 0}),
        ("/chat/completions", {**HELLO, "temperature": 3}),
        ("/chat/completions", {**HELLO, "messages": []}),
        ("/chat/completions", {**HELLO, "messages": [{"role": "usr", "content": "hello"}]}),
        ("/chat/completions", {**HELLO, "messages": [{"role": "user", "content": [{"type": "picture"}]}]}),
        ("/chat/completions", {**HELLO, "response_format": {"type": "json_schema"}}),
        ("/chat/completions", {"messages": HELLO["messages"]}),
        ("/embeddings", {**EMBED, "encoding_format": "int8"}),
        ("/embeddings", {"model": EMBED["model"]}),
        ("/batches", {"input_file_id": "f", "endpoint": "/chat/completions", "completion_window": "24h"}),
    ],
)
@pytest.mark.parametrize("root", ["/openai/v1", "/v1"])
def test_what_the_description_does_not_allow_is_refused_and_noted(emulator, http, root, path, body) -> None:
    emulator.violations()
    answer = http.post(f"{root}{path}", json=body, headers={"authorization": f"Bearer {emulator.key}"})
    if "model" not in body and path != "/batches":
        assert answer.status_code in (400, 404)
        return
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "spec_violation")
    [violation] = emulator.violations()
    assert violation["path"] == path
    assert violation["problems"]


def test_what_our_providers_send_is_allowed_on_both_addresses(emulator, http) -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo=", "detail": "high"}}
    schema = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
    held = {"type": "json_schema", "json_schema": {"name": "a", "strict": True, "schema": schema}}
    content = [{"type": "text", "text": "look"}, picture]
    full = {
        "model": "gpt-4o",
        "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": content}],
        "temperature": 0.0,
        "top_p": 0.5,
        "seed": 7,
        "max_tokens": 100,
        "response_format": held,
    }
    for root in ("/openai/v1", "/v1"):
        for path, body in (("/chat/completions", full), ("/embeddings", EMBED)):
            answer = http.post(f"{root}{path}", json=body, headers={"authorization": f"Bearer {emulator.key}"})
            assert answer.status_code == 200, answer.text
    assert emulator.violations() == []


def test_in_the_spec_dialect_answers_follow_the_description(emulator, http, root: Path) -> None:
    from openapi_schema_validator import OAS30Validator
    from referencing import Registry, Resource
    from referencing.jsonschema import DRAFT202012

    path = root.parent / "shared" / "specs" / "azure-openai-v1.json"
    if not path.is_file():
        pytest.skip("the services' OpenAPI descriptions are not here")
    document = json.loads(path.read_text(encoding="utf-8"))
    known = Registry().with_resource("urn:spec", Resource(document, DRAFT202012))
    emulator.configure(dialect="spec")
    for address, body in (("/chat/completions", HELLO), ("/embeddings", EMBED)):
        described = document["paths"][address]["post"]["responses"]["200"]["content"]["application/json"]["schema"]
        schema = {"$ref": f"urn:spec{described['$ref']}"} if "$ref" in described else described
        answer = http.post(f"/openai/v1{address}", json=body).json()
        assert [error.message for error in OAS30Validator(schema, registry=known).iter_errors(answer)] == []


def test_the_observed_dialect_says_more_than_the_description(http) -> None:
    answer = http.post("/openai/v1/chat/completions", json=HELLO).json()
    assert answer["prompt_filter_results"][0]["content_filter_results"]["hate"] == {
        "filtered": False,
        "severity": "safe",
    }
    assert answer["choices"][0]["message"]["annotations"] == []
