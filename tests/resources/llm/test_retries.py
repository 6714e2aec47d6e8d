"""Retries and sizes: when a call is made again, and how long one is thought to be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.llm.provider import RateLimited, Unavailable
from resources.llm.request import Completion, Image, Message, ModelIdentity, Request
from resources.llm.retries import LONGEST_SECONDS, Trouble
from resources.llm.sizes import Sizes, too_long
from resources.tokens import count_tokens

IDENTITY = ModelIdentity("test", "local", "m")


def request(text: str, **parameters: int) -> Request:
    return Request("teacher", IDENTITY, (Message("user", text),), parameters=tuple(parameters.items()))


@given(st.text(max_size=5), st.integers(1, 40))
def test_pauses_grow_up_to_a_limit_and_are_the_same_for_the_same_call(key, faults) -> None:
    def pauses() -> list[float]:
        trouble = Trouble(key, 300.0)
        found = []
        for _ in range(faults):
            trouble.note(0.0, Unavailable("503"))
            found.append(trouble.pause(Unavailable("503")))
        return found

    assert pauses() == pauses()
    assert all(0.125 * 2**number <= pause or pause >= LONGEST_SECONDS / 2 for number, pause in enumerate(pauses()))
    assert max(pauses()) <= 1.5 * LONGEST_SECONDS


def test_calls_that_fail_together_do_not_come_again_together() -> None:
    troubles = [Trouble(str(number), 300.0) for number in range(50)]
    for trouble in troubles:
        trouble.note(0.0, Unavailable("503"))
    assert len({round(trouble.pause(Unavailable("503")), 6) for trouble in troubles}) == 50


def test_patience_ends_by_lack_of_answers_to_anyone_and_not_by_the_clock() -> None:
    trouble = Trouble("key", 10.0)
    trouble.note(100.0, Unavailable("503"))
    assert not trouble.is_hopeless(109.0, 0.0, Unavailable("503"))
    assert not trouble.is_hopeless(500.0, 495.0, Unavailable("503"))
    assert trouble.is_hopeless(506.0, 495.0, Unavailable("503"))
    assert trouble.is_hopeless(100.0, 100.0, RateLimited("tomorrow", 86_400.0))


def test_many_faults_of_one_call_are_its_own_only_while_others_are_answered() -> None:
    trouble = Trouble("key", 10.0)
    for number in range(20):
        trouble.note(float(number), Unavailable("500"))
    assert not trouble.is_its_own(-1.0)
    assert trouble.is_its_own(5.0)


def test_an_answer_s_length_is_learned_and_never_thought_longer_than_allowed() -> None:
    sizes = Sizes()
    asked = request("word " * 100, max_tokens=1000)
    assert sizes.of(asked).expected_answer == 1000
    for _ in range(200):
        sizes.learn(sizes.of(asked), Completion("", "stop", 300, 80))
    size = sizes.of(asked)
    assert size.expected_answer == pytest.approx(80, abs=10)
    assert size.prompt == pytest.approx(300, abs=5)
    assert size.most == size.prompt + 1000


@given(st.text(max_size=2000), st.integers(0, 3000))
def test_a_request_is_too_long_exactly_if_its_tokens_and_its_answer_exceed_the_window(text, answer) -> None:
    asked = request(text, max_tokens=answer)
    fits = count_tokens(text) + 4 + answer <= 2048
    assert (too_long(asked, 2048) == "") == fits


def test_a_picture_counts_as_tokens() -> None:
    seen = Request("transcriber", IDENTITY, (Message("user", "Read.", (Image("image/png", b"x"),) * 3),))
    assert "3321 tokens for its prompt" in too_long(seen, 2048)


def test_a_call_that_is_answered_with_nothing_again_and_again_is_given_up_alone() -> None:
    trouble = Trouble("key", patience=300)
    for now in range(4):
        assert not trouble.is_its_own(-1.0)
        trouble.note(float(now), Unavailable("an empty answer", paid=Completion("", "stop", 10, 0)))
    assert trouble.is_its_own(-1.0)
