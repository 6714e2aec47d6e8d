"""The weights of a model on a device: loaded, and written with the adapter merged into them. PyTorch is imported inside."""

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resources.training.local.base_models import NOTE, BaseModel
from resources.training.local.job_folder import JobFolder

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase
    from trl import SFTTrainer


class Diverged(Exception):
    """Training that left weights which are no numbers."""


def device_of(setting: str) -> str:
    """What `auto` is here."""
    import torch

    return setting if setting != "auto" else "cuda" if torch.cuda.is_available() else "cpu"


def in_half(device: str) -> bool:
    """Whether weights have 16 bits there (bfloat16, which older GPUs lack)."""
    import torch

    return device == "cuda" and torch.cuda.is_bf16_supported()


def load(folder: Path, device: str) -> "PreTrainedModel":
    """The weights of a folder on a device: 16 bits on a GPU, 32 on a CPU. Safetensors alone, and no code of others."""
    import torch
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    model = AutoModelForCausalLM.from_pretrained(
        folder,
        dtype=torch.bfloat16 if in_half(device) else torch.float32,
        use_safetensors=True,
        trust_remote_code=False,
        local_files_only=True,
    )
    return model.to(device)


def write_weights(
    job: JobFolder,
    base: BaseModel,
    trainer: "SFTTrainer",
    tokenizer: "PreTrainedTokenizerBase",
) -> None:
    """Writes the adapter, and the base with the adapter merged into it, which any server can load."""
    for folder in (job.adapter, job.merged):
        shutil.rmtree(folder, ignore_errors=True)
    tuned: Any = trainer.model
    for settings in tuned.peft_config.values():
        settings.base_model_name_or_path = base.name
    tuned.save_pretrained(job.adapter, save_embedding_layers=False)
    (job.adapter / "README.md").unlink(missing_ok=True)
    merged = tuned.merge_and_unload()
    merged.config.use_cache = True
    merged.to(_stored_type(base, merged.dtype)).save_pretrained(job.merged)
    tokenizer.save_pretrained(job.merged)
    note = {"base_model": base.name, "random_weights": base.random_weights, "revision": base.revision}
    (job.merged / NOTE).write_text(json.dumps(note, indent=2) + "\n", encoding="utf-8")
    _check_numbers(job.merged)


def _stored_type(base: BaseModel, loaded: "torch.dtype") -> "torch.dtype":
    """The precision that the base is stored in: what is merged on a CPU need not be twice as large."""
    import torch

    return getattr(torch, str(base.config.get("dtype") or base.config.get("torch_dtype")), loaded)


def _check_numbers(folder: Path) -> None:
    """Raises `Diverged` if a weight is no number: such a model answers nothing, yet loads without complaint."""
    from safetensors import safe_open

    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="pt") as tensors:
            for name in tensors.offset_keys():
                if not tensors.get_tensor(name).isfinite().all():
                    raise Diverged(f"{name} is no number any more; train with a lower learning_rate")
