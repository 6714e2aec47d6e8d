"""A hosted training service kept in a folder: endpoints that bill by the hour on a clock that tests move.

Processes share it through the folder. Its one model answers every question with a quote of the first document.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import Field

from resources.llm.raft_text import parse_prompt, quoted, render_answer
from resources.llm.request import Completion, ModelIdentity, Request
from resources.training.base import (
    Artifact,
    CapacityLacking,
    DataFormat,
    JobEvent,
    JobHandle,
    JobState,
    Quote,
    TrainingData,
    TrainingFailed,
    TrainingSpec,
    TrainingUnreachable,
)
from resources.training.resource import TrainersResource
from resources.training.serving import (
    ChatTarget,
    Deployer,
    DeploymentFailed,
    EndpointHandle,
    EndpointState,
    Purpose,
    StudentModel,
)
from resources.training.trainer import Trainer

USD_PER_HOUR = 3.0


class Cloud:
    """The service itself, as its bill and its administrators see it."""

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.knobs().get("offset", 0.0))

    def advance(self, **span: float) -> None:
        self.turn(offset=self.knobs().get("offset", 0.0) + timedelta(**span).total_seconds())

    def knobs(self) -> dict[str, Any]:
        return self._read("knobs", {})

    def turn(self, **knobs: Any) -> None:
        """`polls`: looks until an endpoint is ready; `outcome`: what it is then; `stuck`: it cannot be deleted;
        `deleting`: looks until a deleted one is gone; `deploy`: `refused`, `crowded` or `lost` (fails after the effect);
        `unreachable`: nothing can be asked; `exchanged`: its models are not what its jobs left there; `identity`: False if
        only an endpoint tells; `answer`: False for 500s.
        """
        self._write("knobs", {**self.knobs(), **knobs})

    def endpoints(self) -> dict[str, dict[str, Any]]:
        return self._read("endpoints", {})

    def put(self, name: str, **fields: Any) -> None:
        known = self.endpoints()
        self._write("endpoints", {**known, name: {**known.get(name, {}), **fields}})

    def alive(self) -> list[str]:
        return sorted(name for name, one in self.endpoints().items() if one["gone_at"] is None)

    def cost(self) -> float:
        """USD so far: what is alive goes on billing."""
        spans = [(one["created_at"], one["gone_at"] or self.now().isoformat()) for one in self.endpoints().values()]
        hours = [(datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds() for start, end in spans]
        return sum(hours) / 3600 * USD_PER_HOUR

    def asked(self) -> int:
        """How many questions were answered."""
        return self._read("asked", 0)

    def note_asked(self) -> None:
        self._write("asked", self.asked() + 1)

    def deployed(self) -> list[str]:
        """The models that endpoints were ever brought up for."""
        return [one["model"] for one in self.endpoints().values()]

    def check_reachable(self) -> None:
        if self.knobs().get("unreachable"):
            raise TrainingUnreachable("the folder cloud does not answer: credentials expired")

    def _read(self, name: str, default: Any) -> Any:
        path = self.folder / f"{name}.json"
        return json.loads(path.read_text()) if path.exists() else default

    def _write(self, name: str, content: Any) -> None:
        path = self.folder / f"{name}.json"
        path.with_suffix(".new").write_text(json.dumps(content))
        path.with_suffix(".new").replace(path)


@dataclass(frozen=True)
class CloudStudent:
    """The model behind an endpoint."""

    cloud: Cloud
    identity: ModelIdentity
    endpoint: str

    async def complete(self, request: Request) -> Completion:
        if self.endpoint not in self.cloud.alive():
            raise AssertionError(f"{self.endpoint} was asked and is not up")
        self.cloud.note_asked()
        documents, _ = parse_prompt(request.user_text)
        quote = documents[0].splitlines()[-1] if documents else "nothing"
        return Completion(render_answer(f"It says {quoted(quote)}.", quote[:40]), "stop", 10, 5)

    async def close(self) -> None: ...


class FolderBackend(Trainer, Deployer):
    """The backend `name` on a cloud in a folder. It trains nothing: tests write the rows of its students."""

    folder: str
    name: str

    @property
    def cloud(self) -> Cloud:
        return Cloud(Path(self.folder))

    @property
    def backend(self) -> str:
        return self.name

    @property
    def capabilities(self) -> frozenset[str]:
        return frozenset(self.cloud.knobs().get("capabilities", ["rag"]))

    @property
    def runs_here(self) -> bool:
        return False

    def not_real(self) -> str:
        return self.cloud.knobs().get("not_real", "")

    def code_version(self) -> str:
        return ""

    def data_format(self, options: Mapping[str, Any]) -> DataFormat:
        return "chat"

    def preflight(self, spec: TrainingSpec, data: TrainingData) -> None: ...

    def quote(self, spec: TrainingSpec, data: TrainingData) -> Quote:
        return Quote(None, "not priced")

    def find(self, spec: TrainingSpec) -> JobHandle | None:
        return None

    def submit(self, spec: TrainingSpec, data: TrainingData, tags: Mapping[str, str]) -> JobHandle:
        raise NotImplementedError

    def poll(self, handle: JobHandle) -> JobState:
        raise NotImplementedError

    def events(self, handle: JobHandle, seen: str) -> tuple[Sequence[JobEvent], str]:
        return (), seen

    def cancel(self, handle: JobHandle) -> None: ...

    def artifact(self, handle: JobHandle) -> Artifact:
        raise NotImplementedError

    def identity(self, model: StudentModel) -> ModelIdentity | None:
        known = self.cloud.knobs().get("identity", True)
        return ModelIdentity(self.name, "cloud.example", model.name) if known else None

    def verify(self, model: StudentModel) -> None:
        self.cloud.check_reachable()
        if self.cloud.knobs().get("exchanged"):
            raise TrainingFailed(f"model {model.model_id} is not what its job left there")

    def deploy(
        self, model: StudentModel, name: str, purpose: Purpose, expires_at: datetime | None, tags: Mapping[str, str]
    ) -> EndpointHandle:
        cloud = self.cloud
        cloud.check_reachable()
        if cloud.knobs().get("deploy") == "crowded":
            raise CapacityLacking("the limit of 1 instance for endpoint usage is reached")
        if cloud.knobs().get("deploy") == "refused" or model.name in cloud.knobs().get("refuses", ()):
            raise DeploymentFailed(f"quota of {model.base_model} is exhausted")
        cloud.put(
            name,
            model=model.name,
            model_id=model.model_id,
            purpose=purpose,
            created_at=cloud.now().isoformat(),
            expires_at=expires_at.isoformat() if expires_at else None,
            tags=dict(tags),
            looks=0,
            state="creating",
            gone_at=None,
        )
        if cloud.knobs().get("deploy") == "lost":
            raise TrainingUnreachable("the connection broke before the answer came")
        return self._handle(name, cloud.endpoints()[name])

    def status(self, endpoint: EndpointHandle) -> EndpointState:
        cloud = self.cloud
        cloud.check_reachable()
        one = cloud.endpoints().get(endpoint.name)
        if one is None or one["gone_at"]:
            return EndpointState("gone")
        looks = one["looks"] + 1
        cloud.put(endpoint.name, looks=looks)
        if one["state"] == "deleting":
            if looks >= cloud.knobs().get("deleting", 0):
                cloud.put(endpoint.name, gone_at=cloud.now().isoformat())
                return EndpointState("gone")
            return EndpointState("deleting")
        if looks < cloud.knobs().get("polls", 1):
            return EndpointState("creating", "pulling the image")
        outcome = cloud.knobs().get("outcome", "ready")
        return EndpointState(outcome, "" if outcome == "ready" else "the container does not start")

    def renew(self, endpoint: EndpointHandle, expires_at: datetime | None) -> EndpointHandle:
        self.cloud.put(endpoint.name, expires_at=expires_at.isoformat() if expires_at else None)
        return self._handle(endpoint.name, self.cloud.endpoints()[endpoint.name])

    def undeploy(self, endpoint: EndpointHandle) -> None:
        cloud = self.cloud
        cloud.check_reachable()
        one = cloud.endpoints().get(endpoint.name)
        if one is None or one["gone_at"] or one["state"] == "deleting":
            return
        if cloud.knobs().get("stuck"):
            raise DeploymentFailed("cannot delete an endpoint that is Creating")
        if cloud.knobs().get("deleting"):
            cloud.put(endpoint.name, state="deleting", looks=0)
        else:
            cloud.put(endpoint.name, gone_at=cloud.now().isoformat())

    def list_owned(self) -> Sequence[EndpointHandle]:
        self.cloud.check_reachable()
        found = self.cloud.endpoints()
        return [self._handle(name, found[name]) for name in self.cloud.alive()]

    def target(self, endpoint: EndpointHandle, model: StudentModel, data: TrainingData) -> ChatTarget:
        loaded = self.cloud.endpoints()[endpoint.name]["model"]
        if loaded != model.name:
            raise DeploymentFailed(f"{endpoint.name} serves {loaded}; {model.name} was to be asked")
        identity = ModelIdentity(self.name, "cloud.example", model.name)
        return ChatTarget(CloudStudent(self.cloud, identity, endpoint.name))

    def _handle(self, name: str, one: Mapping[str, Any]) -> EndpointHandle:
        created_at = datetime.fromisoformat(one["created_at"])
        expires_at = datetime.fromisoformat(one["expires_at"]) if one["expires_at"] else None
        return EndpointHandle(
            self.name, name, one["model_id"], one["purpose"], created_at, expires_at, USD_PER_HOUR, {"zone": "a"}
        )


class FolderTrainers(TrainersResource):
    """Trainers with a cloud of that folder for every backend named in `clouds`."""

    clouds: dict[str, str] = Field(description="Folder of each backend's cloud.")

    def get(self, backend: str) -> Trainer:
        return self._backend(backend) if backend in self.clouds else super().get(backend)

    def deployer(self, backend: str) -> Deployer:
        return self._backend(backend) if backend in self.clouds else super().deployer(backend)

    def hosted(self) -> list[str]:
        return [*self.clouds, *super().hosted()]

    def _backend(self, name: str) -> FolderBackend:
        return FolderBackend(folder=self.clouds[name], name=name)
