"""What endpoints cost this month, and whether what answers applications is the champion: the logic of the checks."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from assets.serving.endpoint import DEPLOYED
from resources.training.endpoints import EndpointBook
from resources.training.serving import BASE, EndpointHandle


@dataclass(frozen=True)
class Bill:
    """USD that all endpoints of the home cost since the month began (UTC), and those whose price is not known."""

    usd: float
    unpriced: tuple[str, ...] = ()

    def within(self, alarm: float | None) -> bool:
        return alarm is None or self.usd <= alarm


def month_begin(moment: datetime) -> datetime:
    return moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def bill_of(book: EndpointBook) -> Bill:
    """This month's bill, by the book's clock."""
    begin = month_begin(book.clock())
    lived = [one for one in book.bookings(everything=True) if one.removed_at is None or one.removed_at > begin]
    unpriced = sorted({one.handle.name for one in lived if one.handle.usd_per_hour is None})
    return Bill(book.spent(begin), tuple(unpriced))


def wrong_service(champion: str | None, row: Mapping[str, Any] | None, serving: EndpointHandle | None) -> str:
    """What is wrong with how the champion is served, or an empty text. `serving` is where the book points to."""
    wanted = champion or BASE
    if row is None:
        return "model_endpoint was never made: run the job publish_report"
    if row["model_id"] != wanted:
        return f"{row['model_id']} is served, and the champion is {wanted}: materialize model_endpoint"
    if row["state"] != DEPLOYED:
        return f"{serving.name} still serves {serving.model_id}: materialize model_endpoint" if serving else ""
    if serving is None:
        return "its endpoint is in use no more: materialize model_endpoint"
    return "" if serving.model_id == wanted else f"endpoint {serving.name} serves {serving.model_id}, not {wanted}"
