"""The trainers as a Dagster resource: one per backend, chosen by a recipe's `backend`."""

from pathlib import Path

import dagster as dg
from pydantic import Field

from resources.egress.door import Door
from resources.egress.policy import EgressOptions
from resources.errors import SettingsError
from resources.training.base import Trainer
from resources.training.embedded import EmbeddedTrainer
from resources.training.options import TrainerOptions
from resources.training.serving import Deployer

BACKENDS = ("embedded", "azure_openai", "sagemaker_jumpstart", "local")


class TrainersResource(dg.ConfigurableResource):
    """Where models trained on this machine are kept, and the backends that recipes may name."""

    folder: str = Field(description="Folder of trained models, one sub-folder per specification.")
    ledger_url: str = Field("", description="SQLAlchemy URL of the ledger, which also books jobs and endpoints.")
    options: TrainerOptions = TrainerOptions()
    egress: EgressOptions = EgressOptions()
    egress_folder: str = Field("", description="Folder of the egress log and of the placeholders' key; none if empty.")

    def get(self, backend: str) -> Trainer:
        """The trainer of a backend. Raises `SettingsError` naming those there are."""
        if backend == "embedded":
            return EmbeddedTrainer(folder=self.folder)
        raise SettingsError(f"training backend {backend!r} is unknown; this version offers: {', '.join(BACKENDS)}")

    def deployer(self, backend: str) -> Deployer:
        """Where a backend's students are served. Raises `SettingsError` naming those there are."""
        if backend == "embedded":
            return EmbeddedTrainer(folder=self.folder)
        raise SettingsError(f"training backend {backend!r} is unknown; this version offers: {', '.join(BACKENDS)}")

    def door(self) -> Door:
        """What everything sent to a training service passes."""
        return Door(self.egress, folder=Path(self.egress_folder) if self.egress_folder else None)
