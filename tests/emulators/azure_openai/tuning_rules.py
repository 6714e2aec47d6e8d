"""What the service does not accept: files that hold no training rows, and jobs that it cannot begin."""

import json
import re
from collections.abc import Mapping
from typing import Any

from azure_openai import catalogue
from azure_openai.errors import ServiceError, refusal
from azure_openai.route import Route
from azure_openai.world import World

MINIMUM_ROWS = 10
TERMINAL = ("succeeded", "failed", "cancelled")
_HYPERPARAMETERS = {"n_epochs", "batch_size", "learning_rate_multiplier"}
_SUFFIX = re.compile(r"[A-Za-z0-9_-]{1,18}")
_ROLES = ("system", "user", "assistant", "developer", "tool")


def rows_of(content: bytes) -> list[Any]:
    """The rows of a file of lines, with or without a byte order mark. Raises `ValueError` for one that is no JSON."""
    return [json.loads(line) for line in content.decode("utf-8-sig").splitlines() if line.strip()]


def file_problem(content: bytes) -> str:
    """Why a file cannot be trained with; empty if it can."""
    try:
        rows = rows_of(content)
    except ValueError:
        return "The file is not valid JSON Lines in UTF-8 (jsonlValidationFailed)."
    for number, row in enumerate(rows, start=1):
        problem = _row_problem(row)
        if problem:
            return f"Line {number}: {problem} (jsonlValidationFailed)."
    if len(rows) < MINIMUM_ROWS:
        return f"The file has {len(rows)} examples; at least {MINIMUM_ROWS} are needed (jsonlValidationFailed)."
    return ""


def _row_problem(row: Any) -> str:
    messages = row.get("messages") if isinstance(row, dict) else None
    if not isinstance(messages, list) or not messages:
        return "there are no messages"
    if any(message.get("role") not in _ROLES or not message.get("content") for message in messages):
        return "a message has no known role or no content"
    return "" if any(message["role"] == "assistant" for message in messages) else "no message is the assistant's"


def check_job(world: World, route: Route, body: Mapping[str, Any]) -> None:
    """Raises `ServiceError` for a job that the service would refuse."""
    configuration = world.configuration
    if not configuration.may_train:
        raise refusal(403, "PermissionDenied", "Principal does not have access to API/Operation.")
    if not catalogue.fine_tunable(world, body["model"]) or not (route.plain or body.get("trainingType")):
        raise refusal(400, "invalidPayload", "The specified base model does not support fine-tuning.")
    for key in ("training_file", "validation_file"):
        _check_file(world, key, body.get(key))
    if not route.plain and body.get("suffix") and not _SUFFIX.fullmatch(body["suffix"]):
        raise refusal(400, "invalidPayload", "The suffix may have 18 characters: letters, digits, - and _.")
    method = body.get("method") or {}
    unknown = set((method.get(method.get("type")) or {}).get("hyperparameters") or {}) - _HYPERPARAMETERS
    if unknown:
        raise refusal(400, "invalidPayload", f"Unknown hyperparameters: {', '.join(sorted(unknown))}.")
    running = sum(job["status"] not in TERMINAL for job in world.jobs.values())
    if configuration.job_slots is not None and running >= configuration.job_slots:
        raise refusal(429, "quotaExceeded", f"The resource has {running} queued or running jobs, which is its limit.")


def _check_file(world: World, key: str, name: str | None) -> None:
    if name is None:
        return
    file = world.files.get(name)
    if file is None or file["purpose"] != "fine-tune":
        raise refusal(400, "invalidPayload", f"{key}: there is no file {name} with the purpose fine-tune.")
    if file["status"] != "processed":
        raise refusal(400, "invalidPayload", f"{key}: the file {name} is {file['status']}, not processed.")


def wrong_state(action: str, status: str) -> ServiceError:
    return refusal(400, "unexpectedEntityState", f"Cannot {action} a job in state '{status}'.")
