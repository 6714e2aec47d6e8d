"""What is looked at before anything is spent: the rows, the specification, and what the service offers."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from resources.tokens import count_tokens
from resources.training.azure_openai.deployments import TUNED
from resources.training.azure_openai.options import SECTION, AzureTrainerOptions
from resources.training.base import TrainingSpec

MINIMUM_ROWS = 10
LARGEST_SEED = 2**31 - 1
PER_MESSAGE = 4
"""Tokens that a message takes besides its text."""

_HYPERPARAMETERS = {
    "n_epochs": "a number of epochs, at least 1",
    "batch_size": "a number of rows, at least 1",
    "learning_rate_multiplier": "a factor above 0",
}
_ROLES = frozenset({"system", "developer", "user", "assistant", "tool"})


def spec_problems(spec: TrainingSpec) -> list[str]:
    """What is wrong with a specification by itself."""
    found = []
    for name, value in sorted(spec.hyperparameters):
        if name not in _HYPERPARAMETERS:
            found.append(f"hyperparameters.{name}: is unknown; Azure OpenAI takes {', '.join(_HYPERPARAMETERS)}")
        elif value != "auto" and not _fits(name, value):
            found.append(f"hyperparameters.{name}: is {value!r}; it is auto or {_HYPERPARAMETERS[name]}")
    if not spec.base_model.strip():
        found.append("base_model: is not set; name a model that Azure OpenAI tunes, such as gpt-4o-mini-2024-07-18")
    if not 0 <= spec.seed <= LARGEST_SEED:
        found.append(f"seed: is {spec.seed}; it is a number from 0 to {LARGEST_SEED}")
    return found


def file_problems(name: str, content: bytes, options: AzureTrainerOptions, minimum: int = 0) -> list[str]:
    """What the service would refuse about a file of rows. At most three lines of it are named."""
    if len(content) >= options.file_megabytes * 1e6:
        limit = f"{options.file_megabytes:g} MB ({SECTION}.file_megabytes)"
        return [f"{name}: has {len(content) / 1e6:.1f} MB; the service takes less than {limit}"]
    lines = [line for line in content.splitlines() if line.strip()]
    found = []
    if len(lines) < minimum:
        found.append(f"{name}: has {len(lines)} rows; Azure OpenAI needs at least {minimum}")
    wrong = [(number, problem) for number, line in enumerate(lines, 1) if (problem := _row_problem(line, options))]
    found += [f"{name}, line {number}: {problem}" for number, problem in wrong[:3]]
    return found + ([f"{name}: {len(wrong) - 3} more lines like these"] if len(wrong) > 3 else [])


def tokens_of(content: bytes) -> int:
    """Tokens of all rows of a file, once."""
    return sum(_tokens(row) for row in _rows(content))


def model_problems(
    name: str, offered: Mapping[str, Mapping[str, Any]], options: AzureTrainerOptions, now: datetime
) -> list[str]:
    """What keeps a model from being tuned: not offered, not tunable, or retired soon. Unknown dates are no problem.

    Of a tuned model the service does not say that it can be tuned further, though it can.
    """
    found = offered.get(name)
    if found is None:
        tunable = sorted(key for key, model in offered.items() if _can(model, "fine_tune"))
        listed = f"; it tunes {', '.join(tunable[:12])}" if tunable else ""
        return [f"base_model: {name} is not offered by this resource: it may not be in its region{listed}"]
    problems = []
    if TUNED not in name and not _can(found, "fine_tune"):
        problems.append(f"base_model: {name} cannot be tuned on this resource, in its region")
    limit = now + timedelta(days=options.retirement_days)
    for use, words in (("fine_tune", "is tuned only until"), ("inference", "answers only until")):
        until = _date(_inside(found, "deprecation").get(use))
        if until and until <= limit:
            problems.append(
                f"base_model: {name} {words} {until:%Y-%m-%d}, within {SECTION}.retirement_days "
                f"({options.retirement_days}); choose a newer model"
            )
    return problems


def can_be_tuned(model: Mapping[str, Any]) -> bool:
    """Whether the service says of a model that it can be tuned; what says nothing does not count."""
    return bool(_inside(model, "capabilities").get("fine_tune"))


def _can(model: Mapping[str, Any], capability: str) -> bool:
    """Whether the service says so; a service that says nothing of capabilities is believed when the job is made."""
    told = _inside(model, "capabilities")
    return bool(told.get(capability, not told))


def _inside(model: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """What a service nests under a name; nothing where it sends something else."""
    found = model.get(name)
    return found if isinstance(found, Mapping) else {}


def _date(stamp: Any) -> datetime | None:
    try:
        return datetime.fromtimestamp(stamp, UTC) if isinstance(stamp, int | float) and stamp > 0 else None
    except (OverflowError, OSError, ValueError):
        return None


def _row_problem(line: bytes, options: AzureTrainerOptions) -> str:
    try:
        row = json.loads(line)
    except ValueError:
        return "is no JSON"
    messages = row.get("messages") if isinstance(row, dict) else None
    if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
        return "holds no list of messages: the chat format is needed"
    if any(message.get("role") not in _ROLES for message in messages):
        return f"has a message whose role is none of {', '.join(sorted(_ROLES))}"
    if any(not str(message.get("content") or "").strip() for message in messages):
        return "has a message without content"
    if not messages or messages[-1]["role"] != "assistant":
        return "does not end with an answer of the assistant"
    tokens = _tokens(row)
    if tokens > options.tokens_per_row:
        return f"has {tokens} tokens; the model takes {options.tokens_per_row} ({SECTION}.tokens_per_row)"
    return ""


def _tokens(row: Mapping[str, Any]) -> int:
    return sum(PER_MESSAGE + count_tokens(str(message.get("content") or "")) for message in row.get("messages") or ())


def _rows(content: bytes) -> Iterator[Mapping[str, Any]]:
    for line in content.splitlines():
        if line.strip():
            row = json.loads(line)
            if isinstance(row, dict):
                yield row


def _fits(name: str, value: Any) -> bool:
    whole = name != "learning_rate_multiplier"
    return not isinstance(value, bool) and isinstance(value, int if whole else int | float) and value > 0
