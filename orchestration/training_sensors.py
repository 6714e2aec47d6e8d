"""The sensor that finishes training jobs which a run left at their service."""

import dagster as dg

from assets.raft.recipe_files import valid_recipes
from orchestration.jobs import JOBS, TRAIN
from orchestration.sensors import renewed
from orchestration.settings import Settings
from orchestration.training_jobs import look_after, wanted_runs
from resources.errors import RaftlineError
from resources.folders import FoldersResource
from resources.training.base import JobEvent
from resources.training.resource import TrainersResource

SHORTEST_INTERVAL = 30


def build_training_sensors(settings: Settings) -> list[dg.SensorDefinition]:
    """One sensor, running unless somebody stops it in the UI."""

    @dg.sensor(
        job=JOBS[TRAIN.job],
        minimum_interval_seconds=max(SHORTEST_INTERVAL, round(settings.trainers.jobs.poll_seconds)),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Looks at training jobs that were left at their services; makes the model when one has ended.",
    )
    def training_sensor(
        context: dg.SensorEvaluationContext, trainers: TrainersResource, folders: FoldersResource
    ) -> dg.SensorResult | dg.SkipReason:
        recipes = valid_recipes(folders.recipes_path)
        levels = {"info": context.log.info, "warning": context.log.warning, "error": context.log.error}

        def log(event: JobEvent) -> None:
            levels[event.level](event.message)

        try:
            with trainers.book() as book:
                visits = look_after(book, trainers, context.instance, log)
                requests = wanted_runs(book, recipes, context.instance)
        except RaftlineError as error:
            return dg.SkipReason(str(error))
        if requests:
            return dg.SensorResult(run_requests=[renewed(context.instance, request) for request in requests])
        return dg.SkipReason("; ".join(visit.words for visit in visits) or "no training job is open")

    return [training_sensor]
