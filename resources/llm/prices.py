"""What a call costs: the price of a model, applied to the tokens that the provider counted.

A role's own settings come first, then the table in `prices.yaml` (each line with source and date). What runs on this
machine is free. Where none of them says a price it is unknown, which is not the same as free.
"""

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import yaml

from resources.llm.request import Completion
from resources.llm.roles import PriceOptions, Role

BATCH_FACTOR = 0.5
"""What the Batch API takes of a price that does not say."""

_SNAPSHOT = re.compile(r"-\d{4}-\d{2}-\d{2}|-\d{4}")


@dataclass(frozen=True)
class Price:
    """USD per million tokens, and the factor of a batch. `known` is False where neither settings nor table name one."""

    prompt: float = 0.0
    cached_prompt: float = 0.0
    completion: float = 0.0
    known: bool = True
    batch: float = BATCH_FACTOR

    def of_tokens(self, prompt: int, completion: int, cached: int = 0) -> float:
        """USD for tokens; `cached` of the prompt tokens came from the provider's cache."""
        fresh = prompt - cached
        return (fresh * self.prompt + cached * self.cached_prompt + completion * self.completion) / 1e6

    def cost(self, completion: Completion) -> float:
        """USD for one answer."""
        return self.of_tokens(completion.prompt_tokens, completion.completion_tokens, completion.cached_tokens)

    @property
    def batched(self) -> "Price":
        """The price of the same tokens through the Batch API."""
        return Price(
            self.prompt * self.batch, self.cached_prompt * self.batch, self.completion * self.batch, self.known, 1.0
        )

    @property
    def free(self) -> bool:
        return self.known and not (self.prompt or self.completion)


FREE = Price()
UNKNOWN = Price(known=False)


@dataclass(frozen=True)
class ListPrice:
    """A line of the table: a model's price, where it was read and how old that is."""

    price: Price
    source: str
    date: str


def price_of(role: Role) -> Price:
    """The price that a role pays: its own settings first, then the table; free on this machine."""
    if role.provider == "embedded":
        return FREE
    if role.provider == "openai_compatible" and on_this_machine(role.endpoint):
        return _settled(role.price, FREE)
    listed = list_price(role.model)
    return _settled(role.price, listed.price if listed else UNKNOWN)


def list_price(model: str) -> ListPrice | None:
    """The table's line of a model: the longest name that the model's is, but for the date of a snapshot."""
    names = sorted((name for name in _table() if model.startswith(name)), key=len, reverse=True)
    found = next((name for name in names if model == name or _SNAPSHOT.fullmatch(model[len(name) :])), None)
    return _table()[found] if found else None


def on_this_machine(endpoint: str) -> bool:
    """Whether an endpoint's host is this machine (loopback)."""
    host = urlsplit(endpoint).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _settled(own: PriceOptions, base: Price) -> Price:
    """A base price with what the settings say instead. A new prompt price also holds for cached prompts."""
    prompt = own.prompt if own.prompt is not None else base.prompt
    inherited = prompt if own.prompt is not None else base.cached_prompt
    return Price(
        prompt,
        own.cached_prompt if own.cached_prompt is not None else inherited,
        own.completion if own.completion is not None else base.completion,
        base.known or (own.prompt is not None and own.completion is not None),
        own.batch if own.batch is not None else base.batch,
    )


@cache
def _table() -> dict[str, ListPrice]:
    lines: list[dict[str, Any]] = yaml.safe_load((files("resources.llm") / "prices.yaml").read_text(encoding="utf-8"))
    return {
        line["model"]: ListPrice(
            Price(line["prompt"], line["cached_prompt"], line["completion"], True, line["batch"]),
            line["source"],
            str(line["date"]),
        )
        for line in lines
    }
