"""What `raftline champion` shows: who answers, what is proposed, where applications ask, and how it came about."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from assets.evaluation.champion import START, current, open_proposal
from assets.evaluation.incumbent import incumbent_of
from assets.evaluation.promotion import promotion_of
from assets.raft.recipe_files import valid_recipes
from assets.serving.assistant import ALIAS
from assets.training.students import standing
from orchestration.console import say, table
from resources.errors import RaftlineError
from resources.lake.lake import Lake
from resources.lake.tables import CHAMPION_MODEL, MODEL_REGISTRY
from resources.training.base import TrainingData
from resources.training.resource import TrainersResource
from resources.training.serving import StudentModel

_SERVE = "while `raftline serve` runs"


@dataclass(frozen=True)
class Address:
    """What an OpenAI client is given. `key_variable` is empty where no key is asked; `note` says what it takes."""

    base_url: str
    model: str
    key_variable: str = ""
    note: str = ""


def address_of(trainers: TrainersResource, student: StudentModel) -> Address:
    """The champion's address: its service's own if that speaks the OpenAI API, else that of `raftline serve`."""
    own = Address(f"http://127.0.0.1:{trainers.serving.port}/v1", ALIAS, trainers.serving.key_variable, _SERVE)
    try:
        identity = trainers.deployer(student.backend).identity(student)
        if identity and identity.endpoint == "local":
            return own
        target = standing(student, trainers, TrainingData((), ()))
    except RaftlineError as error:  # a backend that is not set up any more, too: the champion is shown all the same
        return replace(own, note=f"{_SERVE}, but: {error}")
    return Address(target.address, target.model, target.key_variable) if target.address else own


def describe(resources: Mapping[str, Any]) -> dict[str, Any]:
    """The state of affairs as one JSON object."""
    lake, trainers = resources["lake"].open(), resources["trainers"]
    history = lake.rows_or_empty(CHAMPION_MODEL)
    incumbent = incumbent_of(lake, trainers, valid_recipes(resources["folders"].recipes_path))
    proposal = open_proposal(history)
    told = ("model_id", "reason", "report", "dataset_version", "snapshot")
    return {
        "champion": current(history),
        "label": incumbent.label,
        "since": _since(history),
        "proposal": {name: proposal[name] for name in told} if proposal else None,
        "promotion": promotion_of(trainers.serving, incumbent.participant.student.backend),
        "address": asdict(address_of(trainers, incumbent.participant.student)),
    }


def show_champion(resources: Mapping[str, Any]) -> None:
    told = describe(resources)
    say(f"champion: {told['label']}", "bold")
    since = told["since"]
    if since:
        say(f"  {since['action']} by {since['by']}{_dated(since)}{_because(since)}")
    proposal = told["proposal"]
    if proposal:
        say(f"\nproposed: {_label(resources['lake'].open(), proposal['model_id'])}", "bold")
        say(f"  {proposal['reason']}")
        say(f"  report {proposal['report'][:16]}, data {proposal['dataset_version'][:16]}")
        say("  Decide with `raftline champion approve` or `raftline champion reject`.")
    address = told["address"]
    say("\nfor applications", "bold")
    say(f"  base URL {address['base_url']}\n  model    {address['model']}")
    if address["key_variable"]:
        say(f"  key      from the environment variable {address['key_variable']}")
    if address["note"]:
        say(f"  {address['note']}", "dim")


def show_history(resources: Mapping[str, Any]) -> None:
    lake = resources["lake"].open()
    rows = [
        (row["decision"], row["at"], row["action"], row["model_id"] or "base", row["by"], row["reason"])
        for row in lake.rows_or_empty(CHAMPION_MODEL)
    ]
    if not rows:
        say("nothing was decided yet: the base answers")
        return
    table(("", "when (UTC)", "what", "model", "by", "why"), rows)


def _since(history: list[dict[str, Any]]) -> dict[str, str] | None:
    """The decision that put the champion into office."""
    changed = [row for before, row in zip([None, *history], history, strict=False) if _changes(before, row)]
    last = changed[-1] if changed else None
    return {name: last[name] for name in ("action", "by", "at", "reason")} if last else None


def _changes(before: Mapping[str, Any] | None, row: Mapping[str, Any]) -> bool:
    return before is not None and row["action"] != START and before["champion"] != row["champion"]


def _label(lake: Lake, model_id: str) -> str:
    recipes = {row["model_id"]: row["recipe"] for row in lake.rows_or_empty(MODEL_REGISTRY)}
    return f"{recipes.get(model_id, 'unknown')} ({model_id})"


def _dated(row: Mapping[str, str]) -> str:
    return f" at {row['at']}" if row["at"] else ""


def _because(row: Mapping[str, str]) -> str:
    return f": {row['reason']}" if row["reason"] else ""
