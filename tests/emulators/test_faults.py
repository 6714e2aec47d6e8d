"""The emulator fails as services fail: before or after the effect, the same way in every equal run."""

import json
import time
from collections import Counter

import openai
import pytest

FRAME = "<TITLE>Ferry</TITLE>\n<SECTION></SECTION>\n<CHUNK>\nA single crossing costs $7.25.\n</CHUNK>\n<COUNT>3</COUNT>"


def outcome(client, text="hello"):
    try:
        answer = client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": text}])
    except openai.APIStatusError as error:
        return str(error.status_code)
    except openai.APIConnectionError:
        return "reset"
    except json.JSONDecodeError:
        return "truncated"
    choice = answer.choices[0]
    return choice.finish_reason if choice.message.content else "empty"


@pytest.mark.parametrize(
    ("kind", "seen"),
    {
        **{kind: kind for kind in ("429", "500", "503", "401", "404", "reset", "truncated", "empty")},
        "quota": "429",
        "content_filter": "400",
    }.items(),
)
def test_a_fault_is_seen_as_what_it_is_and_only_as_often_as_wanted(emulator, client, kind, seen) -> None:
    emulator.configure(faults=[{"kind": kind, "times": 1}])
    assert [outcome(client), outcome(client)] == [seen, "stop"]
    assert [exchange["fault"] for exchange in emulator.served()] == [kind, ""]


def test_a_fault_before_the_effect_costs_nothing_and_one_after_it_is_paid_and_lost(emulator, client) -> None:
    for when, paid in (("before", False), ("after", True)):
        emulator.reset()
        emulator.configure(faults=[{"kind": "500", "when": when}, {"kind": "reset", "when": when}])
        assert outcome(client) == "500"
        [exchange] = emulator.served()
        assert (exchange["paid"], exchange["delivered"]) == (paid, False)


def test_an_answer_may_be_filtered_cut_or_senseless(emulator, client) -> None:
    def content():
        return client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": FRAME}]).choices[0]

    good = json.loads(content().message.content)
    assert good["questions"]
    emulator.configure(faults=[{"kind": "length"}])
    assert content().finish_reason == "length"
    emulator.configure(faults=[{"kind": "content_filter", "when": "after"}])
    assert content().finish_reason == "content_filter"
    emulator.configure(faults=[{"kind": "malformed"}])
    choice = content()
    assert choice.finish_reason == "stop"
    with pytest.raises(json.JSONDecodeError):
        json.loads(choice.message.content)


def test_a_slow_body_arrives_whole(emulator, client) -> None:
    emulator.configure(faults=[{"kind": "slow", "delay": 0.3}])
    started = time.monotonic()
    assert outcome(client) == "stop"
    assert time.monotonic() - started >= 0.3


def test_too_many_requests_say_when_to_come_back_or_do_not(emulator, client) -> None:
    for retry_after, header in ((None, None), (0.25, "250")):
        emulator.configure(faults=[{"kind": "429", "retry_after": retry_after}])
        with pytest.raises(openai.RateLimitError) as refused:
            client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "hello"}])
        assert refused.value.response.headers.get("retry-after-ms") == header


def test_faults_are_drawn_from_the_body_and_the_attempt(emulator, client) -> None:
    def run(seed, texts):
        emulator.reset()
        emulator.configure(seed=seed, faults=[{"kind": "429", "rate": 0.4}])
        return {text: [outcome(client, text) for _ in range(3)] for text in texts}

    texts = [f"question {number}" for number in range(20)]
    first, again, other = run(1, texts), run(1, texts[::-1]), run(2, texts)
    assert first == again
    assert first != other
    counts = Counter(seen for row in first.values() for seen in row)
    assert 0.2 < counts["429"] / 60 < 0.6


def test_a_fault_may_be_aimed_at_some_bodies_and_addresses(emulator, client) -> None:
    emulator.configure(faults=[{"kind": "500", "match": "ferry"}, {"kind": "503", "path": "/embeddings"}])
    assert [outcome(client, "the ferry"), outcome(client, "the tram")] == ["500", "stop"]
    with pytest.raises(openai.InternalServerError):
        client.embeddings.create(model="text-embedding-3-small", input="the tram")


def test_tokens_per_minute_are_reserved_by_prompt_and_longest_answer(emulator, client) -> None:
    emulator.configure(quota_window_s=1.0, deployments={"narrow": {"model": "narrow", "tokens_per_minute": 1000}})

    def send(longest):
        return client.chat.completions.with_raw_response.create(
            model="narrow", messages=[{"role": "user", "content": "hello"}], max_tokens=longest
        )

    sent = send(900)
    assert sent.headers["x-ratelimit-limit-tokens"] == "1000"
    assert int(sent.headers["x-ratelimit-remaining-tokens"]) == 100 - sent.parse().usage.prompt_tokens
    with pytest.raises(openai.RateLimitError) as refused:
        send(900)
    time.sleep(int(refused.value.response.headers["retry-after-ms"]) / 1000 + 0.01)
    assert send(900).status_code == 200


def test_requests_per_minute_are_counted_in_sixths_of_the_window(emulator, client) -> None:
    emulator.configure(quota_window_s=60, deployments={"rare": {"model": "rare", "requests_per_minute": 12}})

    def send():
        client.chat.completions.create(model="rare", messages=[{"role": "user", "content": "hello"}])

    send()
    send()
    with pytest.raises(openai.RateLimitError) as refused:
        send()
    assert 0 < float(refused.value.response.headers["retry-after"]) <= 10


def test_a_deployment_without_any_quota_says_so(emulator, client) -> None:
    emulator.configure(deployments={"none": {"model": "none", "tokens_per_minute": 0}})
    with pytest.raises(openai.RateLimitError) as refused:
        client.chat.completions.create(model="none", messages=[{"role": "user", "content": "hello"}])
    assert refused.value.code == "insufficient_quota"
