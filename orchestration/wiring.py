"""Settings to resources: the only place that says which implementation stands behind a resource's name."""

import os
from pathlib import Path
from typing import Any

import dagster as dg

from orchestration.settings import PREFIX, Settings
from resources.corpus.resource import CorpusResource
from resources.egress.policy import EgressOptions
from resources.folders import FoldersResource
from resources.lake.resource import LakeResource
from resources.llm.resource import ModelsResource
from resources.options import PipelineOptions
from resources.search.resource import IndexResource
from resources.training.options import TrainerOptions
from resources.training.resource import TrainersResource


def build_resources(settings: Settings) -> dict[str, Any]:
    """Every resource by the name under which assets ask for it. Opens nothing and contacts nobody."""
    home = settings.home_folder
    lake = settings.lake_url or str(home / "lake")
    ledger = _from_environment("ledger_url") or settings.ledger_url or f"sqlite:///{home / 'ledger.db'}"
    return {
        "lake": LakeResource(url=lake, egress=settings.egress),
        "corpus": CorpusResource(
            documents=settings.documents_place, state=str(home / "corpus"), egress=settings.egress
        ),
        "folders": FoldersResource(
            questions=str(settings.questions_folder),
            recipes=str(settings.recipes_folder),
            reports=str(home / "reports"),
            decisions=str(home / "decisions"),
        ),
        "index": IndexResource(folder=str(home / "index")),
        "models": ModelsResource(
            ledger_url=ledger,
            roles=settings.roles,
            egress=_with_ca_path(settings),
            egress_folder=str(home / "egress"),
            lake_url=lake,
            budget=settings.budget,
        ),
        "trainers": TrainersResource(
            folder=str(home / "models"),
            ledger_url=ledger,
            options=_with_models_path(settings),
            serving=settings.serving,
            egress=_with_ca_path(settings),
            egress_folder=str(home / "egress"),
        ),
        "options": PipelineOptions(
            batches=settings.batches,
            extraction=settings.extraction,
            transcription=settings.transcription,
            chunks=settings.chunks,
            contextualization=settings.contextualization,
            questions=settings.generation,
            splits=settings.splits,
            evaluation=settings.evaluation,
            judge=settings.judge,
            retraining=settings.retraining,
        ),
    }


def _with_ca_path(settings: Settings) -> EgressOptions:
    """The egress section with its bundle's path made absolute, as runs may start in another folder."""
    bundle = settings.egress.ca_bundle
    return settings.egress.model_copy(update={"ca_bundle": str(settings.under_root(Path(bundle)))} if bundle else {})


def _with_models_path(settings: Settings) -> TrainerOptions:
    """The trainers with the folder of base models made absolute, for the same reason."""
    given = settings.trainers.local.models_folder
    made = {"models_folder": str(settings.under_root(Path(given)))} if given else {}
    return settings.trainers.model_copy(update={"local": settings.trainers.local.model_copy(update=made)})


def _from_environment(setting: str) -> dg.EnvVar | None:
    """A setting by the name of its variable where the environment gives it: the UI shows the name, not the password."""
    variable = f"{PREFIX}{setting.upper()}"
    return dg.EnvVar(variable) if os.environ.get(variable) else None
