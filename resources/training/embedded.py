"""The embedded trainer: fits the extractive reader in this process, in seconds, behind the common interface."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import Field

from resources.code_version import code_version
from resources.errors import SettingsError
from resources.files import write_whole
from resources.hashing import canonical_json, content_hash
from resources.llm.embedded.reader import Reader
from resources.llm.embedded.reader_examples import is_generated
from resources.llm.embedded.reader_training import ReaderHyperparameters, train_reader
from resources.llm.raft_text import parse_prompt
from resources.llm.request import Completion, ModelIdentity, Request
from resources.tokens import count_tokens
from resources.training.base import (
    FAILED,
    SUCCEEDED,
    Artifact,
    DataFormat,
    JobEvent,
    JobHandle,
    JobState,
    MetricRow,
    Quote,
    TrainingData,
    TrainingFailed,
    TrainingRejected,
    TrainingSpec,
    verify_files,
)
from resources.training.serving import (
    ChatTarget,
    EndpointHandle,
    Purpose,
    StandingDeployer,
    StudentModel,
)
from resources.training.trainer import Trainer

BACKEND = "embedded"
BASE_MODEL = "extractive-reader"
MINIMUM_ROWS = 20


class ReaderTarget:
    """A reader that answers OpenAI-shaped requests: documents and a question in, a RAFT answer out."""

    def __init__(self, reader: Reader, identity: ModelIdentity):
        self._reader = reader
        self._identity = identity

    @property
    def identity(self) -> ModelIdentity:
        return self._identity

    async def complete(self, request: Request) -> Completion:
        documents, question = parse_prompt(request.user_text)
        text = self._reader.answer(documents, question)
        prompt = sum(count_tokens(message.content) for message in request.messages)
        return Completion(text, "stop", prompt, count_tokens(text))

    async def close(self) -> None:
        """Holds nothing."""


class EmbeddedTrainer(Trainer, StandingDeployer):
    """Trains where it stands: `submit` returns when the model is on disk. One folder per spec. Serves in process."""

    folder: str = Field(description="Folder of trained models, one sub-folder per specification.")

    @property
    def backend(self) -> str:
        return BACKEND

    @property
    def capabilities(self) -> frozenset[str]:
        return frozenset({"rag"})

    @property
    def runs_here(self) -> bool:
        return True

    def not_real(self) -> str:
        return ""

    def code_version(self) -> str:
        return code_version("resources.llm.embedded", "resources.llm.raft_text", "resources.search.tokenizer")

    def data_format(self, options: Mapping[str, Any]) -> DataFormat:
        if options:
            raise SettingsError(f"training.options: the embedded backend has none, not {', '.join(sorted(options))}")
        return "rows"

    def preflight(self, spec: TrainingSpec, data: TrainingData) -> None:
        faults = []
        if spec.base_model != BASE_MODEL:
            faults.append(f"backend embedded trains {BASE_MODEL!r} only, not {spec.base_model!r}")
        if len(data.train) < MINIMUM_ROWS:
            faults.append(
                f"{len(data.train)} training rows; the reader needs at least {MINIMUM_ROWS}: add documents, "
                "or raise generation.per_chunk"
            )
        try:
            _hyperparameters(spec)
        except TrainingRejected as error:
            faults.append(str(error))
        if faults:
            raise TrainingRejected("\n".join(faults))

    def quote(self, spec: TrainingSpec, data: TrainingData) -> Quote:
        return Quote(0.0, "trained in this process", 5.0)

    def find(self, spec: TrainingSpec) -> JobHandle | None:
        """A finished model whose files are whole; a torn one is trained again, to the same bytes."""
        try:
            self.artifact(self._handle(spec))
        except TrainingFailed:
            return None
        return self._handle(spec)

    def submit(self, spec: TrainingSpec, data: TrainingData, tags: Mapping[str, str]) -> JobHandle:
        found = self.find(spec)
        if found:
            return found
        trained = train_reader(data.train, data.validation, _hyperparameters(spec), spec.seed)
        weights = Reader.from_weights(trained.weights).to_json().encode()
        folder = self._root / spec.idem()
        folder.mkdir(parents=True, exist_ok=True)
        manifest = {
            "spec": spec.as_dict(),
            "files": {"weights.json": _sha256(weights)},
            "metrics": trained.metrics,
            "curve": [list(point) for point in trained.curve],
        }
        write_whole(folder / "weights.json", weights)
        write_whole(folder / "manifest.json", canonical_json(manifest).encode())
        return self._handle(spec)

    def poll(self, handle: JobHandle) -> JobState:
        done = (self._root / handle.job_id / "manifest.json").is_file()
        return JobState(SUCCEEDED, SUCCEEDED) if done else JobState(FAILED, FAILED, f"no model in {handle.job_id}")

    def events(self, handle: JobHandle, seen: str) -> tuple[Sequence[JobEvent], str]:
        return (), seen

    def cancel(self, handle: JobHandle) -> None:
        """Nothing to cancel: a job is over when `submit` returns."""

    def artifact(self, handle: JobHandle) -> Artifact:
        folder = self._root / handle.job_id
        manifest = _manifest(folder)
        verify_files(folder, manifest["files"])
        curve = tuple(MetricRow(int(step), float(train), float(held)) for step, train, held in manifest["curve"])
        return Artifact(handle.job_id, manifest["files"], manifest["metrics"], curve)

    def deploy(
        self, model: StudentModel, name: str, purpose: Purpose, expires_at: datetime | None, tags: Mapping[str, str]
    ) -> EndpointHandle:
        """In this process: nothing to bring up, and nothing to bill."""
        if model.location:
            self._verified(model)
        return EndpointHandle(BACKEND, "", model.model_id, purpose, usd_per_hour=0.0)

    def target(self, endpoint: EndpointHandle, model: StudentModel, data: TrainingData) -> ChatTarget:
        if not model.location:
            return ChatTarget(self._base(data))
        folder = self._verified(model)
        try:
            reader = Reader.from_json((folder / "weights.json").read_text(encoding="utf-8"))
        except ValueError as error:
            raise TrainingFailed(
                f"model {model.model_id} was trained by another version of the reader ({error}); train its recipe again"
            ) from error
        return ChatTarget(ReaderTarget(reader, ModelIdentity(BACKEND, "local", model.name)))

    def _base(self, data: TrainingData) -> ReaderTarget:
        # The base learns nothing, so people's questions of the train split may choose its threshold too.
        people = [row for row in data.train if not is_generated(row)]
        reader = Reader.base().with_threshold([*data.validation, *people])
        name = f"{BASE_MODEL}-base@{content_hash(self.code_version(), reader.to_json())[:16]}"
        return ReaderTarget(reader, ModelIdentity(BACKEND, "local", name))

    def _verified(self, model: StudentModel) -> Path:
        """The model's folder, its files as both its manifest and the registry recorded them."""
        folder = self._root / model.location
        verify_files(folder, {**_manifest(folder)["files"], **model.files})
        return folder

    @property
    def _root(self) -> Path:
        return Path(self.folder)

    def _handle(self, spec: TrainingSpec) -> JobHandle:
        return JobHandle(BACKEND, spec.idem(), spec.idem())


def _hyperparameters(spec: TrainingSpec) -> ReaderHyperparameters:
    given, known = dict(spec.hyperparameters), [field.name for field in fields(ReaderHyperparameters)]
    faults = [f"{key!r} is unknown; known are {', '.join(known)}" for key in sorted(given.keys() - set(known))]
    faults += [
        f"{key} is {value!r}; it must be a number"
        for key, value in sorted(given.items())
        if key in known and (isinstance(value, bool) or not isinstance(value, int | float))
    ]
    try:
        if faults:
            raise ValueError(faults[0])
        return ReaderHyperparameters(**given)
    except ValueError as error:
        raise TrainingRejected(f"hyperparameters of the embedded backend: {error}") from error


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        return json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError) as error:
        raise TrainingFailed(
            f"artifact {folder} has no readable manifest; materialize fine_tuned_model again"
        ) from error


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
