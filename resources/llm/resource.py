"""The models as a Dagster resource: a ledger, and who plays which role."""

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path

import dagster as dg
import pyarrow as pa
from pydantic import Field

from resources.egress.classification import DocumentClasses
from resources.egress.door import Door
from resources.egress.log import EgressLog
from resources.egress.policy import EgressOptions, admit, host_of
from resources.hashing import short_id
from resources.lake.resource import LakeResource, arrivals
from resources.llm.budget import budget_of
from resources.llm.gateway import Gateway
from resources.llm.history import emulated
from resources.llm.ledger import ErasedCalls, Ledger
from resources.llm.models import Models
from resources.llm.providers import identity_of
from resources.llm.providers.site import Site
from resources.llm.roles import CHAT_ROLES, Role
from resources.options import BudgetOptions
from resources.training.book import TrainingBook
from resources.training.spent import spent_besides_calls


class ModelsResource(dg.ConfigurableResource):
    """The ledger's address and the roles. Secrets come from the environment, never from here."""

    ledger_url: str = Field(description="SQLAlchemy URL of the ledger; sqlite:///path by default.")
    roles: dict[str, Role] = Field(default_factory=dict, description="Provider, model, quota and price of each role.")
    budget: BudgetOptions = BudgetOptions()
    egress: EgressOptions = EgressOptions()
    egress_folder: str = Field("", description="Folder of the egress log and of the placeholders' key; none if empty.")
    lake_url: str = Field("", description="The lake, whose raw_pdfs tells which document a version belongs to.")

    @property
    def _address(self) -> str:
        # Inside a run Dagster has looked the variable up already.
        return self.ledger_url.get_value() or "" if isinstance(self.ledger_url, dg.EnvVar) else self.ledger_url

    def _ledger(self) -> Ledger:
        admit(self._address, "the ledger", "ledger_url", self.egress)
        return Ledger(self._address)

    def _door(self, run_id: str) -> Door:
        lake = LakeResource(url=self.lake_url, egress=self.egress)
        read = (lambda: arrivals(lake.open())) if self.lake_url else list
        classes = DocumentClasses(self.egress.classification, read)
        return Door(self.egress, classes, Path(self.egress_folder) if self.egress_folder else None, run_id)

    @contextmanager
    def open(self, run_id: str = "") -> Generator[Models]:
        """The roles over one gateway. `run_id` names the Dagster run that pays."""
        ledger = self._ledger()
        try:
            budget = budget_of(self.budget, dict(self.roles), ledger, run_id, partial(spent_besides_calls, ledger))
            yield Models(Gateway(ledger, run_id, budget=budget), dict(self.roles), self._door(run_id), self.budget)
        finally:
            ledger.close()

    def plays(self, role: str) -> bool:
        """Whether somebody is configured for a role that the embedded provider does not play."""
        return role in self.roles and self.roles[role].provider != "embedded"

    def identity(self, role: str) -> str:
        """Which model plays a role, and where. Opens nothing and contacts nobody."""
        return identity_of(role, self.roles.get(role, Role())).located

    def dependencies(self, role: str) -> dict[str, str]:
        """What a table made by a role's model depends on besides its prompts, by name: for the table's fingerprint.

        The model, how it is asked, and what it may be sent. Opens nothing and contacts nobody.
        """
        settings = self.roles.get(role, Role())
        found = {"model": self.identity(role)}
        if settings.provider == "embedded":
            return found
        if role in CHAT_ROLES:
            asked = [settings.parameters.pairs(), settings.context_window, asdict(Site(role, settings).dialect)]
            found["parameters"] = short_id(asked)
        egress = self.egress.version(role, host_of(settings.endpoint))
        return {**found, "egress": egress} if egress else found

    def not_real_models(self) -> set[str]:
        """The models of which an emulator ever answered, as `identity` tells them: they prove plumbing, not quality."""
        ledger = self._ledger()
        try:
            return {model.located for model in emulated(ledger)}
        finally:
            ledger.close()

    def not_real_roles(self) -> list[str]:
        """The roles that such a model plays now, as people read it: `azure_openai/gpt-4o (teacher)`."""
        found = self.not_real_models()
        played = {role: identity_of(role, settings) for role, settings in self.roles.items()}
        return sorted(f"{model.id} ({role})" for role, model in played.items() if model.located in found)

    def erase(self, versions: Iterable[str]) -> ErasedCalls:
        """Removes what was said in calls that quoted these document versions; the calls stay as paid."""
        ledger = self._ledger()
        try:
            return ledger.erase(versions)
        finally:
            ledger.close()

    def departures(self) -> pa.Table:
        """The egress log: what left, for which role and where to, and what was kept."""
        return EgressLog(Path(self.egress_folder)).read()

    def spend(self) -> pa.Table:
        """What was paid so far, by stage and model; training jobs are a stage of their own."""
        ledger = self._ledger()
        try:
            return pa.concat_tables([ledger.spend(), TrainingBook(ledger).spend()])
        finally:
            ledger.close()
