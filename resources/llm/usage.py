"""What went through a gateway, counted for metadata."""

from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from resources.llm.ledger import Entry


@dataclass
class Usage:
    """Calls made and answered from the ledger, tokens, USD paid and seconds that providers took. Grows while calls finish.

    `unpriced` are the settings of prices that nobody knows: calls at such a price count as 0 USD.
    """

    calls: int = 0
    cached: int = 0
    retried: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0
    seconds: float = 0.0
    not_real: int = 0
    unpriced: set[str] = field(default_factory=set)

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens

    def add(self, entry: Entry) -> None:
        """Counts a call that was made and recorded. One that was lost counts by what it cost."""
        answer = entry.completion
        self.calls += not entry.lost
        self.prompt_tokens += answer.prompt_tokens
        self.cached_tokens += answer.cached_tokens
        self.completion_tokens += answer.completion_tokens
        self.cost += answer.cost
        self.seconds += entry.seconds
        self.not_real += not (answer.real or entry.lost)

    def metadata(self) -> dict[str, Any]:
        """What an asset that calls models shows of it."""
        shown: dict[str, Any] = {
            "calls": dg.MetadataValue.json(
                {"made": self.calls, "from the ledger": self.cached, "repeated after a fault": self.retried}
            ),
            "tokens": dg.MetadataValue.json(
                {
                    "prompt": self.prompt_tokens,
                    "prompt, from the provider's cache": self.cached_tokens,
                    "completion": self.completion_tokens,
                }
            ),
            "cost (USD)": round(self.cost, 6),
            "ledger hit rate": self.cached / (self.calls + self.cached) if self.calls + self.cached else 0.0,
            "prompt cache hit rate": self.cached_tokens / self.prompt_tokens if self.prompt_tokens else 0.0,
        }
        if self.unpriced:
            shown["price not set"] = f"{', '.join(sorted(self.unpriced))}: the cost above leaves these calls out"
        if self.not_real:
            shown["not a real model"] = (
                f"{self.not_real} answers came from an emulator: they prove plumbing, not quality"
            )
        return shown
