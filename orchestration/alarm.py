"""The alarm: every hour a look at whether the champion is served and what endpoints cost. Free where none can be."""

import dagster as dg

from assets.serving.checks import champion_in_service
from orchestration.settings import Settings
from orchestration.wiring import build_resources

EVERY_HOUR = "7 * * * *"

check_serving = dg.define_asset_job(
    "check_serving",
    selection=dg.AssetSelection.checks(champion_in_service),
    description="Whether what answers is the champion, and whether endpoints stay within their budget.",
)


def build_alarm_schedule(settings: Settings) -> dg.ScheduleDefinition:
    """Running unless someone stops it in the UI."""

    @dg.schedule(
        name="serving_schedule",
        job=check_serving,
        cron_schedule=EVERY_HOUR,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Looks at the champion in service and at this month's bill for endpoints; costs grow without a refresh.",
    )
    def serving_schedule() -> dg.RunRequest | dg.SkipReason:
        hosted = build_resources(settings)["trainers"].hosted()
        return dg.RunRequest() if hosted else dg.SkipReason("no hosted training backend is configured: no endpoints")

    return serving_schedule
