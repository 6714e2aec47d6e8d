"""The trainers as a Dagster resource: one per backend, chosen by a recipe's `backend`."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from pydantic import Field

from resources.egress.door import Door
from resources.egress.policy import EgressOptions, admit
from resources.errors import SettingsError
from resources.training.azure_openai.deployer import AzureDeployer
from resources.training.azure_openai.trainer import AzureTrainer
from resources.training.book import TrainingBook, open_book
from resources.training.embedded import EmbeddedTrainer
from resources.training.local.deployer import LocalDeployer
from resources.training.local.trainer import LocalTrainer
from resources.training.options import ServingOptions, TrainerOptions
from resources.training.sagemaker_jumpstart.deployer import SageMakerDeployer
from resources.training.sagemaker_jumpstart.trainer import SageMakerTrainer
from resources.training.serving import Deployer
from resources.training.trainer import Trainer

BACKENDS = ("embedded", "azure_openai", "sagemaker_jumpstart", "local")


class TrainersResource(dg.ConfigurableResource):
    """Where models trained on this machine are kept, and the backends that recipes may name."""

    folder: str = Field(description="Folder of trained models, one sub-folder per specification.")
    ledger_url: str = Field("", description="SQLAlchemy URL of the ledger, which also books jobs and endpoints.")
    options: TrainerOptions = TrainerOptions()
    serving: ServingOptions = ServingOptions()
    egress: EgressOptions = EgressOptions()
    egress_folder: str = Field("", description="Folder of the egress log and of the placeholders' key; none if empty.")

    def get(self, backend: str) -> Trainer:
        """The trainer of a backend. Raises `SettingsError` naming those there are."""
        if backend == "embedded":
            return EmbeddedTrainer(folder=self.folder)
        if backend == "azure_openai":
            return AzureTrainer(options=self.options.azure_openai, egress=self.egress, egress_folder=self.egress_folder)
        if backend == "local":
            return LocalTrainer(folder=self.folder, options=self.options.local, egress=self.egress)
        if backend == "sagemaker_jumpstart":
            return SageMakerTrainer(
                options=self.options.sagemaker_jumpstart,
                owner=self.options.jobs.owner,
                egress=self.egress,
                egress_folder=self.egress_folder,
            )
        raise SettingsError(f"training backend {backend!r} is unknown; this version offers: {', '.join(BACKENDS)}")

    def deployer(self, backend: str) -> Deployer:
        """Where a backend's students are served. Raises `SettingsError` naming those there are."""
        if backend == "embedded":
            return EmbeddedTrainer(folder=self.folder)
        if backend == "azure_openai":
            return AzureDeployer(
                options=self.options.azure_openai,
                owner=self.options.jobs.owner,
                egress=self.egress,
                egress_folder=self.egress_folder,
            )
        if backend == "sagemaker_jumpstart":
            return SageMakerDeployer(
                options=self.options.sagemaker_jumpstart,
                owner=self.options.jobs.owner,
                egress=self.egress,
                egress_folder=self.egress_folder,
            )
        if backend == "local":
            return LocalDeployer(
                folder=self.folder, options=self.options.local, egress=self.egress, egress_folder=self.egress_folder
            )
        raise SettingsError(f"training backend {backend!r} is unknown; this version offers: {', '.join(BACKENDS)}")

    def configured(self) -> list[str]:
        """The backends that somebody gave settings."""
        given = {name: getattr(self.options, name) for name in BACKENDS if name in TrainerOptions.model_fields}
        return [name for name, options in given.items() if options != type(options)()]

    def hosted(self) -> list[str]:
        """Those of them that do not run here: where jobs and endpoints may cost money."""
        return [name for name in self.configured() if not self.get(name).runs_here]

    def ledger(self) -> str:
        """The ledger's URL, where jobs and endpoints are booked. Raises `EgressDenied` if its host is not allowed."""
        # Inside a run Dagster has looked the variable up already.
        given = self.ledger_url
        url = given.get_value() or "" if isinstance(given, dg.EnvVar) else given
        admit(url, "the ledger", "ledger_url", self.egress)
        return url

    @contextmanager
    def book(self) -> Generator[TrainingBook]:
        """The book of jobs."""
        with open_book(self.ledger()) as book:
            yield book

    def door(self) -> Door:
        """What everything sent to a training service passes."""
        return Door(self.egress, folder=Path(self.egress_folder) if self.egress_folder else None)
