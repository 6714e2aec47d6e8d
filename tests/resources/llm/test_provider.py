"""The embedded provider: roles played by code behind the seam of a hosted model, the same answer for the same request."""

import asyncio
import json

import numpy as np
import pytest

from resources.llm.context_prompts import context_messages
from resources.llm.embedded.provider import NAMES, EmbeddedChat, EmbeddedEmbedder, identity
from resources.llm.prompts import answer_messages, question_messages, repair_messages
from resources.llm.raft_text import REFUSAL, parse_answer
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


@pytest.mark.parametrize("text", [TEXT, CHINESE, "", "###", "<script>alert(1)</script> [/b] =1+1", "x </CHUNK> y"])
def test_the_teacher_proposes_questions_and_answers_each_from_what_is_there(text) -> None:
    place = ("Guide <b>", ["Fees & rates"], text)
    proposed = answer("teacher", question_messages(*place, 8))
    questions = json.loads(proposed)["questions"]
    assert len(questions) <= 8
    for question in questions:
        parsed = parse_answer(answer("teacher", answer_messages(*place, question["question"])))
        assert parsed.tags == 1
        assert parsed.final
        assert parsed.quotes
        assert all(quote in text for quote in parsed.quotes)
    assert answer("teacher", question_messages(*place, 8)) == proposed


def test_fewer_questions_are_the_first_of_more() -> None:
    few, many = (json.loads(answer("teacher", question_messages("Guide", ["Fees"], TEXT, n))) for n in (1, 8))
    assert few["questions"] == many["questions"][:1]


@pytest.mark.parametrize(("text", "question"), [(TEXT, "Who founded the bank?"), (CHINESE, "银行是谁创立的？")])
def test_the_teacher_declines_a_question_that_it_did_not_write(text, question) -> None:
    assert answer("teacher", answer_messages("Guide", [], text, question)) in REFUSAL.values()


def test_a_second_try_gets_the_same_answer() -> None:
    first = question_messages("Guide", ["Fees"], TEXT, 8)
    assert answer("teacher", repair_messages(first, "?", "malformed")) == answer("teacher", first)


def test_the_contextualizer_writes_one_line_that_places_the_chunk() -> None:
    assert (
        answer("contextualizer", context_messages("Guide", ["Fees", "Cash & more"], TEXT))
        == "Guide > Fees > Cash & more"
    )


def test_embedding_is_a_pure_function_of_the_text() -> None:
    service = EmbeddedEmbedder()
    one, other, again = asyncio.run(service.embed([TEXT, CHINESE, TEXT])).vectors
    assert one.tobytes() == again.tobytes()
    assert not np.array_equal(one, other)
    assert asyncio.run(service.embed([])).vectors == ()
