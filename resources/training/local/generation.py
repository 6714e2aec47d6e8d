"""A model of this machine in this process: loaded by the first question, one in memory at a time, freed when idle."""

import asyncio
import gc
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resources.llm.provider import Misconfigured, Refused
from resources.llm.request import Completion, ModelIdentity, Request
from resources.training.base import TrainingFailed
from resources.training.local.artifacts import verify
from resources.training.local.rows import end_tokens, load_tokenizer, prompt_ids

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

SEED = 7


@dataclass(frozen=True)
class Weights:
    """What is loaded: a folder, the hashes that its files must have, and the device."""

    folder: Path
    files: dict[str, str]
    device: str


@dataclass(frozen=True)
class _Loaded:
    weights: Weights
    model: "PreTrainedModel"
    tokenizer: "PreTrainedTokenizerBase"
    ends: tuple[int, ...]


class _Memory:
    """The one model that is in memory, and who may use it: one question at a time."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._loaded: _Loaded | None = None
        self._used = 0.0
        self._timer: threading.Timer | None = None

    def get(self, weights: Weights) -> _Loaded:
        """The model of these weights, in place of any other. Only under the lock."""
        if self._loaded is None or self._loaded.weights != weights:
            self._drop()
            self._loaded = _load(weights)
        self._used = time.monotonic()
        return self._loaded

    def release(self, weights: Weights, idle_seconds: float) -> None:
        """Frees the model of these weights once nobody has used it for so long."""
        if idle_seconds <= 0:
            self._free(weights, 0.0)
            return
        if self._timer:
            self._timer.cancel()
        self._timer = threading.Timer(idle_seconds, self._free, (weights, idle_seconds))
        self._timer.daemon = True
        self._timer.start()

    def holds(self, weights: Weights) -> bool:
        return self._loaded is not None and self._loaded.weights == weights

    def _free(self, weights: Weights, idle_seconds: float) -> None:
        with self.lock:
            if self.holds(weights) and time.monotonic() - self._used >= idle_seconds:
                self._drop()

    def _drop(self) -> None:
        if self._loaded is None:
            return
        on_gpu = self._loaded.weights.device == "cuda"
        self._loaded = None
        gc.collect()
        if on_gpu:
            import torch

            torch.cuda.empty_cache()


MEMORY = _Memory()


class GeneratingModel:
    """A chat model whose weights are here. Equal requests have equal answers: the likeliest token is taken each time."""

    def __init__(self, identity: ModelIdentity, weights: Weights, max_new_tokens: int, idle_seconds: float, real: bool):
        self._identity = identity
        self._weights = weights
        self._max_new_tokens = max_new_tokens
        self._idle_seconds = idle_seconds
        self._real = real

    @property
    def identity(self) -> ModelIdentity:
        return self._identity

    @property
    def in_memory(self) -> bool:
        return MEMORY.holds(self._weights)

    async def complete(self, request: Request) -> Completion:
        """One answer, computed in a thread. Raises `Refused` for a prompt without room for an answer, or with images."""
        return await asyncio.to_thread(self._complete, request)

    async def close(self) -> None:
        """Lets go of the weights, at once or after a while without questions: the next stage may ask again."""
        MEMORY.release(self._weights, self._idle_seconds)

    def _complete(self, request: Request) -> Completion:
        if any(message.images for message in request.messages):
            raise Refused(f"{self._identity.model} takes no images")
        with MEMORY.lock:
            try:
                loaded = MEMORY.get(self._weights)
            except (TrainingFailed, OSError, ValueError, RuntimeError) as error:
                raise Misconfigured(f"{self._identity.model} cannot be loaded: {_first_line(error)}") from error
            turns = [{"role": message.role, "content": message.content} for message in request.messages]
            prompt = prompt_ids(loaded.tokenizer, turns)
            room = self._room(loaded, len(prompt), request)
            try:
                answer = _generate(loaded, prompt, room)
            except RuntimeError as error:  # out of memory is one
                raise Refused(
                    f"{self._identity.model} failed on a prompt of {len(prompt)} tokens: {_first_line(error)}"
                ) from error
            text = str(loaded.tokenizer.decode(answer, skip_special_tokens=True)).strip()
        finished = bool(answer) and answer[-1] in loaded.ends
        return Completion(
            text,
            "stop" if finished else "length",
            len(prompt),
            len(answer),
            served_model=self._identity.model,
            real=self._real,
        )

    def _room(self, loaded: _Loaded, prompt: int, request: Request) -> int:
        """Tokens that the answer may have. Raises `Refused` if the prompt leaves none."""
        asked = int(dict(request.parameters).get("max_tokens") or self._max_new_tokens)
        wanted = min(asked, self._max_new_tokens)
        positions = getattr(loaded.model.config.get_text_config(), "max_position_embeddings", None)
        room = wanted if not positions else min(wanted, positions - prompt)
        if room < 1:
            raise Refused(f"the prompt has {prompt} tokens; {self._identity.model} takes {positions} with the answer")
        return room


def _load(weights: Weights) -> _Loaded:
    """Raises `TrainingFailed` if a file is not what was recorded."""
    from resources.training.local.weights import device_of, load

    verify(weights.folder, weights.files)
    tokenizer = load_tokenizer(weights.folder)
    model: Any = load(weights.folder, device_of(weights.device))
    return _Loaded(weights, model.eval(), tokenizer, tuple(end_tokens(weights.folder, tokenizer)))


def _generate(loaded: _Loaded, prompt: Sequence[int], room: int) -> list[int]:
    """The tokens of the answer, the one that ends it included."""
    import torch
    from transformers import GenerationConfig

    ids = torch.tensor([list(prompt)], device=loaded.model.device)
    settings = GenerationConfig(
        do_sample=False,
        num_beams=1,
        max_new_tokens=room,
        eos_token_id=list(loaded.ends) or None,
        pad_token_id=loaded.tokenizer.pad_token_id or (loaded.ends[0] if loaded.ends else 0),
    )
    model: Any = loaded.model
    torch.manual_seed(SEED)
    with torch.inference_mode():
        output = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), generation_config=settings)
    return [int(token) for token in output[0, len(prompt) :]]


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).split("\n")[0][:300]
