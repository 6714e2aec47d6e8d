"""Settings to resources: the only place that says which implementation stands behind a resource's name."""

import os
from typing import Any

import dagster as dg

from orchestration.settings import PREFIX, Settings
from resources.corpus.source import CorpusResource
from resources.folders import FoldersResource
from resources.lake.resource import LakeResource
from resources.llm.resource import ModelsResource
from resources.options import PipelineOptions
from resources.search.resource import IndexResource
from resources.training.resource import TrainersResource


def build_resources(settings: Settings) -> dict[str, Any]:
    """Every resource by the name under which assets ask for it. Opens nothing and contacts nobody."""
    home = settings.home_folder
    return {
        "lake": LakeResource(url=settings.lake_url or str(home / "lake")),
        "corpus": CorpusResource(folder=str(settings.documents_folder), state=str(home / "corpus")),
        "folders": FoldersResource(
            questions=str(settings.questions_folder),
            recipes=str(settings.recipes_folder),
            reports=str(home / "reports"),
        ),
        "index": IndexResource(folder=str(home / "index")),
        "models": ModelsResource(
            ledger_url=_from_environment("ledger_url") or settings.ledger_url or f"sqlite:///{home / 'ledger.db'}",
            roles=settings.roles,
        ),
        "trainers": TrainersResource(folder=str(home / "models")),
        "options": PipelineOptions(
            batches=settings.batches,
            chunks=settings.chunks,
            questions=settings.generation,
            splits=settings.splits,
            evaluation=settings.evaluation,
            retraining=settings.retraining,
        ),
    }


def _from_environment(setting: str) -> dg.EnvVar | None:
    """A setting by the name of its variable where the environment gives it: the UI shows the name, not the password."""
    variable = f"{PREFIX}{setting.upper()}"
    return dg.EnvVar(variable) if os.environ.get(variable) else None
