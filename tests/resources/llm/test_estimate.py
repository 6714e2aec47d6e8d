"""The arithmetic of estimates: tokens of a request, cost of a load, time within limits."""

import struct

import pytest

from resources.llm.estimate import Load, batched, duration, image_tokens, request_tokens, stage_estimate
from resources.llm.prices import Price
from resources.llm.request import Image, Message, ModelIdentity, Request
from resources.llm.roles import Limits
from resources.tokens import count_tokens

MODEL = ModelIdentity("azure_openai", "host", "gpt-4o-2024-08-06")


def png(width: int, height: int) -> Image:
    return Image("image/png", b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + struct.pack(">II", width, height))


def test_a_request_is_its_texts_its_frame_and_its_schema():
    messages = (Message("system", "Be brief."), Message("user", "What is the fee?"))
    plain = request_tokens(Request("teacher", MODEL, messages))
    assert plain == 3 + 4 + count_tokens("Be brief.") + 4 + count_tokens("What is the fee?")
    schema = '{"type":"object"}'
    assert request_tokens(Request("teacher", MODEL, messages, schema)) == plain + count_tokens('{"type": "object"}')


@pytest.mark.parametrize(
    ("size", "model", "tokens"),
    [
        ((1024, 1024), "gpt-4o", 85 + 4 * 170),
        ((2048, 4096), "gpt-4o", 85 + 6 * 170),
        ((512, 512), "gpt-4o", 85 + 170),
        ((512, 512), "gpt-4o-mini-2024-07-18", 2833 + 5667),
        ((1024, 1024), "gpt-4.1-mini", 1659),
    ],
)
def test_a_picture_counts_by_the_rules_of_its_model(size, model, tokens):
    assert image_tokens(png(*size), model) == tokens


def test_the_slowest_of_concurrency_requests_and_tokens_decides_the_time():
    load = Load(calls=100, prompt_tokens=90_000, completion_tokens=10_000)
    assert duration(load, Limits(concurrency=10), latency=2.0) == 20.0
    assert duration(load, Limits(concurrency=10, requests_per_minute=60), latency=2.0) == 100.0
    assert duration(load, Limits(concurrency=10, tokens_per_minute=10_000), latency=2.0) == 600.0
    assert duration(Load(), Limits()) == 0.0


def test_an_unknown_price_is_no_cost_and_a_batch_has_half_a_cost_and_no_time():
    load = Load(calls=10, prompt_tokens=1_000_000, completion_tokens=100_000)
    assert stage_estimate("s", "m", load, Price(known=False), Limits()).cost is None
    price = Price(2.5, 1.25, 10.0)
    full = stage_estimate("s", "m", load, price, Limits())
    assert full.cost == pytest.approx(3.5)
    half = batched(full, price)
    assert (half.cost, half.seconds) == (pytest.approx(1.75), None)
