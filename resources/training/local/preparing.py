"""What a job starts from: its base or its parent's weights, its rows, and the request that its process reads."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from resources.egress.policy import EgressOptions
from resources.training.base import TrainingData, TrainingFailed, TrainingRejected, TrainingSpec
from resources.training.local.artifacts import finished, random_weights_stamp
from resources.training.local.base_models import BaseModel, sha256_of
from resources.training.local.job_folder import JobFolder
from resources.training.local.options import LocalTrainerOptions
from resources.training.local.preflight import find_base


def origin_of(
    spec: TrainingSpec, folder: Path, options: LocalTrainerOptions, egress: EgressOptions, download: bool = False
) -> BaseModel:
    """The base of a specification, or the merged weights of its parent in `folder`. Raises `RaftlineError`."""
    if not spec.parent:
        return find_base(spec.base_model, options, egress, download)
    parent = JobFolder(folder / spec.parent)
    manifest = finished(parent)
    before = manifest["spec"]["base_model"]
    if before != spec.base_model:
        raise TrainingFailed(f"parent {spec.parent} was trained from {before}, not from {spec.base_model}")
    return BaseModel(spec.base_model, parent.merged, manifest["provenance"]["base_revision"])


def changes_of(base: BaseModel, job: JobFolder) -> list[str]:
    """Whether a finished job started from other weights of the same name, in words."""
    before = job.request().get("base", {}).get("files")
    if not job.manifest() or before == base.files():
        return []
    return [
        f"base model {base.name}: its files are not those that model {job.path.name} of this specification was trained "
        "from; give the changed base a name of its own"
    ]


def prepare(
    job: JobFolder,
    base: BaseModel,
    spec: TrainingSpec,
    data: TrainingData,
    tags: Mapping[str, str],
    options: LocalTrainerOptions,
) -> None:
    """Writes data and request. Checkpoints of an earlier process stay if they are of the same base and data."""
    if "train.jsonl" not in data.files:
        raise TrainingRejected("backend local trains from rows in chat format; there is no train.jsonl")
    job.data.mkdir(exist_ok=True, mode=0o700)
    names = [name for name in ("train.jsonl", "validation.jsonl") if data.files.get(name)]
    for name in names:
        (job.data / name).write_bytes(data.files[name])
    learned = {
        "base": {"name": base.name, "revision": base.revision, "files": base.files()},
        "data": {name: sha256_of(job.data / name) for name in names},
    }
    if {key: job.request().get(key) for key in learned} != learned:
        job.forget_progress()
    job.forget_manifest()
    job.write_request(
        {
            **learned,
            "spec": spec.as_dict(),
            "base_folder": str(base.folder.resolve()),
            "device": options.device,
            "threads": options.threads,
            "max_seconds": options.max_hours * 3600,
            "checkpoint_seconds": options.checkpoint_minutes * 60,
            "submitted_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "tags": dict(tags),
            "provenance": _provenance(spec, base),
        }
    )


def _provenance(spec: TrainingSpec, base: BaseModel) -> dict[str, str]:
    """What a model made here is made of; `not_real` says why it is no real one, if it is not."""
    stamp = random_weights_stamp(base)
    told = {
        "base_model": spec.base_model,
        "base_revision": base.revision,
        "base_licence": base.licence(),
        "parent": spec.parent,
        "not_real": stamp,
    }
    return {key: value for key, value in told.items() if value or key == "base_revision"}
