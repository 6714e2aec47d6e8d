"""Prices: settings first, then the table; free on this machine; unknown is not free."""

import datetime

import pytest
import yaml

from resources.llm.prices import list_price, price_of
from resources.llm.request import Completion
from resources.llm.roles import PriceOptions, Role


def azure(model: str, **price: float) -> Role:
    return Role(
        provider="azure_openai",
        model=model,
        deployment="d",
        endpoint="https://x.openai.azure.com",
        price=PriceOptions(**price),
    )


def compatible(endpoint: str, model: str = "llama3.3:70b", **price: float) -> Role:
    return Role(provider="openai_compatible", model=model, endpoint=endpoint, price=PriceOptions(**price))


@pytest.mark.parametrize(
    ("model", "prompt"),
    [
        ("gpt-4o", 2.5),
        ("gpt-4o-2024-08-06", 2.5),
        ("gpt-4o-2024-05-13", 5.0),
        ("gpt-4o-mini-2024-07-18", 0.15),
        ("gpt-4.1-mini", 0.4),
        ("text-embedding-3-small", 0.02),
    ],
)
def test_a_snapshot_has_the_price_of_the_longest_name_that_it_begins_with(model, prompt):
    assert price_of(azure(model)).prompt == prompt
    assert price_of(azure(model)).known


@pytest.mark.parametrize("model", ["gpt-5-pro", "gpt-4o-realtime-preview", "gpt-4", "my-own-model", "gpt-4o-minimal"])
def test_a_model_that_only_begins_like_a_listed_one_has_no_price(model):
    assert list_price(model) is None
    assert not price_of(azure(model)).known


def test_a_call_costs_fresh_cached_and_completed_tokens_each_at_its_price():
    price = price_of(azure("gpt-4o"))
    answer = Completion("", "stop", prompt_tokens=1_000_000, completion_tokens=100_000, cached_tokens=400_000)
    assert price.cost(answer) == pytest.approx(0.6 * 2.5 + 0.4 * 1.25 + 0.1 * 10.0)


def test_a_batch_costs_half():
    price = price_of(azure("gpt-4o-mini"))
    answer = Completion("", "stop", prompt_tokens=10_000, completion_tokens=500, cached_tokens=2_000)
    assert price.batched.cost(answer) == pytest.approx(price.cost(answer) / 2)
    assert price_of(azure("gpt-4o", batch=1.0)).batched.prompt == 2.5


def test_settings_override_the_table_field_by_field():
    assert price_of(azure("gpt-4o", completion=7.0)).prompt == 2.5
    assert price_of(azure("gpt-4o", completion=7.0)).completion == 7.0
    contract = price_of(azure("gpt-4o", prompt=1.0))
    assert (contract.prompt, contract.cached_prompt, contract.completion) == (1.0, 1.0, 10.0)


def test_an_unlisted_model_is_known_once_prompt_and_completion_are_set():
    assert not price_of(azure("my-own-model", prompt=1.0)).known
    assert price_of(azure("my-own-model", prompt=1.0, completion=2.0)).known


@pytest.mark.parametrize("endpoint", ["http://localhost:8000/v1", "http://127.0.0.1:11434/v1", "http://[::1]:8080/v1"])
def test_a_server_on_this_machine_is_free_unless_priced(endpoint):
    assert price_of(compatible(endpoint)).free
    assert price_of(compatible(endpoint, model="gpt-4o")).free
    assert price_of(compatible(endpoint, prompt=1.0)).prompt == 1.0


def test_a_server_elsewhere_is_not_free():
    price = price_of(compatible("https://llm.example.org/v1"))
    assert not price.known
    assert not price.free


def test_the_embedded_provider_is_free():
    assert price_of(Role()).free


def test_every_line_of_the_table_says_where_and_when_it_was_read(root):
    lines = yaml.safe_load((root / "resources/llm/prices.yaml").read_text(encoding="utf-8"))
    assert len({line["model"] for line in lines}) == len(lines) > 10
    for line in lines:
        assert line["source"].startswith("https://")
        assert isinstance(line["date"], datetime.date) or len(line["date"]) == 7
        assert 0 <= line["cached_prompt"] <= line["prompt"]
        assert line["batch"] == 0.5
