"""The bill of a smoke test: what was paid for training, endpoint and question, and what nobody knows."""

from dataclasses import dataclass, field
from datetime import datetime

from resources.llm.budget import money
from resources.llm.prices import Price
from resources.llm.request import Completion
from resources.training.endpoints import Booking
from resources.training.serve import Endpoints


@dataclass
class Bill:
    """What a test cost so far, in words."""

    training: str = ""
    endpoints: list[str] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)

    def add_endpoints(self, endpoints: Endpoints, now: datetime) -> None:
        """What the run brought up, in all its attempts. Endpoints in this process are not booked."""
        if "book" not in vars(endpoints):
            return
        for booking in endpoints.book.of_run(endpoints.run_id):
            self.endpoints.append(f"{booking.handle.name}, {_lived(booking, now)}")

    def add_question(self, said: Completion, price: Price) -> None:
        tokens = f"{said.prompt_tokens} + {said.completion_tokens} tokens"
        self.questions.append(f"{tokens}: {money(said.cost) if price.known else 'the price of tokens is not set'}")

    def lines(self, not_real: str) -> list[str]:
        if not (self.training or self.endpoints):
            return ["bill: nothing was made, so there is nothing to pay"]
        shown = ["bill", f"  training   {self.training or 'nothing was trained'}"]
        shown += [f"  endpoint   {words}" for words in self.endpoints or ["none came up"]]
        shown += [f"  question   {words}" for words in self.questions]
        shown += ["  not known  storage, network and taxes; the service's own bill counts"]
        return shown + ([f"not a real model: {not_real}"] if not_real else [])


def _lived(booking: Booking, now: datetime) -> str:
    """How long an endpoint was there and at what price. One without details was refused, or nobody saw it."""
    if not booking.handle.details:
        return "which was never seen up"
    minutes = ((booking.removed_at or now) - booking.created_at).total_seconds() / 60
    usd, hour = booking.usd(now), booking.handle.usd_per_hour
    if usd is None or hour is None:
        return f"{minutes:.1f} minutes: the price of an hour is not set"
    return f"{minutes:.1f} minutes: {money(usd)} at {money(hour)} per hour"
