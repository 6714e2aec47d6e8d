"""Where students trained on this machine answer: in this process, or on a vLLM or Ollama server that is given.

Neither is brought up or taken down here, so there is nothing to bill and nothing to sweep.
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from resources.egress.door import Door
from resources.egress.policy import EgressOptions
from resources.llm.provider import CallError
from resources.llm.providers.connection import Connection
from resources.llm.providers.credentials import credential_of
from resources.llm.providers.hosted import HostedChat
from resources.llm.providers.site import Site
from resources.llm.request import Completion, ModelIdentity, Request
from resources.llm.roles import Role
from resources.training.base import TrainingData, TrainingFailed
from resources.training.local.artifacts import finished, verify
from resources.training.local.base_models import BaseModel, NoSuchBase
from resources.training.local.generation import GeneratingModel, Weights
from resources.training.local.job_folder import JobFolder
from resources.training.local.options import LocalServingOptions, LocalTrainerOptions
from resources.training.local.preflight import find_base, library_faults
from resources.training.local.trainer import BACKEND
from resources.training.serving import (
    BASE,
    ChatTarget,
    DeploymentFailed,
    EndpointHandle,
    Purpose,
    StandingDeployer,
    StudentModel,
)

if TYPE_CHECKING:
    import openai


_SECTION = "trainers.local.serving"


@dataclass(frozen=True)
class ServedStudent:
    """A student on a given server. Its identity is the student's, whatever the server calls it."""

    chat: HostedChat
    identity: ModelIdentity
    real: bool

    async def complete(self, request: Request) -> Completion:
        answer = await self.chat.complete(request)
        return answer if self.real else replace(answer, real=False)

    async def close(self) -> None:
        await self.chat.close()


class LocalDeployer(StandingDeployer):
    """Serves without deploying: a handle without a name, ready at once."""

    folder: str = Field(description="Folder of jobs and trained models, one sub-folder per specification.")
    options: LocalTrainerOptions = LocalTrainerOptions()
    egress: EgressOptions = EgressOptions()
    egress_folder: str = Field("", description="Folder of the egress log and of the placeholders' key; none if empty.")

    @property
    def backend(self) -> str:
        return BACKEND

    def identity(self, model: StudentModel) -> ModelIdentity:
        where = self._site(model).host if self._serving.endpoint else "local"
        return ModelIdentity(BACKEND, where, model.name)

    def deploy(
        self, model: StudentModel, name: str, purpose: Purpose, expires_at: datetime | None, tags: Mapping[str, str]
    ) -> EndpointHandle:
        """Nothing to bring up. Raises `DeploymentFailed` if the given server does not serve this student."""
        folder, _ = self._weights(model, download=True)
        if self._serving.endpoint:
            self._require_served(model, folder)
        return EndpointHandle(BACKEND, "", model.model_id, purpose, usd_per_hour=0.0)

    def target(self, endpoint: EndpointHandle, model: StudentModel, data: TrainingData) -> ChatTarget:
        folder, files = self._weights(model)
        real = not (BaseModel(model.base_model, folder).random_weights or model.provenance.get("not_real"))
        serving, identity = self._serving, self.identity(model)
        if serving.endpoint:
            site = self._site(model)
            provider = ServedStudent(HostedChat(self._connection(site)), identity, real)
            return ChatTarget(provider, site.endpoint, site.name, serving.api_key_variable)
        weights = Weights(folder, files, self.options.device)
        return ChatTarget(GeneratingModel(identity, weights, serving.max_new_tokens, serving.idle_seconds, real))

    def _weights(self, model: StudentModel, download: bool = False) -> tuple[Path, dict[str, str]]:
        """The folder that a student's weights are in, verified, and the hashes of its files by name in it."""
        if not model.location:
            return self._base(model, download)
        job = JobFolder(Path(self.folder) / model.location)
        files = {**finished(job)["files"], **model.files}
        verify(job.path, files)
        prefix = f"{job.merged.name}/"
        return job.merged, {name.removeprefix(prefix): files[name] for name in files if name.startswith(prefix)}

    def _base(self, model: StudentModel, download: bool) -> tuple[Path, dict[str, str]]:
        faults = library_faults()
        if not faults:
            try:
                base = find_base(model.base_model, self.options, self.egress, download)
            except NoSuchBase as error:
                raise TrainingFailed(str(error)) from error
            faults = base.faults()
            if not faults:
                return base.folder, base.files()
        raise TrainingFailed("; ".join(faults))

    def _site(self, model: StudentModel) -> Site:
        serving = self._serving
        settings = Role(
            provider="openai_compatible",
            model=model.name,
            deployment=self._served_name(model),
            endpoint=serving.endpoint,
            api_key_variable=serving.api_key_variable,
            auth="key" if serving.api_key_variable else "none",
            timeout_seconds=serving.timeout_seconds,
        )
        return Site("student", settings, _SECTION, settings.deployment)

    def _served_name(self, model: StudentModel) -> str:
        template = self._serving.base_model if model.model_id == BASE else self._serving.model
        return template.replace("{model_id}", model.model_id).replace("{base_model}", model.base_model)

    def _connection(self, site: Site) -> Connection:
        door = Door(self.egress, folder=Path(self.egress_folder) if self.egress_folder else None)
        return Connection(
            site, credential_of(site), door.client_factory("student", site.endpoint, site.setting("endpoint"))
        )

    def _require_served(self, model: StudentModel, folder: Path) -> None:
        site = self._site(model)
        connection = self._connection(site)

        async def names() -> list[str]:
            try:
                return await connection.call(_listing)
            finally:
                await connection.close()

        try:
            served = asyncio.run(names())
        except CallError as error:
            raise DeploymentFailed(f"the server of {_SECTION}.endpoint does not answer: {error}") from error
        if site.name not in {re.sub(r":latest$", "", name) for name in served} | set(served):
            raise DeploymentFailed(
                f"{site.host} does not serve {site.name}; it serves {', '.join(sorted(served)[:5]) or 'nothing'}. Serve the "
                f"folder {folder} under that name, for example `vllm serve {folder} --served-model-name {site.name}`"
            )

    @property
    def _serving(self) -> LocalServingOptions:
        return self.options.serving


async def _listing(client: "openai.AsyncOpenAI") -> list[str]:
    return [model.id for model in (await client.models.list()).data]
