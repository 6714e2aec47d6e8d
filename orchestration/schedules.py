"""The retraining schedule: asks `plan_refresh` whether a recipe is due, and trains only then."""

import dagster as dg

from orchestration.catalog import asset_specs
from orchestration.jobs import TRAIN
from orchestration.planning import phase_runs
from orchestration.sensors import register_recipes, renewed, run_request
from orchestration.settings import Settings
from orchestration.state import read_state
from orchestration.wiring import build_resources


def build_schedules(settings: Settings) -> list[dg.ScheduleDefinition]:
    """One schedule, running unless someone stops it in the UI."""

    @dg.schedule(
        job_name=TRAIN.job,
        cron_schedule=settings.retraining.schedule,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Trains the recipes whose questions drifted beyond the threshold or whose facts have changed.",
    )
    def retraining_schedule(context: dg.ScheduleEvaluationContext) -> list[dg.RunRequest] | dg.SkipReason:
        register_recipes(context.instance, settings)
        state = read_state(asset_specs(settings), build_resources(settings))
        due = phase_runs(TRAIN, state)
        if not due:
            return dg.SkipReason("no recipe is due for training")
        return [renewed(context.instance, run_request(run, state)) for run in due]

    return [retraining_schedule]
