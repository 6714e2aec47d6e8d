"""The sweeper: every ten minutes a run that takes down the endpoints that are past their expiry. Free where none can be."""

from contextlib import closing

import dagster as dg

from orchestration.settings import Settings
from orchestration.wiring import build_resources
from resources.training.endpoints import EndpointBook
from resources.training.resource import TrainersResource
from resources.training.sweeping import Sweep, sweep

EVERY_TEN_MINUTES = "*/10 * * * *"


@dg.op(
    description="Takes down every endpoint of ours past its expiry, booked or found at a service; never the champion's."
)
def take_down_expired(context: dg.OpExecutionContext, trainers: TrainersResource) -> None:
    done, spent = sweep_now(trainers, context.instance)
    for booking in done.removed:
        context.log.info(f"{booking.handle.name} ({booking.handle.backend}) is gone")
    for line in (*done.problems, *done.spared):
        context.log.warning(line)
    metadata = {
        "removed": [booking.handle.name for booking in done.removed],
        "not gone yet": [booking.handle.name for booking in done.waiting],
        "endpoints so far (USD)": round(spent, 4),
    }
    context.add_output_metadata(metadata)
    if done.problems:
        # All that could be done is done, and the next sweep tries again; somebody should know.
        raise dg.Failure("; ".join(done.problems), metadata={"swept": done.summary()}, allow_retries=False)


@dg.job(
    description="Take down the endpoints of ours that are past their expiry, whoever brought them up.",
    tags={"dagster/priority": "100"},  # first in the queue: what waits here costs money
)
def sweep_endpoints() -> None:
    take_down_expired()


def build_sweep_schedule(settings: Settings) -> dg.ScheduleDefinition:
    """Running unless someone stops it in the UI."""

    @dg.schedule(
        name="sweep_schedule",
        job=sweep_endpoints,
        cron_schedule=EVERY_TEN_MINUTES,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Takes down endpoints past their expiry; does nothing while no hosted training backend is configured.",
    )
    def sweep_schedule() -> dg.RunRequest | dg.SkipReason:
        hosted = build_resources(settings)["trainers"].hosted()
        return dg.RunRequest() if hosted else dg.SkipReason("no hosted training backend is configured: no endpoints")

    return sweep_schedule


def sweep_now(trainers: TrainersResource, instance: dg.DagsterInstance) -> tuple[Sweep, float]:
    """Sweeps; also what all endpoints cost so far, in USD. Where no hosted backend is configured it opens nothing."""
    if not trainers.hosted():
        return Sweep(), 0.0
    with closing(EndpointBook(trainers.ledger())) as book:
        return sweep(trainers, book, lambda run_id: _is_over(instance, run_id)), book.spent()


def _is_over(instance: dg.DagsterInstance, run_id: str) -> bool:
    """Whether a run has ended. Of a run that this home does not know nothing is known: its endpoints keep their time."""
    run = instance.get_run_by_id(run_id)
    return run is not None and run.is_finished
