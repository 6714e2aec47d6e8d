"""Fine-tuning jobs: they move on with every look at them, or with the emulator's clock, and never by themselves."""

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

from azure_openai.errors import refusal
from azure_openai.route import Route
from azure_openai.tokens import counted
from azure_openai.tuning_rules import TERMINAL, check_job, rows_of, wrong_state
from azure_openai.world import World

_AUTO = {"n_epochs": 3, "batch_size": 1, "learning_rate_multiplier": 1.0}
_STEPS = 12
_COLUMNS = (
    "step,train_loss,train_mean_token_accuracy,valid_loss,validation_mean_token_accuracy,"
    "full_valid_loss,full_valid_mean_token_accuracy"
)


def create(world: World, body: Mapping[str, Any], route: Route) -> dict[str, Any]:
    """A job in its first state. Raises `ServiceError` for one that cannot begin."""
    check_job(world, route, body)
    configuration = world.configuration
    name = world.next_id("ftjob-")
    kept = configuration.keeps_metadata and not route.legacy
    method = body.get("method") or {"type": "supervised"}
    given = (method.get(method["type"]) or {}).get("hyperparameters") or {}
    job = {
        "id": name,
        "object": "fine_tuning.job",
        "created_at": int(world.now),
        "finished_at": None,
        "model": body["model"],
        "fine_tuned_model": None,
        "status": configuration.job_statuses[0],
        "training_file": body["training_file"],
        "validation_file": body.get("validation_file"),
        "hyperparameters": {**dict.fromkeys(_AUTO, -1), **{key: _number(value) for key, value in given.items()}},
        "method": method,
        "seed": body.get("seed") if body.get("seed") is not None else 42,
        "suffix" if route.legacy else "user_provided_suffix": body.get("suffix"),
        "metadata": body.get("metadata") if kept else None,
        "trainingType": body.get("trainingType"),
        "organization_id": None,
        "result_files": None,
        "trained_tokens": None,
        "estimated_finish": None,
        "error": None,
        "_suffix": body.get("suffix") or "",
        "_place": 0,
        "_held": False,
        "_hours": world.hours,
        "_unlisted": configuration.listing_lag,
        "_events": [],
        "_checkpoints": [],
    }
    if configuration.dialect == "spec" or route.plain:
        job |= {"status": "validating_files", "organization_id": "org-emulator", "result_files": []}
    world.jobs[name] = job
    _note(world, job, "info", f"Created fine-tuning job: {name}")
    return public(job)


def look(world: World, job: dict[str, Any]) -> dict[str, Any]:
    """A job as one look at it finds it: each moves it on, unless the clock does."""
    statuses = world.configuration.job_statuses
    hours = world.configuration.job_hours
    if hours is None:
        _move(world, job, job["_place"] + 1)
    else:
        _move(world, job, int((world.hours - job["_hours"]) / hours * (len(statuses) - 1)))
    return public(job)


def act(world: World, job: dict[str, Any], action: str) -> dict[str, Any]:
    """Cancels, pauses or resumes a job."""
    allowed = {
        "cancel": job["status"] not in TERMINAL,
        "pause": job["status"] == "running",
        "resume": job["status"] == "paused",
    }
    if not allowed[action]:
        raise wrong_state(action, job["status"])
    job["_held"] = action != "resume"
    job["status"] = {"cancel": "cancelled", "pause": "paused", "resume": "queued"}[action]
    if action == "cancel":
        job["finished_at"] = int(world.now)
    _note(world, job, "info", f"Job is {job['status']}")
    return public(job)


def visible(world: World) -> list[dict[str, Any]]:
    """The jobs as a list shows them; a new one is missing from the first lists if the test wants it."""
    shown = []
    for job in world.jobs.values():
        if job["_unlisted"] > 0:
            job["_unlisted"] -= 1
        else:
            shown.append(public(job))
    return shown


def find(world: World, name: str) -> dict[str, Any]:
    if name not in world.jobs:
        raise refusal(404, "notFound", f"There is no fine-tuning job {name}.")
    return world.jobs[name]


def public(job: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in job.items() if not key.startswith("_")}


def _move(world: World, job: dict[str, Any], place: int) -> None:
    statuses = world.configuration.job_statuses
    while not job["_held"] and job["status"] not in TERMINAL and job["_place"] < min(place, len(statuses) - 1):
        job["_place"] += 1
        job["status"] = statuses[job["_place"]]
        level = "warn" if world.configuration.dialect == "spec" else "warning"
        if job["status"] == "running":
            _note(world, job, "info", f"Step {job['_place']}: training loss={2 / job['_place']:.2f}")
        else:
            _note(world, job, level if job["status"] == "paused" else "info", f"Job is {job['status']}")
        if job["status"] == "succeeded":
            _succeed(world, job)
        elif job["status"] == "failed":
            job["error"] = {"param": None, **world.configuration.job_error}
            _note(world, job, "error", job["error"]["message"])
        if job["status"] in TERMINAL:
            job["finished_at"] = int(world.now)


def _succeed(world: World, job: dict[str, Any]) -> None:
    rows = rows_of(world.contents.get(job["training_file"], b""))
    epochs = job["hyperparameters"]["n_epochs"]
    tokens = sum(counted(str(message.get("content"))) for row in rows for message in row["messages"])
    job["trained_tokens"] = tokens * (epochs if epochs > 0 else _AUTO["n_epochs"])
    job["hyperparameters"] = {
        key: value if value != -1 else _AUTO[key] for key, value in job["hyperparameters"].items()
    }
    content = _results(job["validation_file"] is not None)
    if world.configuration.results_base64:
        content = base64.b64encode(content)
    job["result_files"] = [world.keep("results.csv", "fine-tune-results", content)["id"]]
    digest = hashlib.sha256(job["id"].encode()).hexdigest()[:32]
    base = job["model"].split(".ft-")[0]
    name = f"{base}.ft-{digest}" + (f"-{job['_suffix']}" if job["_suffix"] else "")
    for step in (_STEPS // 2, _STEPS):
        tuned = f"{base}.ft-{digest}:ckpt-step-{step}"
        world.tuned[tuned] = base
        job["_checkpoints"].append(
            {
                "id": f"ftchkpt-{digest[:24]}{step:08x}",
                "object": "fine_tuning.job.checkpoint",
                "created_at": int(world.now),
                "fine_tuned_model_checkpoint": tuned,
                "fine_tuning_job_id": job["id"],
                "step_number": step,
                "metrics": {"step": step, "train_loss": round(2 / step, 4)},
            }
        )
    if world.configuration.names_model:
        job["fine_tuned_model"] = name
        world.tuned[name] = base


def _results(validated: bool) -> bytes:
    """A loss curve; -1 where nothing was measured."""
    lines = [_COLUMNS]
    for step in range(1, _STEPS + 1):
        held = validated and step % 3 == 0
        full = validated and step == _STEPS
        values = [
            f"{2 / step:.4f}",
            f"{1 - 1 / (step + 1):.4f}",
            f"{2.2 / step:.4f}" if held else "-1.0",
            f"{0.9 - 1 / (step + 1):.4f}" if held else "-1.0",
            "0.2100" if full else "-1.0",
            "0.8200" if full else "-1.0",
        ]
        lines.append(",".join([str(step), *values]))
    return "\r\n".join(lines).encode() + b"\r\n"


def _note(world: World, job: dict[str, Any], level: str, message: str) -> None:
    number = len(job["_events"])
    digest = hashlib.sha256(f"{job['id']}/{number}".encode()).hexdigest()
    job["_events"].append(
        {
            "id": f"ftevent-{digest[:32]}",
            "object": "fine_tuning.job.event",
            "created_at": int(world.now) + number,
            "level": level,
            "message": message,
            "type": "message",
            "data": None,
        }
    )


def _number(value: Any) -> Any:
    return -1 if value == "auto" else value
