"""A student behind an endpoint, asked like any chat model: payloads, replies, and the four kinds of failure."""

import asyncio
import json

import pytest

from resources.llm.provider import CallError, Misconfigured, RateLimited, Refused, Unavailable
from resources.llm.request import Image, Message, ModelIdentity, Request, chat
from resources.training.sagemaker_jumpstart.rows import RESPONSE_KEY
from resources.training.serving import StudentModel

PROMPT = "<DOCUMENT>The fee of the harbour account is $3.50.</DOCUMENT>\nWhat is the fee of the harbour account?"


def request_of(provider, **more) -> Request:
    return Request("student", provider.identity, chat("Answer from the documents.", PROMPT), **more)


def answer(provider, request=None):
    async def once():
        try:
            return await provider.complete(request or request_of(provider))
        finally:
            await provider.close()

    return asyncio.run(once())


@pytest.fixture
def base(sagemaker) -> StudentModel:
    return StudentModel("sagemaker_jumpstart", sagemaker.open)


@pytest.fixture
def ask(up, deployer):
    """Deploys a student and gives its provider."""

    def ask(model: StudentModel, **more):
        return deployer(**more).target(up(model, **more), model, None).provider

    return ask


def sent(sagemaker) -> dict:
    return json.loads(sagemaker.served("InvokeEndpoint")[-1]["body"])


@pytest.mark.parametrize("shape", ["list", "dict", "openai"])
def test_every_shape_of_a_reply_is_read(sagemaker, base, ask, shape) -> None:
    sagemaker.configure(reply_shape=shape)
    found = answer(ask(base))
    assert found.text.endswith("<ANSWER>: $3.50")
    assert (found.finish_reason, found.usable, found.real) == ("stop", True, False)
    assert found.prompt_tokens > 0 and found.completion_tokens > 0


def test_a_student_is_named_after_its_weights_and_its_endpoint_has_no_name_in_it(
    sagemaker, student, ask, deployer
) -> None:
    tuned = student()
    expected = ModelIdentity("sagemaker_jumpstart", sagemaker.url.removeprefix("http://"), tuned.name)
    assert ask(tuned).identity == expected == deployer().identity(tuned)


def test_a_student_of_instructions_is_asked_with_the_text_it_was_trained_on(sagemaker, student, ask) -> None:
    answer(ask(student()))
    body = sent(sagemaker)
    assert body["inputs"] == f"Answer from the documents.\n\n{PROMPT}{RESPONSE_KEY}"
    assert body["parameters"]["max_new_tokens"] == 1024
    assert body["parameters"]["do_sample"] is False


def test_a_student_of_chat_is_asked_with_messages(sagemaker, student, ask, data) -> None:
    dialog = [{"role": "user", "content": "What?"}, {"role": "assistant", "content": "That."}]
    data.files.clear()
    data.files["train.jsonl"] = (json.dumps({"dialog": dialog}) + "\n").encode() * 12
    provider = ask(student(options={"format": "chat"}))
    assert answer(provider).text.endswith("$3.50")
    assert [message["role"] for message in sent(sagemaker)["messages"]] == ["system", "user"]


def test_an_answer_that_was_cut_is_not_usable(sagemaker, base, ask) -> None:
    provider = ask(base)
    found = answer(provider, request_of(provider, parameters=(("max_tokens", 5),)))
    assert (found.finish_reason, found.usable) == ("length", False)


def test_a_prompt_that_comes_back_with_the_answer_is_taken_off(sagemaker, base, ask) -> None:
    provider = ask(base)
    asked = request_of(provider, parameters=(("return_full_text", True),))
    assert answer(provider, asked).text.startswith("The question is settled")


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"kind": "throttle"}, RateLimited),
        ({"kind": "500"}, Unavailable),
        ({"kind": "503"}, Unavailable),
        ({"kind": "reset"}, Unavailable),
        ({"kind": "ModelNotReadyException"}, Unavailable),
        ({"kind": "expired"}, Unavailable),
        ({"kind": "AccessDeniedException"}, Misconfigured),
        ({"kind": "ValidationError"}, Misconfigured),
    ],
)
def test_a_failure_is_of_the_kind_that_the_gateway_acts_on(sagemaker, base, ask, fault, kind) -> None:
    provider = ask(base)
    sagemaker.configure(faults=[{**fault, "operation": "InvokeEndpoint", "times": 1}])
    with pytest.raises(CallError) as failure:
        answer(provider)
    assert type(failure.value) is kind
    assert answer(provider).usable


def test_a_prompt_that_is_too_long_is_refused_and_others_are_not(sagemaker, base, ask) -> None:
    provider = ask(base)
    sagemaker.configure(context_window=10)
    with pytest.raises(Refused, match="must have less than 10 tokens"):
        answer(provider)
    sagemaker.configure(context_window=8192)
    assert answer(provider).usable


def test_an_endpoint_that_is_gone_is_no_matter_of_trying_again(sagemaker, base, up, deployer) -> None:
    endpoint = up(base)
    provider = deployer().target(endpoint, base, None).provider
    deployer().undeploy(endpoint)
    with pytest.raises(Misconfigured, match="not found"):
        answer(provider)


def test_an_empty_answer_is_not_taken_for_one(sagemaker, base, ask) -> None:
    sagemaker.configure(answers=[{"match": "harbour", "text": ""}])
    with pytest.raises(Unavailable, match="empty"):
        answer(ask(base))


def test_pictures_are_refused_before_they_leave(sagemaker, base, ask) -> None:
    provider = ask(base)
    pictured = Request("student", provider.identity, (Message("user", "What?", (Image("image/png", b"x"),)),))
    with pytest.raises(Refused, match="no pictures"):
        answer(provider, pictured)
    assert sagemaker.served("InvokeEndpoint") == []


def test_an_asynchronous_endpoint_answers_through_storage_and_leaves_nothing_there(sagemaker, base, ask) -> None:
    provider = ask(base, serving="asynchronous")
    assert answer(provider).text.endswith("<ANSWER>: $3.50")
    assert sagemaker.objects(f"{sagemaker.prefix}/asking/") == []
    sagemaker.configure(context_window=10)
    with pytest.raises(Refused, match="less than 10 tokens"):
        answer(provider)
    assert sagemaker.objects(f"{sagemaker.prefix}/asking/") == []
