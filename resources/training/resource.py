"""The trainers as a Dagster resource: one per backend, chosen by a recipe's `backend`."""

from pathlib import Path

import dagster as dg
from pydantic import Field

from resources.errors import SettingsError
from resources.training.base import Trainer
from resources.training.embedded import EmbeddedTrainer

BACKENDS = ("embedded",)


class TrainersResource(dg.ConfigurableResource):
    """Where models trained on this machine are kept, and the backends that recipes may name."""

    folder: str = Field(description="Folder of trained models, one sub-folder per specification.")

    def get(self, backend: str) -> Trainer:
        """The trainer of a backend. Raises `SettingsError` naming those there are."""
        if backend == "embedded":
            return EmbeddedTrainer(Path(self.folder))
        raise SettingsError(f"training backend {backend!r} is unknown; this version offers: {', '.join(BACKENDS)}")
