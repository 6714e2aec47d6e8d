"""What a chat completion may ask for, and which field a refusal names."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.openai_shapes import MAX_CHARACTERS, BadCall, parse_call
from resources.llm.request import Message

USER = {"role": "user", "content": "When?"}


def parse(**changes: Any):
    return parse_call(json.dumps({"model": "champion", "messages": [USER]} | changes).encode())


def test_a_conversation_keeps_its_turns_and_developers_speak_as_the_system() -> None:
    turns = [{"role": "developer", "content": "Be brief."}, USER, {"role": "assistant", "content": "Now."}, USER]
    assert parse(messages=turns).messages == (
        Message("system", "Be brief."), Message("user", "When?"), Message("assistant", "Now."), Message("user", "When?"),
    )  # fmt: skip


def test_text_parts_are_joined_and_half_characters_spelled_out() -> None:
    parts = [{"type": "text", "text": "When"}, {"type": "text", "text": "and \ud800?"}]
    [message] = parse(messages=[{"role": "user", "content": parts}]).messages
    assert message.content == "When\nand \\ud800?"


def test_parameters_that_change_nothing_are_taken() -> None:
    assert parse(stream=False, n=1, tools=[], response_format={"type": "text"}, temperature=0.5, user="ada").messages


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"stream": True}, "stream"),
        ({"n": 2}, "n"),
        ({"tools": [{"type": "function"}]}, "tools"),
        ({"logprobs": True}, "logprobs"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"response_format": "text"}, "response_format"),
        ({"model": None}, "model"),
        ({"messages": []}, "messages"),
        ({"messages": "When?"}, "messages"),
        ({"messages": [USER, {"role": "assistant", "content": "Now."}]}, "messages"),
        ({"messages": [{"role": "user", "content": "  "}]}, "messages"),
        ({"messages": [{"role": "user", "content": "x" * (MAX_CHARACTERS + 1)}]}, "messages"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0]"),
        ({"messages": [7]}, "messages[0]"),
        ({"messages": [{"role": "user", "content": None}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages[0].content"),
    ],
)
def test_a_refusal_names_the_field(changes, param) -> None:
    with pytest.raises(BadCall) as refused:
        parse(**changes)
    assert refused.value.param == param
    assert 400 <= refused.value.status < 500


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["model", "messages", "role", "content", "type", "text", "n", "stream"]), inner, max_size=4)))  # fmt: skip
def test_whatever_is_sent_is_a_call_or_a_refusal(data) -> None:
    try:
        parse_call(json.dumps(data).encode())
    except BadCall:
        return
    assert data["messages"]


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000, b"\xff", b"7"])
def test_what_is_no_json_object_is_refused(body) -> None:
    with pytest.raises(BadCall, match="JSON"):
        parse_call(body)
