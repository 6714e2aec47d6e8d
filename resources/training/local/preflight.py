"""What can be known to be wrong before a job starts: libraries, device, disk, the base's terms of use, the rows."""

import importlib.util
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from resources.egress.policy import EgressOptions, admit
from resources.training.base import TrainingData
from resources.training.local.base_models import HUB_NAME, BaseModel, NoSuchBase, locate
from resources.training.local.hyperparameters import LoraHyperparameters
from resources.training.local.options import LocalTrainerOptions
from resources.training.local.rows import UnusableRow, end_tokens, lengths_of, load_tokenizer, read_rows

MINIMUM_ROWS = 10
HUB = "https://huggingface.co"

_LIBRARIES = ("torch", "transformers", "trl", "peft", "datasets", "accelerate", "safetensors")
_SPARE_BYTES = 200_000_000
_STARTING_SECONDS = 30.0
_FLOPS = {"cpu": 2e10, "cuda": 5e13}
"""Calculations per second that are assumed of a few CPU cores, and of one GPU, for the guess of how long a job takes."""


def library_faults() -> list[str]:
    """Which libraries of the extra are not installed."""
    missing = [name for name in _LIBRARIES if importlib.util.find_spec(name) is None]
    return [f"backend local needs {', '.join(missing)}: install raftline with the `local` extra"] if missing else []


def find_base(name: str, options: LocalTrainerOptions, egress: EgressOptions, download: bool) -> BaseModel:
    """A base by a recipe's name, fetched from the hub if that is asked for and allowed. Raises `NoSuchBase`."""
    try:
        return locate(name, options.models_folder)
    except NoSuchBase:
        if not download or not HUB_NAME.fullmatch(name):
            raise
    admit(os.environ.get("HF_ENDPOINT") or HUB, "the local trainer", "training.base_model", egress)
    token = os.environ.get(options.hub_token_variable) if options.hub_token_variable else None
    return locate(name, options.models_folder, download=True, token=token)


def machine_faults(
    options: LocalTrainerOptions, base: BaseModel, chosen: LoraHyperparameters, folder: Path
) -> list[str]:
    """Why this machine, or these hyperparameters, do not suit the base."""
    import torch

    faults = []
    if options.device == "cuda" and not torch.cuda.is_available():
        faults.append("trainers.local.device is cuda, but PyTorch sees no GPU here; take auto or cpu")
    tied = {"embed_tokens", "lm_head"} & set(chosen.saved_modules)
    if base.ties_embeddings and tied:
        faults.append(
            f"modules_to_save holds {' and '.join(sorted(tied))}, but base model {base.name} uses the same weights for both; "
            "leave them out"
        )
    named = [*chosen.saved_modules, *(chosen.targets if isinstance(chosen.targets, list) else [])]
    unknown = sorted(set(named) - base.modules())
    if unknown:
        faults.append(f"base model {base.name} has no module {', '.join(unknown)} (target_modules, modules_to_save)")
    return faults + disk_faults(_free_bytes(folder), base.weight_bytes)


def disk_faults(free: int, weight_bytes: int) -> list[str]:
    """Whether merged weights, adapter and two checkpoints have room."""
    needed = weight_bytes + weight_bytes // 2 + _SPARE_BYTES
    if free >= needed:
        return []
    return [f"{free / 1e9:.1f} GB are free on the disk of the models, and this job needs about {needed / 1e9:.1f}"]


def data_faults(base: BaseModel, files: Mapping[str, bytes]) -> list[str]:
    """Why these rows cannot be learned by this base, counted with its own tokenizer."""
    if "train.jsonl" not in files:
        return ["backend local trains from rows in chat format; there is no train.jsonl"]
    tokenizer = load_tokenizer(base.folder)
    ends = end_tokens(base.folder, tokenizer)
    if not ends:
        return [f"base model {base.name}: its tokenizer names no token that ends an answer (eos_token)"]
    faults, limit = [], base.positions
    for name in ("train.jsonl", "validation.jsonl"):
        try:
            lengths = lengths_of(read_rows(files.get(name, b"")), tokenizer, ends)
        except UnusableRow as error:
            faults.append(f"{name}: {error}")
            continue
        long = [number for number, length in enumerate(lengths, 1) if limit and length > limit]
        if long:
            faults.append(
                f"{name}: {len(long)} of {len(lengths)} rows are longer than the {limit} tokens of {base.name} (row {long[0]} "
                f"has {lengths[long[0] - 1]}); lower dataset.max_tokens or dataset.k of the recipe"
            )
        if name == "train.jsonl" and len(lengths) < MINIMUM_ROWS:
            faults.append(
                f"{len(lengths)} training rows; at least {MINIMUM_ROWS} are needed: add documents, or raise "
                "generation.per_chunk"
            )
    return faults


def estimate_seconds(base: BaseModel, chosen: LoraHyperparameters, data: TrainingData, device: str) -> float:
    """A rough guess of how long a job takes, from the weights it moves for each token it sees."""
    content = data.files.get("train.jsonl", b"")
    rows = max(1, content.count(b"\n"))
    seen = chosen.steps(rows) * chosen.batch_size * chosen.gradient_accumulation
    tokens = seen * len(content) / rows / 4
    return round(_STARTING_SECONDS + 6 * base.parameters() * tokens / _FLOPS[device], 1)


def _free_bytes(folder: Path) -> int:
    """Free space where a folder is, or will be."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    return shutil.disk_usage(there).free
