"""Finished models in job folders: verified before anybody uses them."""

from pathlib import Path
from typing import Any

from resources.training.base import TrainingFailed, verify_files
from resources.training.local.base_models import BaseModel, sha256_of
from resources.training.local.job_folder import JobFolder


def finished(job: JobFolder) -> dict[str, Any]:
    """The manifest of a finished job. Raises `TrainingFailed` if there is none, or a file differs from it."""
    manifest = job.manifest()
    if not manifest:
        raise TrainingFailed(
            f"model {job.path.name}: there is no manifest in {job.path}; materialize fine_tuned_model again"
        )
    verify(job.path, manifest["files"])
    return manifest


def verify(folder: Path, files: dict[str, str]) -> None:
    """Raises `TrainingFailed` naming the first file whose hash is another. Weights are read once, then remembered."""
    verify_files(folder, files, sha256_of)


def random_weights_stamp(base: BaseModel) -> str:
    """Why what is trained from a base is no real model; empty if it may be one."""
    return f"the weights of its base model {base.name} are random" if base.random_weights else ""
