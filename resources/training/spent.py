"""What a month costs besides model calls: training jobs and endpoints, as the budget counts them."""

from datetime import UTC, datetime

from resources.llm.ledger import Ledger
from resources.training.book import TrainingBook
from resources.training.endpoints import endpoints_cost


def spent_besides_calls(ledger: Ledger, month: str, besides: str = "") -> float:
    """USD of a month (UTC, `2026-11`) until now. The specification `besides` is left out while it is only intended.

    Of endpoints the time that they were up counts, of jobs what is expected of them, too.
    """
    begin = datetime.fromisoformat(f"{month}-01").replace(tzinfo=UTC)
    return TrainingBook(ledger).spent(month, besides) + endpoints_cost(ledger, begin, datetime.now(UTC))
