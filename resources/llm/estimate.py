"""What calls will need, reckoned before they are made: tokens of a request, USD and seconds of many.

Pure arithmetic. Texts are counted exactly for the cl100k encoding; newer encodings need as many tokens or fewer, so the
estimate errs upwards (by a third for Chinese).
"""

import json
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace

from resources.llm.prices import Price
from resources.llm.request import Image, Request
from resources.llm.roles import Limits
from resources.tokens import count_tokens

PER_MESSAGE, PRIMING = 4, 3
"""Tokens that a chat message costs besides its text, and that the answer's start costs."""

TOKENS_PER_SECOND = 60.0
FIRST_TOKEN_SECONDS = 0.7
"""How fast a hosted model answers, as long as the ledger does not know better."""

_USUAL_PAGE = (1024, 1448)
_TILES = {"gpt-4o-mini": (2833, 5667), "gpt-5": (70, 140), "o3": (75, 150)}
_PATCHES = {
    "gpt-4.1-mini": 1.62, "gpt-4.1-nano": 2.46, "gpt-5-mini": 1.62, "gpt-5-nano": 2.46, "o4-mini": 1.72,
}  # fmt: skip
"""Models that count pictures by patches of 32 pixels, and their factor; all others count tiles of 512 pixels."""


@dataclass(frozen=True)
class Load:
    """Calls to be made and their tokens. `recorded` more are in the ledger already and cost nothing."""

    calls: int = 0
    recorded: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def __add__(self, other: "Load") -> "Load":
        return Load(
            self.calls + other.calls,
            self.recorded + other.recorded,
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
        )


@dataclass(frozen=True)
class StageEstimate:
    """What a stage is expected to take. `cost` is USD, None if the price is unknown; `seconds` None in a batch.

    `basis` says what the numbers rest on.
    """

    stage: str
    model: str
    load: Load
    cost: float | None
    seconds: float | None
    basis: str = ""

    @property
    def free(self) -> bool:
        return self.cost == 0.0


def stage_estimate(
    stage: str, model: str, load: Load, price: Price, limits: Limits, latency: float | None = None, basis: str = ""
) -> StageEstimate:
    """A load with its cost and its time within a deployment's limits."""
    cost = price.of_tokens(load.prompt_tokens, load.completion_tokens) if price.known else None
    return StageEstimate(stage, model, load, cost, duration(load, limits, latency), basis)


def batched(estimate: StageEstimate, price: Price) -> StageEstimate:
    """The same load through the Batch API."""
    load = estimate.load
    cost = price.batched.of_tokens(load.prompt_tokens, load.completion_tokens) if price.known else None
    return replace(estimate, cost=cost, seconds=None)


def duration(load: Load, limits: Limits, latency: float | None = None) -> float:
    """Seconds until the last answer: what concurrency, requests per minute and tokens per minute allow."""
    if not load.calls:
        return 0.0
    usual = FIRST_TOKEN_SECONDS + load.completion_tokens / load.calls / TOKENS_PER_SECOND
    each = usual if latency is None else latency
    tokens = load.prompt_tokens + load.completion_tokens
    return max(
        math.ceil(load.calls / limits.concurrency) * each,
        60 * load.calls / limits.requests_per_minute if limits.requests_per_minute else 0.0,
        60 * tokens / limits.tokens_per_minute if limits.tokens_per_minute else 0.0,
    )


def request_tokens(request: Request) -> int:
    """Prompt tokens of a request: texts, frame, schema and pictures."""
    return PRIMING + sum(
        (
            sum(PER_MESSAGE + count_tokens(message.content) for message in request.messages),
            count_tokens(json.dumps(json.loads(request.schema))) if request.schema else 0,
            sum(image_tokens(image, request.model.model) for m in request.messages for image in m.images),
        )
    )


def image_tokens(image: Image, model: str) -> int:
    """What a picture counts in the prompt of a model, in high detail."""
    return picture_tokens(*_size(image.data), model)


def picture_tokens(width: int, height: int, model: str) -> int:
    """The same for a picture of so many pixels."""
    named = _longest(model, _PATCHES)
    if named:
        return math.ceil(min(1536, math.ceil(width / 32) * math.ceil(height / 32)) * _PATCHES[named])
    base, tile = _TILES.get(_longest(model, _TILES), (85, 170))
    scale = min(1.0, 2048 / max(width, height))
    scale *= min(1.0, 768 / (min(width, height) * scale))
    return base + tile * math.ceil(width * scale / 512) * math.ceil(height * scale / 512)


def worst_cost(request: Request, price: Price, longest_answer: int) -> float:
    """The most USD that a call can cost, were its answer as long as it may be."""
    parameters = dict(request.parameters)
    return price.of_tokens(request_tokens(request), int(parameters.get("max_tokens", longest_answer)))


def total(estimates: Sequence[StageEstimate]) -> Load:
    """All loads together."""
    return sum((estimate.load for estimate in estimates), Load())


def _longest(model: str, names: "dict[str, float] | dict[str, tuple[int, int]]") -> str:
    return max((name for name in names if model.startswith(name)), key=len, default="")


def _size(data: bytes) -> tuple[int, int]:
    if data[:8] == b"\x89PNG\r\n\x1a\n" and len(data) >= 24:
        width, height = struct.unpack(">II", data[16:24])
        return max(1, width), max(1, height)
    return _USUAL_PAGE
