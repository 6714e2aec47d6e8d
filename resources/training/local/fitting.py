"""LoRA fine-tuning of a base model with TRL and PEFT: from a job folder's request to merged weights and their manifest."""

import math
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resources.training.local.base_models import BaseModel, sha256_of
from resources.training.local.hyperparameters import LoraHyperparameters, parse
from resources.training.local.job_folder import JobFolder
from resources.training.local.rows import EncodedRow, encode, end_tokens, load_tokenizer, read_rows
from resources.training.local.weights import device_of, in_half, load, write_weights

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PreTrainedModel, PreTrainedTokenizerBase, TrainerCallback
    from trl import SFTTrainer

CURVE_ROWS = 200
"""Validation rows, at most, that the curve's loss is taken of."""

CHECKPOINTS = 10
"""Checkpoints, and points of the validation curve, in a whole run."""

_STATUS_SECONDS = 0.5
_MEASURED = {
    "loss": "train_loss",
    "mean_token_accuracy": "train_accuracy",
    "eval_loss": "validation_loss",
    "eval_mean_token_accuracy": "validation_accuracy",
}


class ChangedInput(Exception):
    """The data or the base is not what the job was submitted with."""


def fit(job: JobFolder, request: dict[str, Any], seconds: Callable[[], float]) -> dict[str, Any]:
    """Trains, merges and hashes; returns the manifest. Goes on from the last whole checkpoint if there is one.

    `seconds` tells the job's time so far. Raises `ChangedInput`, `Diverged`, and what the libraries raise.
    """
    import torch

    base = BaseModel(request["base"]["name"], Path(request["base_folder"]), request["base"]["revision"])
    _verify(job, base, request)
    if request["threads"]:
        torch.set_num_threads(request["threads"])
    device = device_of(request["device"])
    tokenizer = load_tokenizer(base.folder)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    chosen = parse(request["spec"]["hyperparameters"])
    ends = end_tokens(base.folder, tokenizer)
    train = _encoded(job, "train.jsonl", tokenizer, ends)
    validation = _encoded(job, "validation.jsonl", tokenizer, ends)[:CURVE_ROWS]
    steps = chosen.steps(len(train))
    job.change(stage="loading the base", steps=steps)
    model = load(base.folder, device)
    trainer = _trainer(job, request, chosen, model, tokenizer, train, validation, device, seconds)
    checkpoint = job.last_checkpoint()
    if checkpoint:
        job.add_event("info", f"goes on from step {checkpoint.name.rpartition('-')[2]} of {steps}")
    job.change(stage="training")
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    if validation and trainer.state.global_step % _every(steps):
        trainer.evaluate()
    job.change(stage="merging", step=trainer.state.global_step)
    write_weights(job, base, trainer, tokenizer)
    job.change(stage="hashing")
    curve = job.curve()
    metrics = {**_last(curve), "steps": float(trainer.state.global_step)}
    return {
        "spec": request["spec"],
        "files": {
            f"{folder.name}/{path.name}": sha256_of(path)
            for folder in (job.adapter, job.merged)
            for path in sorted(folder.iterdir())
        },
        "metrics": {key: round(value, 6) for key, value in metrics.items() if math.isfinite(value)},
        "curve": [{key: row.get(key) for key in ("step", *_MEASURED.values())} for row in curve],
        "seconds": round(seconds(), 1),
        "provenance": {**request["provenance"], **_environment(device)},
    }


def _verify(job: JobFolder, base: BaseModel, request: dict[str, Any]) -> None:
    for name, expected in request["data"].items():
        if sha256_of(job.data / name) != expected:
            raise ChangedInput(f"{name} of this job was changed since it was submitted")
    if base.files() != request["base"]["files"]:
        raise ChangedInput(f"base model {base.name} was changed since the job was submitted")


def _encoded(job: JobFolder, name: str, tokenizer: "PreTrainedTokenizerBase", ends: Sequence[int]) -> list[EncodedRow]:
    path = job.data / name
    return [encode(tokenizer, row, ends) for row in read_rows(path.read_bytes())] if path.is_file() else []


def _every(steps: int) -> int:
    return max(1, math.ceil(steps / CHECKPOINTS))


def _trainer(
    job: JobFolder,
    request: dict[str, Any],
    chosen: LoraHyperparameters,
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    train: Sequence[EncodedRow],
    validation: Sequence[EncodedRow],
    device: str,
    seconds: Callable[[], float],
) -> "SFTTrainer":
    from peft import LoraConfig
    from trl import SFTConfig, SFTTrainer

    steps, seed = chosen.steps(len(train)), request["spec"]["seed"]
    every = _every(steps)
    on_gpu = device == "cuda"
    arguments = SFTConfig(
        output_dir=str(job.checkpoints),
        max_steps=steps,
        per_device_train_batch_size=chosen.batch_size,
        per_device_eval_batch_size=chosen.batch_size,
        gradient_accumulation_steps=chosen.gradient_accumulation,
        learning_rate=chosen.learning_rate,
        lr_scheduler_type=chosen.scheduler,
        warmup_steps=chosen.warmup,
        max_length=max(len(row.input_ids) for row in (*train, *validation)),
        packing=False,
        bf16=in_half(device),
        fp16=False,
        use_cpu=not on_gpu,
        activation_checkpointing=on_gpu,
        dataloader_pin_memory=on_gpu,
        logging_steps=max(1, steps // 50),
        logging_nan_inf_filter=False,
        eval_strategy="steps" if validation else "no",
        eval_steps=every,
        save_strategy="steps",
        save_steps=every,
        save_total_limit=2,
        report_to="none",
        disable_tqdm=True,
        seed=seed,
        data_seed=seed,
        torch_compile=False,
    )
    adapter = LoraConfig(
        r=chosen.lora_r,
        lora_alpha=chosen.lora_alpha,
        lora_dropout=chosen.lora_dropout,
        target_modules=chosen.targets,
        modules_to_save=chosen.saved_modules or None,
        task_type="CAUSAL_LM",
    )
    return SFTTrainer(
        model=model,
        args=arguments,
        train_dataset=_dataset(train),
        eval_dataset=_dataset(validation) if validation else None,
        processing_class=tokenizer,
        peft_config=adapter,
        callbacks=[_recorder(job, request["checkpoint_seconds"], seconds)],
    )


def _dataset(rows: Sequence[EncodedRow]) -> "Dataset":
    from datasets import Dataset

    return Dataset.from_dict({"input_ids": [row.input_ids for row in rows], "labels": [row.labels for row in rows]})


def _recorder(job: JobFolder, checkpoint_seconds: float, seconds: Callable[[], float]) -> "TrainerCallback":
    """Writes down in the folder what the trainer tells, and asks for a checkpoint where the last is old."""
    from transformers import TrainerCallback

    class Recorder(TrainerCallback):
        saved = told = time.monotonic()

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            now = time.monotonic()
            if now - self.told > _STATUS_SECONDS:
                self.told = now
                job.change(step=state.global_step, seconds=round(seconds(), 1))
            if now - self.saved > checkpoint_seconds:
                control.should_save = True

        def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
            row = {
                name: float(logs[key])
                for key, name in _MEASURED.items()
                if logs and math.isfinite(logs.get(key, math.nan))
            }
            if row:
                job.add_metrics({"step": state.global_step, **row})
            if "validation_loss" in row:
                job.add_event("info", f"step {state.global_step}: validation loss {row['validation_loss']:.4f}")

        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self.saved = time.monotonic()
            job.mark_whole(Path(args.output_dir) / f"checkpoint-{state.global_step}")
            job.change(step=state.global_step, seconds=round(seconds(), 1))

    return Recorder()


def _last(curve: Sequence[dict[str, Any]]) -> dict[str, float]:
    """The latest value of everything that was measured."""
    return {key: value for row in curve for key, value in row.items() if key != "step"}


def _environment(device: str) -> dict[str, str]:
    import torch

    libraries = ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "peft", "trl"))
    return {"libraries": libraries, "device": torch.cuda.get_device_name() if device == "cuda" else "cpu"}
