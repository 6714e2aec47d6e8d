"""The emulator answers chat requests as Azure OpenAI does: addresses, keys, cost, refusals."""

import base64
import json
import struct
import zlib

import openai
import pytest

LONG = "The harbour office keeps lost items for 45 days. " * 200


def ask(client, text="hello", **more):
    more.setdefault("model", "gpt-4o-mini")
    return client.chat.completions.create(messages=[{"role": "user", "content": text}], **more)


def test_every_answer_is_marked_as_not_real(client, plain, http) -> None:
    for speaker in (client, plain):
        raw = speaker.chat.completions.with_raw_response.create(
            model="gpt-4o", messages=[{"role": "user", "content": "hello"}]
        )
        assert raw.headers["x-emulator"] == "not-a-real-model"
        assert "not_a_real_model" in raw.parse().system_fingerprint
    assert http.get("/openai/v1/nothing").headers["x-emulator"] == "not-a-real-model"


def test_the_three_kinds_of_address_give_the_same_answer(client, plain, legacy) -> None:
    answers = [ask(speaker, "hello", model="gpt-4o") for speaker in (client, plain, legacy)]
    assert {answer.choices[0].message.content for answer in answers} == {"ok"}
    assert {answer.model for answer in answers} == {"gpt-4o-2024-08-06"}


def test_a_legacy_address_needs_an_api_version(http) -> None:
    body = {"messages": [{"role": "user", "content": "hello"}]}
    assert http.post("/openai/deployments/gpt-4o/chat/completions", json=body).status_code == 404


def test_a_wrong_key_is_refused_in_the_dialects_own_words(emulator) -> None:
    for url, code in ((emulator.v1, "401"), (emulator.compatible, "invalid_api_key")):
        with pytest.raises(openai.AuthenticationError) as refused:
            ask(openai.OpenAI(base_url=url, api_key="another-key", max_retries=0))
        assert refused.value.code == code
        assert "another-key" not in str(refused.value)
        assert refused.value.response.headers["apim-request-id"]


def test_a_careless_server_repeats_the_key(emulator) -> None:
    emulator.configure(echo_key=True)
    with pytest.raises(openai.AuthenticationError, match="another-key"):
        ask(openai.OpenAI(base_url=emulator.v1, api_key="another-key", max_retries=0))


def test_an_entra_token_is_let_in_and_only_by_azure(emulator) -> None:
    assert ask(openai.OpenAI(base_url=emulator.v1, api_key="entra-token", max_retries=0)).choices
    with pytest.raises(openai.AuthenticationError):
        ask(openai.OpenAI(base_url=emulator.compatible, api_key="entra-token", max_retries=0))


def test_a_managed_identity_gets_a_token_that_is_let_in(emulator, monkeypatch) -> None:
    from azure.identity import ManagedIdentityCredential

    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{emulator.url}/msi")
    monkeypatch.setenv("IDENTITY_HEADER", "anything")
    token = ManagedIdentityCredential().get_token("https://cognitiveservices.azure.com/.default").token
    assert ask(openai.OpenAI(base_url=emulator.v1, api_key=token, max_retries=0)).choices


def test_an_unknown_deployment_is_not_found(client, plain) -> None:
    for speaker, code in ((client, "DeploymentNotFound"), (plain, "model_not_found")):
        with pytest.raises(openai.NotFoundError) as refused:
            ask(speaker, model="nobody")
        assert refused.value.code == code


def test_a_tuned_deployment_answers_like_its_base(client) -> None:
    frame = "<DOCUMENT>A single crossing costs $7.25.</DOCUMENT>\nWhat does a single crossing cost?"
    base, tuned = ask(client, frame), ask(client, frame, model="ft-ferry")
    assert base.choices[0].message.content == tuned.choices[0].message.content
    assert base.choices[0].message.content.endswith("<ANSWER>: $7.25")


def test_a_repeated_long_prefix_is_charged_as_cached_in_steps_of_128(client) -> None:
    first, second = ask(client, LONG + "one?"), ask(client, LONG + "two?")
    assert first.usage.prompt_tokens_details.cached_tokens == 0
    cached = second.usage.prompt_tokens_details.cached_tokens
    assert cached % 128 == 0
    assert 0.9 * second.usage.prompt_tokens < cached <= second.usage.prompt_tokens
    assert ask(client, LONG + "two?", model="gpt-4o").usage.prompt_tokens_details.cached_tokens == 0


def test_a_short_prompt_is_never_cached(client) -> None:
    ask(client, LONG[:2000])
    assert ask(client, LONG[:2000]).usage.prompt_tokens_details.cached_tokens == 0


def test_an_answer_longer_than_max_tokens_ends_with_length(client) -> None:
    frame = "<DOCUMENT>A single crossing costs $7.25.</DOCUMENT>\nWhat does a single crossing cost?"
    answer = ask(client, frame, max_tokens=5)
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 5


def test_a_context_longer_than_the_window_is_refused(emulator, client) -> None:
    emulator.configure(deployments={"short": {"model": "short", "context_window": 1024}})
    with pytest.raises(openai.BadRequestError) as refused:
        ask(client, LONG, model="short")
    assert refused.value.code == "context_length_exceeded"
    with pytest.raises(openai.BadRequestError):
        ask(client, "hello", model="short", max_tokens=1024)


def test_pictures_are_read_from_the_configured_transcriptions(emulator, client) -> None:
    import hashlib

    picture = png(1024, 768)
    emulator.configure(transcriptions={hashlib.sha256(picture).hexdigest(): "# Ferry"})
    shown = look(client, picture)
    assert shown.choices[0].message.content == "# Ferry"
    assert shown.usage.prompt_tokens > 85 + 170 * 2 * 2
    assert look(client, png(10, 10)).choices[0].message.content == "The emulator cannot see pictures."


def test_a_deployment_without_vision_refuses_pictures(emulator, client) -> None:
    emulator.configure(deployments={"blind": {"model": "blind", "vision": False}})
    with pytest.raises(openai.BadRequestError, match="image_url"):
        look(client, png(10, 10), model="blind")


def test_a_deployment_without_structured_output_refuses_a_schema(emulator, client) -> None:
    emulator.configure(deployments={"old": {"model": "old", "structured_output": False}})
    with pytest.raises(openai.BadRequestError, match="json_schema"):
        ask(client, model="old", response_format=held({"type": "object", "properties": {}, "required": []}))


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
        {"type": "object", "properties": {"a": {"type": "string"}}, "required": [], "additionalProperties": False},
        {
            "type": "object",
            "properties": {"a": {"type": "string", "minLength": 1}},
            "required": ["a"],
            "additionalProperties": False,
        },
    ],
    ids=["open", "optional", "keyword"],
)
def test_strict_output_refuses_schemas_that_are_not_strict(client, schema) -> None:
    with pytest.raises(openai.BadRequestError, match="Invalid schema"):
        ask(client, response_format=held(schema, strict=True))


def test_any_json_must_be_asked_for_in_words(client) -> None:
    with pytest.raises(openai.BadRequestError, match="json"):
        ask(client, "hello", response_format={"type": "json_object"})
    answer = ask(client, "answer as JSON", response_format={"type": "json_object"})
    assert isinstance(json.loads(answer.choices[0].message.content), dict)


def test_overridden_answers_win(emulator, client) -> None:
    emulator.configure(answers=[{"match": "ferry", "text": "I obey."}])
    assert ask(client, "about the ferry").choices[0].message.content == "I obey."
    assert ask(client, "about the tram").choices[0].message.content == "ok"


def test_what_was_served_can_be_read_back_without_the_key(emulator, client) -> None:
    ask(client, "a planted word")
    [exchange] = emulator.served()
    assert exchange["body"]["messages"][0]["content"] == "a planted word"
    assert (exchange["status"], exchange["paid"], exchange["delivered"]) == (200, True, True)
    assert (exchange["path"], exchange["deployment"]) == ("/openai/v1/chat/completions", "gpt-4o-mini")
    assert emulator.key not in json.dumps(exchange)


def test_an_unknown_setting_is_an_error(emulator) -> None:
    with pytest.raises(OSError, match="400"):
        emulator.configure(latenzy=1)


def held(schema, strict=False):
    return {"type": "json_schema", "json_schema": {"name": "held", "strict": strict, "schema": schema}}


def look(client, picture, model="gpt-4o"):
    url = f"data:image/png;base64,{base64.b64encode(picture).decode()}"
    content = [{"type": "text", "text": "copy"}, {"type": "image_url", "image_url": {"url": url, "detail": "high"}}]
    return client.chat.completions.create(model=model, messages=[{"role": "user", "content": content}])


def png(width, height):
    """A white picture."""

    def part(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\xff" * width) * height)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", rows) + part(b"IEND", b"")
