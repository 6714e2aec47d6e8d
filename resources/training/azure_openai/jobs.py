"""Jobs as the service tells of them: read without trust, recognised as ours, and their states put into our words."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import isfinite
from typing import TYPE_CHECKING, Any

from resources.training.base import CANCELLED, FAILED, SUCCEEDED, Phase, TrainingSpec

if TYPE_CHECKING:
    import openai

LOOK_BACK = 2_000
"""Jobs looked through for one of ours."""

IDEM = "idem"
"""Metadata by which a job of ours is found again."""

PAIRS = 16
"""Pairs of metadata that a job carries at most."""

_PHASES: Mapping[str, Phase] = {
    "validating_files": "pending",
    "created": "pending",
    "pending": "pending",
    "notrunning": "pending",
    "queued": "pending",
    "resuming": "pending",
    "running": "running",
    "paused": "paused",
    "pausing": "paused",
    "succeeded": SUCCEEDED,
    "failed": FAILED,
    "deleted": FAILED,
    "cancelled": CANCELLED,
    "canceled": CANCELLED,
}


@dataclass(frozen=True)
class Job:
    """What is read of a job. Empty or None where the service says nothing."""

    job_id: str
    status: str
    model: str = ""
    training_file: str = ""
    validation_file: str = ""
    suffix: str = ""
    idem: str = ""
    tuned: str = ""
    error: str = ""
    error_code: str = ""
    trained_tokens: int | None = None
    created_at: int = 0
    seed: int | None = None
    result_files: tuple[str, ...] = field(default=())

    @property
    def phase(self) -> Phase:
        """A status that nobody knows is that of a job which runs."""
        return _PHASES.get(self.status.lower(), "running")

    @property
    def submitted_at(self) -> str:
        """Empty where the service tells no time, or none that there is."""
        try:
            return datetime.fromtimestamp(self.created_at, UTC).isoformat() if self.created_at else ""
        except (OverflowError, OSError, ValueError):
            return ""


def job_of(found: Any) -> Job:
    """A job of the SDK, whose fields are whatever the service sent."""
    error, labels = getattr(found, "error", None), getattr(found, "metadata", None)
    files = getattr(found, "result_files", None)
    return Job(
        str(found.id),
        str(found.status),
        _text(found, "model"),
        _text(found, "training_file"),
        _text(found, "validation_file"),
        _text(found, "user_provided_suffix") or _text(found, "suffix"),
        str(labels.get(IDEM) or "") if isinstance(labels, Mapping) else "",
        _text(found, "fine_tuned_model"),
        _text(error, "message"),
        _text(error, "code"),
        _number(found, "trained_tokens"),
        _number(found, "created_at") or 0,
        _number(found, "seed"),
        tuple(name for name in files if isinstance(name, str)) if isinstance(files, list) else (),
    )


def suffix_of(spec: TrainingSpec, start: str) -> str:
    """The suffix of a spec's model: at most 18 characters, no dots."""
    return f"{start}-{spec.idem()[:8]}"


def job_body(
    spec: TrainingSpec, model: str, suffix: str, train: str, validation: str, tags: Mapping[str, str]
) -> dict[str, Any]:
    """What a job is made with. Hyperparameters go where `method` wants them; the old place is deprecated."""
    labels = {IDEM: spec.idem(), **{key[:64]: value[:512] for key, value in sorted(tags.items())}}
    supervised = {"hyperparameters": dict(sorted(spec.hyperparameters))}
    body = {
        "model": model,
        "training_file": train,
        "seed": spec.seed,
        "suffix": suffix,
        "method": {"type": "supervised", "supervised": supervised},
        "metadata": dict(list(labels.items())[:PAIRS]),
    }
    return body | ({"validation_file": validation} if validation else {})


def ours(jobs: Iterable[Job], idem: str, suffix: str, training_file: str = "") -> Job | None:
    """The job of a spec among these: the one that succeeded, else the oldest that may still. None if there is none.

    Metadata decide where the service kept them; else suffix and training file do.
    """
    found = [job for job in jobs if job.phase not in (FAILED, CANCELLED) and _is_ours(job, idem, suffix, training_file)]
    found.sort(key=lambda job: (job.phase != SUCCEEDED, job.created_at, job.job_id))
    return found[0] if found else None


async def recent(client: "openai.AsyncOpenAI") -> list[Job]:
    """The newest jobs of the resource, whoever made them."""
    jobs: list[Job] = []
    async for found in client.fine_tuning.jobs.list(limit=100):
        jobs.append(job_of(found))
        if len(jobs) >= LOOK_BACK:
            break
    return jobs


def _is_ours(job: Job, idem: str, suffix: str, training_file: str) -> bool:
    if job.idem:
        return job.idem == idem
    named = job.suffix == suffix or job.tuned.endswith(f"-{suffix}")
    return named and (not training_file or job.training_file == training_file)


def _text(found: Any, name: str) -> str:
    value = getattr(found, name, None)
    return value if isinstance(value, str) else ""


def _number(found: Any, name: str) -> int | None:
    value = getattr(found, name, None)
    whole = isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
    return int(value) if whole else None
