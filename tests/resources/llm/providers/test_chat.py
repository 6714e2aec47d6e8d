"""Chat over real HTTP: what leaves the machine, and what comes back as an answer."""

import asyncio
import base64
import json
from collections.abc import Callable

import pytest

from resources.errors import SettingsError
from resources.llm.provider import Misconfigured, Unavailable
from resources.llm.providers import chat_provider, identity_of
from resources.llm.request import Completion, Image, Message, Quota
from resources.llm.roles import Role

SCHEMA = json.dumps(
    {"type": "object", "properties": {"words": {"type": "array", "items": {"type": "string"}, "minItems": 1}}}
)


@pytest.fixture
def ask(request_of) -> Callable[..., Completion]:
    """Sends one request in a role and closes the connection: `ask(role, schema=...)`."""

    def send(settings: Role, text: str = "Say hello.", **fields) -> Completion:
        provider = chat_provider("teacher", settings)

        async def work() -> Completion:
            try:
                return await provider.complete(request_of(provider, text, **fields))
            finally:
                await provider.close()

        return asyncio.run(work())

    return send


def test_azure_is_called_on_its_v1_api_with_the_deployment_as_model(service, azure, ask, key) -> None:
    answer = ask(azure(), parameters=(("max_tokens", 50), ("temperature", 0.0)))
    [call] = service.asked
    assert call.path == "/openai/v1/chat/completions"
    assert call.headers["authorization"] == f"Bearer {key}"
    assert call.body == {
        "model": "writer",
        "messages": [{"role": "system", "content": "You are brief."}, {"role": "user", "content": "Say hello."}],
        "max_completion_tokens": 50,
        "temperature": 0.0,
    }
    assert (answer.text, answer.usable, answer.prompt_tokens, answer.completion_tokens) == ("hello", True, 20, 5)


def test_a_legacy_api_version_is_called_by_the_path_of_the_deployment(service, azure, ask, key) -> None:
    ask(azure(api_version="2024-10-21"), parameters=(("max_tokens", 50),))
    [call] = service.asked
    assert call.path == "/openai/deployments/writer/chat/completions?api-version=2024-10-21"
    assert call.headers["api-key"] == key
    assert call.body["max_tokens"] == 50


def test_a_compatible_server_gets_the_model_under_its_base_url(service, compatible, ask, key, monkeypatch) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-of-openai")
    ask(compatible(), parameters=(("max_tokens", 50),))
    [call] = service.asked
    assert (call.path, call.body["model"], call.body["max_tokens"]) == ("/v1/chat/completions", "gpt-4o-2024-08-06", 50)
    assert call.headers["authorization"] == f"Bearer {key}"
    assert "openai-organization" not in call.headers


def test_a_role_without_credentials_sends_none_even_if_variables_hold_keys(
    service, compatible, ask, monkeypatch
) -> None:
    monkeypatch.setenv("OPENAI_ADMIN_KEY", "admin-key")
    ask(compatible(auth="none"))
    assert "authorization" not in service.asked[0].headers


def test_the_limit_of_tokens_travels_in_the_field_that_the_settings_choose(service, azure, compatible, ask) -> None:
    limit = (("max_tokens", 9),)
    ask(azure(token_limit="max_tokens"), parameters=limit)
    ask(compatible(token_limit="max_completion_tokens"), parameters=limit)
    ask(compatible(parameters={"reasoning_effort": "low"}), parameters=limit)
    sent = [[name for name in call.body if name.endswith("tokens")] for call in service.asked]
    assert sent == [["max_tokens"], ["max_completion_tokens"], ["max_completion_tokens"]]


def test_pictures_leave_as_data_urls_in_high_detail(service, azure, ask) -> None:
    message = Message("user", "What is this?", (Image("image/png", b"picture"),))
    ask(azure(), messages=(message,))
    assert service.asked[0].body["messages"][0]["content"] == [
        {"type": "text", "text": "What is this?"},
        {
            "type": "image_url",
            "image_url": {"url": "data:image/png;base64," + base64.b64encode(b"picture").decode(), "detail": "high"},
        },
    ]


def test_a_schema_is_sent_strictly_without_the_keywords_that_strict_mode_refuses(service, azure, ask) -> None:
    ask(azure(), schema=SCHEMA)
    assert service.asked[0].body["response_format"] == {
        "type": "json_schema",
        "json_schema": {
            "name": "answer",
            "strict": True,
            "schema": {
                "type": "object",
                "properties": {"words": {"type": "array", "items": {"type": "string"}}},
                "additionalProperties": False,
                "required": ["words"],
            },
        },
    }


@pytest.mark.parametrize("mode", ["json_object", "prompt"])
def test_a_schema_goes_into_the_system_message_where_the_service_has_no_schemas(service, compatible, ask, mode) -> None:
    service.answers('```json\n{"words": ["a"]}\n```' if mode == "prompt" else '{"words": ["a"]}')
    answer = ask(compatible(structured_output=mode), schema=SCHEMA)
    sent = service.asked[0].body
    assert sent["messages"][0]["content"].startswith("You are brief.\n\n")
    assert SCHEMA in sent["messages"][0]["content"]
    assert sent.get("response_format") == ({"type": "json_object"} if mode == "json_object" else None)
    assert json.loads(answer.text) == {"words": ["a"]}


def test_thoughts_in_front_of_an_answer_are_no_part_of_it(service, compatible, ask) -> None:
    service.answers("<think>Hm, <b>hello</b>?\nYes.</think>\n\nhello")
    assert ask(compatible()).text == "hello"
    service.answers("<think>Only thoughts.</think>")
    with pytest.raises(Unavailable):
        ask(compatible())


def test_a_free_dictionary_is_asked_for_without_strictness(service, azure, ask) -> None:
    free = {"title": "any thing", "type": "object", "properties": {"scores": {"type": "object"}}}
    ask(azure(), schema=json.dumps(free))
    sent = service.asked[0].body["response_format"]["json_schema"]
    assert sent == {"name": "any_thing", "strict": False, "schema": free}


def test_an_azure_answer_with_nulls_and_its_own_fields_is_read(service, azure, ask) -> None:
    message = {"role": "assistant", "content": "hello", "refusal": None, "tool_calls": None, "annotations": []}
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None, "content_filter_results": {}}
    details = {"cached_tokens": 16, "audio_tokens": None}
    service.says(
        {
            "id": "c-1",
            "model": "gpt-4o-2024-08-06",
            "choices": [choice],
            "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": None}],
            "system_fingerprint": None,
            "usage": {"prompt_tokens": 20, "completion_tokens": 5, "prompt_tokens_details": details},
        },
        apim_request_id="azure-1",
        x_request_id="other-1",
        x_ratelimit_limit_tokens="100000",
        x_ratelimit_remaining_requests="99",
        x_ratelimit_remaining_tokens="90000",
        x_ratelimit_reset_tokens="1m30s",
    )
    answer = ask(azure())
    assert (answer.cached_tokens, answer.served_model, answer.request_id) == (16, "gpt-4o-2024-08-06", "azure-1")
    assert answer.quota == Quota(None, 100_000, 99, 90_000, None, 90.0)
    assert answer.real


def test_an_answer_with_the_least_that_a_server_may_send_is_read_and_its_tokens_are_estimated(
    service, compatible, ask
) -> None:
    service.says({"choices": [{"message": {"content": "hello there"}, "finish_reason": "stop"}], "usage": None})
    answer = ask(compatible())
    assert (answer.text, answer.usable, answer.quota) == ("hello there", True, None)
    assert answer.prompt_tokens > 0
    assert answer.completion_tokens == 2


def test_an_emulator_s_answer_is_marked(service, azure, ask) -> None:
    service.headers = {"x-emulator": "not-a-real-model"}
    assert not ask(azure()).real


@pytest.mark.parametrize(
    ("content", "finish_reason", "kept"),
    [("half", "length", "length"), (None, "length", "length"), ("part", "content_filter", "content_filter")],
)
def test_an_answer_that_did_not_end_by_itself_keeps_its_reason(
    service, azure, ask, content, finish_reason, kept
) -> None:
    service.answers(content, finish_reason)
    answer = ask(azure())
    assert (answer.text, answer.finish_reason, answer.usable) == (content or "", kept, False)


def test_a_model_s_refusal_is_a_paid_answer_that_is_not_usable(service, azure, ask) -> None:
    message = {"role": "assistant", "content": None, "refusal": "I cannot help with that."}
    service.answers(None, choices=[{"message": message, "finish_reason": "stop"}])
    answer = ask(azure())
    assert (answer.text, answer.finish_reason, answer.prompt_tokens) == ("I cannot help with that.", "refusal", 20)


@pytest.mark.parametrize("content", ["", "  \n", None])
def test_an_empty_answer_is_a_fault_that_passes(service, azure, ask, content) -> None:
    service.answers(content)
    with pytest.raises(Unavailable, match="sent an empty answer") as failure:
        ask(azure())
    assert (failure.value.paid.prompt_tokens, failure.value.paid.completion_tokens) == (20, 5)


def test_an_answer_without_choices_tells_what_it_cost_if_the_service_does(service, azure, ask) -> None:
    service.answers("", choices=[])
    with pytest.raises(Unavailable, match="no choices") as failure:
        ask(azure())
    assert failure.value.paid.prompt_tokens == 20
    service.says({"choices": []})
    with pytest.raises(Unavailable, match="no choices") as failure:
        ask(azure())
    assert failure.value.paid is None


@pytest.mark.parametrize(
    ("served", "model"),
    [
        ("gpt-4o-2024-08-06", "gpt-4o"),
        ("gpt-4o", "gpt-4o-2024-08-06"),
        ("gpt-35-turbo", "gpt-3.5-turbo-0125"),
        ("gpt-4o-mini-2024-07-18.ft-0a1b-raft", "gpt-4o-mini-2024-07-18"),
        ("llama3:latest", "llama3"),
        ("/models/qwen2.5-7b-instruct.gguf", "Qwen2.5-7B-Instruct"),
        ("", "anything"),
    ],
)
def test_the_same_model_under_a_longer_or_shorter_name_is_accepted(service, azure, ask, served, model) -> None:
    service.answers("hello", model=served)
    assert ask(azure(model=model)).usable


@pytest.mark.parametrize(
    ("served", "model"),
    [("gpt-35-turbo", "gpt-4o-2024-08-06"), ("gpt-4o-mini-2024-07-18", "gpt-4o"), ("gpt-4.1", "gpt-4")],
)
def test_another_model_behind_the_deployment_is_refused_by_name(service, azure, ask, served, model) -> None:
    service.answers("hello", model=served)
    with pytest.raises(Misconfigured) as caught:
        ask(azure(model=model))
    assert f"serves {served}, but roles.teacher.model says {model}" in str(caught.value)


def test_a_deployment_never_enters_the_identity(azure) -> None:
    one, other = identity_of("teacher", azure(deployment="a")), identity_of("teacher", azure(deployment="b"))
    assert one == other
    assert (one.provider, one.model) == ("azure_openai", "gpt-4o-2024-08-06")


def test_an_azure_resource_behind_a_gateway_s_path_is_reached_and_is_a_place_of_its_own(service, azure, ask) -> None:
    behind = azure(endpoint=f"{service.url}/team-a/")
    ask(behind)
    assert service.asked[0].path == "/team-a/openai/v1/chat/completions"
    assert identity_of("teacher", behind).endpoint == identity_of("teacher", azure()).endpoint + "/team-a"


def test_one_provider_serves_one_event_loop_after_another(service, azure, request_of) -> None:
    provider = chat_provider("teacher", azure())

    async def work() -> str:
        answers = await asyncio.gather(*(provider.complete(request_of(provider)) for _ in range(3)))
        await provider.close()
        return answers[0].text

    assert [asyncio.run(work()), asyncio.run(work())] == ["hello", "hello"]


def test_every_call_goes_through_the_client_that_was_handed_in_and_closing_closes_it(
    service, azure, request_of
) -> None:
    import httpx2

    made: list[tuple[float, httpx2.AsyncClient]] = []

    def door(timeout: float) -> httpx2.AsyncClient:
        made.append((timeout, httpx2.AsyncClient(timeout=timeout, headers={"x-door": "one"})))
        return made[-1][1]

    provider = chat_provider("teacher", azure(timeout_seconds=7), door)

    async def work() -> None:
        await provider.complete(request_of(provider))
        await provider.complete(request_of(provider))
        await provider.close()

    asyncio.run(work())
    [(timeout, client)] = made
    assert (timeout, client.is_closed) == (7, True)
    assert [call.headers["x-door"] for call in service.asked] == ["one", "one"]


@pytest.mark.parametrize("value", [None, "", "   "])
def test_a_missing_key_is_named_with_role_and_variable_before_any_call(azure, monkeypatch, value) -> None:
    monkeypatch.delenv("TEACHER_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("TEACHER_KEY", value)
    with pytest.raises(
        SettingsError, match=r"role teacher: the environment variable TEACHER_KEY is not set.*auth: entra asks"
    ):
        chat_provider("teacher", azure(api_key_variable="TEACHER_KEY"))


def test_the_identity_of_a_role_needs_no_key(azure, monkeypatch) -> None:
    monkeypatch.delenv("AZURE_OPENAI_API_KEY")
    assert identity_of("teacher", azure()).model == "gpt-4o-2024-08-06"


def test_a_provider_does_not_show_its_key(azure, key) -> None:
    assert key not in repr(chat_provider("teacher", azure()))
