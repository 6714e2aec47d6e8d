"""The bill of a smoke test: what was paid for training, endpoint and question, and what nobody knows."""

from dataclasses import dataclass, field
from datetime import datetime

from resources.llm.budget import money
from resources.llm.prices import Price
from resources.llm.request import Completion
from resources.training.serve import Endpoints


@dataclass
class Bill:
    """What a test cost so far, in words."""

    training: str = "nothing was trained"
    endpoints: list[str] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)

    def add_endpoints(self, endpoints: Endpoints, now: datetime) -> None:
        """What the run brought up, in all its attempts. Endpoints in this process are not booked."""
        if "book" not in vars(endpoints):
            return
        for booking in endpoints.book.of_run(endpoints.run_id):
            minutes = ((booking.removed_at or now) - booking.created_at).total_seconds() / 60
            usd, hour = booking.usd(now), booking.handle.usd_per_hour
            price = "the price of an hour is not set" if usd is None else f"{money(usd)} at {hour:g} USD per hour"
            self.endpoints.append(f"{booking.handle.name}, {minutes:.1f} minutes: {price}")

    def add_question(self, said: Completion, price: Price) -> None:
        tokens = f"{said.prompt_tokens} + {said.completion_tokens} tokens"
        self.questions.append(f"{tokens}: {money(said.cost) if price.known else 'the price of tokens is not set'}")

    def lines(self, not_real: str) -> list[str]:
        shown = ["bill", f"  training   {self.training}"]
        shown += [f"  endpoint   {words}" for words in self.endpoints or ["none was booked"]]
        shown += [f"  question   {words}" for words in self.questions]
        shown += ["  not known  storage, network and taxes; the service's own bill counts"]
        return shown + ([f"not a real model: {not_real}; nothing was paid for real"] if not_real else [])
