"""The key of a request: the same call has the same key, and everything that decides the answer is in it."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from resources.llm.request import Message, ModelIdentity, Request, chat

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
PARAMETERS = st.dictionaries(TEXT, st.integers() | TEXT, max_size=3).map(lambda found: tuple(found.items()))
REQUESTS = st.builds(
    Request,
    role=TEXT,
    model=st.builds(ModelIdentity, TEXT, TEXT, TEXT),
    messages=st.lists(st.builds(Message, TEXT, TEXT), max_size=3).map(tuple),
    schema=st.none() | TEXT,
    parameters=PARAMETERS,
    prompt_version=TEXT,
    sample=st.integers(0, 3),
    attempt=st.integers(0, 3),
    dialect=st.sampled_from(["", "max_tokens"]),
    sources=st.lists(TEXT, max_size=2).map(tuple),
)


@given(REQUESTS, REQUESTS)
def test_two_requests_share_a_key_exactly_if_they_differ_in_sources_at_most(one, two) -> None:
    same = replace(one, parameters=tuple(sorted(one.parameters))) == replace(
        two, parameters=tuple(sorted(two.parameters))
    )
    assert (one.key == two.key) == same


@given(REQUESTS, TEXT)
def test_every_part_but_the_sources_is_in_the_key(request, extra) -> None:
    changes = (
        {"role": request.role + "x"},
        {"model": replace(request.model, provider=request.model.provider + "x")},
        {"model": replace(request.model, endpoint=request.model.endpoint + "x")},
        {"model": replace(request.model, model=request.model.model + "x")},
        {"messages": (*request.messages, Message("user", extra))},
        {"schema": (request.schema or "") + "x"},
        {"parameters": (*request.parameters, ("another parameter", 1))},
        {"prompt_version": request.prompt_version + "x"},
        {"sample": request.sample + 1},
        {"attempt": request.attempt + 1},
        {"dialect": request.dialect + "x"},
    )
    keys = {replace(request, **change).key for change in changes}
    assert len(keys) == len(changes)
    assert request.key not in keys
    assert replace(request, sources=(extra, "another document")).key == request.key


@given(REQUESTS)
def test_the_order_of_parameters_does_not_matter(request) -> None:
    assert replace(request, parameters=request.parameters[::-1]).key == request.key


def test_words_do_not_move_between_messages_unnoticed() -> None:
    identity = ModelIdentity("p", "e", "m")
    one, two = (Request("teacher", identity, chat(*texts)) for texts in (("ab", "c"), ("a", "bc")))
    assert one.key != two.key


def test_the_user_text_is_the_last_thing_the_user_said() -> None:
    identity = ModelIdentity("p", "e", "m")
    turns = (Message("user", "first"), Message("assistant", "yes?"), Message("user", "last"))
    assert Request("student", identity, turns).user_text == "last"
    assert Request("student", identity, ()).user_text == ""
