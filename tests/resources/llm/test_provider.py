"""The embedded provider: roles played by code behind the seam of a hosted model, the same answer for the same request."""

import asyncio
import json

import numpy as np
import pytest

from resources.llm.embedded.provider import NAMES, EmbeddedChat, EmbeddedEmbedder, identity
from resources.llm.prompts import context_messages, teacher_messages
from resources.llm.request import Request

TEXT = "The fee for a cash withdrawal from a Harbour account is $5.00 per item. A wire transfer costs $30.00."
CHINESE = "港湾账户的提款费用为每笔5.00元。电汇费用为30.00元。"


def answer(role: str, messages) -> str:
    service = EmbeddedChat(role)
    completion = asyncio.run(service.complete(Request(role, service.identity, messages)))
    assert completion.finish_reason == "stop"
    assert completion.prompt_tokens > 0
    return completion.text


def test_a_model_is_named_by_the_code_it_consists_of() -> None:
    identities = {identity(name) for name in NAMES.values()}
    assert len(identities) == len(NAMES)
    assert all(one.provider == "embedded" and "@" in one.model for one in identities)


@pytest.mark.parametrize("text", [TEXT, CHINESE, "", "###", "<script>alert(1)</script> [/b] =1+1"])
def test_the_teacher_answers_with_the_agreed_json_and_quotes_what_is_there(text) -> None:
    messages = teacher_messages("Guide <b>", ["Fees & rates"], text, 8)
    taught = answer("teacher", messages)
    questions = json.loads(taught)["questions"]
    assert len(questions) <= 8
    assert all(quote in text for question in questions for quote in question["quotes"])
    assert answer("teacher", messages) == taught


def test_the_teacher_asks_no_more_than_it_is_asked_for() -> None:
    assert len(json.loads(answer("teacher", teacher_messages("Guide", ["Fees"], TEXT, 1)))["questions"]) <= 1


def test_the_contextualizer_writes_one_line_that_places_the_chunk() -> None:
    assert (
        answer("contextualizer", context_messages("Guide", ["Fees", "Cash & more"], TEXT))
        == "Guide > Fees > Cash & more"
    )


def test_embedding_is_a_pure_function_of_the_text() -> None:
    service = EmbeddedEmbedder()
    one, other, again = asyncio.run(service.embed([TEXT, CHINESE, TEXT]))
    assert one.tobytes() == again.tobytes()
    assert not np.array_equal(one, other)
    assert asyncio.run(service.embed([])) == []
