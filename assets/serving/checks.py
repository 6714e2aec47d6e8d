"""Whether the champion is served by what serves it, and whether that stays within its budget."""

from collections.abc import Iterator

import dagster as dg

from assets.evaluation.champion import current
from assets.serving.endpoint import may_be_deployed
from assets.serving.upkeep import Bill, bill_of, wrong_service
from resources.lake.resource import LakeResource
from resources.lake.tables import CHAMPION_MODEL, MODEL_ENDPOINT
from resources.training.endpoints import EndpointBook
from resources.training.resource import TrainersResource

BUDGET = "serving_within_budget"
SERVES = "serves_the_champion"


@dg.multi_asset_check(
    specs=[
        dg.AssetCheckSpec(
            BUDGET, asset=MODEL_ENDPOINT.name, description="Endpoints cost no more this month than the alarm is set to."
        ),
        dg.AssetCheckSpec(SERVES, asset=MODEL_ENDPOINT.name, description="What answers applications is the champion."),
    ]
)
def champion_in_service(lake: LakeResource, trainers: TrainersResource) -> Iterator[dg.AssetCheckResult]:
    """Two looks at the champion in service, in one step."""
    store = lake.open()
    rows = store.rows_or_empty(MODEL_ENDPOINT)
    row = rows[0] if rows else None
    bill, serving = Bill(0.0), None
    if may_be_deployed(trainers, row):
        book = EndpointBook(trainers.ledger())
        try:
            bill, serving = bill_of(book), book.serving()
        finally:
            book.close()
    alarm = trainers.serving.alarm_usd_per_month
    yield dg.AssetCheckResult(
        check_name=BUDGET,
        passed=bill.within(alarm),
        severity=dg.AssetCheckSeverity.ERROR,
        description=None
        if bill.within(alarm)
        else f"{bill.usd:.2f} USD this month, and serving.alarm_usd_per_month is {alarm:g}: `raftline endpoints` lists them",
        metadata={
            "USD this month": round(bill.usd, 4),
            "alarm at USD": "not set" if alarm is None else alarm,
            **({"price not known": ", ".join(bill.unpriced)} if bill.unpriced else {}),
        },
    )
    problem = wrong_service(current(store.rows_or_empty(CHAMPION_MODEL)), row, serving)
    yield dg.AssetCheckResult(
        check_name=SERVES, passed=not problem, severity=dg.AssetCheckSeverity.ERROR, description=problem or None
    )
