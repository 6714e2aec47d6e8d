"""The embedded trainer: fits the extractive reader in this process, in seconds, behind the common interface."""

import hashlib
import json
from dataclasses import fields
from pathlib import Path
from typing import Any

from resources.code_version import code_version
from resources.errors import SettingsError
from resources.files import write_whole
from resources.hashing import canonical_json, content_hash
from resources.llm.embedded.reader import Reader
from resources.llm.embedded.reader_examples import is_generated
from resources.llm.embedded.reader_training import ReaderHyperparameters, train_reader
from resources.llm.provider import ChatProvider
from resources.llm.raft_text import parse_prompt
from resources.llm.request import Completion, ModelIdentity, Request
from resources.tokens import count_tokens
from resources.training.base import (
    SUCCEEDED,
    Artifact,
    JobHandle,
    JobState,
    Trainer,
    TrainingData,
    TrainingFailed,
    TrainingRejected,
    TrainingSpec,
    verify_files,
)

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


class EmbeddedTrainer(Trainer):
    """Trains where it stands: `submit` returns when the model is on disk. One folder per spec."""

    backend = "embedded"
    capabilities = frozenset({"rag"})

    def __init__(self, folder: Path):
        self._folder = folder

    def code_version(self) -> str:
        return code_version("resources.llm.embedded", "resources.llm.raft_text", "resources.search.tokenizer")

    def validate(self, spec: TrainingSpec, data: TrainingData) -> None:
        if spec.base_model != BASE_MODEL:
            raise TrainingRejected(f"backend embedded trains {BASE_MODEL!r} only, not {spec.base_model!r}")
        if len(data.train) < MINIMUM_ROWS:
            raise TrainingRejected(
                f"{len(data.train)} training rows; the reader needs at least {MINIMUM_ROWS}: add documents, "
                "or raise generation.per_chunk"
            )
        _hyperparameters(spec)

    def find(self, spec: TrainingSpec) -> JobHandle | None:
        """A finished model whose files are whole; a torn one is trained again, to the same bytes."""
        try:
            self.artifact(self._handle(spec))
        except TrainingFailed:
            return None
        return self._handle(spec)

    def submit(self, spec: TrainingSpec, data: TrainingData) -> JobHandle:
        trained = train_reader(data.train, data.validation, _hyperparameters(spec), spec.seed)
        weights = Reader.from_weights(trained.weights).to_json().encode()
        folder = self._folder / spec.idem()
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
        done = (self._folder / handle.job_id / "manifest.json").is_file()
        return JobState(SUCCEEDED if done else "failed", "" if done else f"no model in {handle.job_id}")

    def cancel(self, handle: JobHandle) -> None:
        """Nothing to cancel: a job is over when `submit` returns."""

    def artifact(self, handle: JobHandle) -> Artifact:
        folder = self._folder / handle.job_id
        manifest = _manifest(folder)
        verify_files(folder, manifest["files"])
        curve = tuple((int(step), float(train), float(held)) for step, train, held in manifest["curve"])
        return Artifact(handle.job_id, manifest["files"], manifest["metrics"], curve)

    def target(self, location: str, idem: str) -> ChatProvider:
        folder = self._folder / location
        verify_files(folder, _manifest(folder)["files"])
        try:
            reader = Reader.from_json((folder / "weights.json").read_text(encoding="utf-8"))
        except ValueError as error:
            raise TrainingFailed(
                f"model {idem} was trained by another version of the reader ({error}); train its recipe again"
            ) from error
        return ReaderTarget(reader, ModelIdentity("embedded", "local", f"{BASE_MODEL}@{idem}"))

    def base_target(self, base_model: str, data: TrainingData) -> ChatProvider:
        # The base learns nothing, so people's questions of the train split may choose its threshold too.
        people = [row for row in data.train if not is_generated(row)]
        reader = Reader.base().with_threshold([*data.validation, *people])
        name = f"{BASE_MODEL}-base@{content_hash(self.code_version(), reader.to_json())[:16]}"
        return ReaderTarget(reader, ModelIdentity("embedded", "local", name))

    def _handle(self, spec: TrainingSpec) -> JobHandle:
        return JobHandle(self.backend, spec.idem(), spec.idem())


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
        raise SettingsError(f"hyperparameters of the embedded backend: {error}") from error


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        return json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError) as error:
        raise TrainingFailed(
            f"artifact {folder} has no readable manifest; materialize fine_tuned_model again"
        ) from error


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
