"""Promotion on a home: who may decide, which models may become champion, and the fold over what is in the lake."""

from collections.abc import Iterable, Mapping
from typing import Any

from assets.evaluation.champion import Promotion, Row, current, decide_champion, open_proposal
from assets.evaluation.decisions import decisions_version, read_decisions
from assets.training.models import registered
from assets.training.students import exchanged, unusable
from resources.folders import FoldersResource
from resources.lake.lake import Lake
from resources.lake.tables import CHAMPION_MODEL, EVAL_REPORT
from resources.training.options import ServingOptions
from resources.training.resource import TrainersResource

BASE = "base"
_AUTOMATIC_BY_DEFAULT = frozenset({"embedded"})


def promotion_inputs(folders: FoldersResource, trainers: TrainersResource) -> dict[str, str]:
    """What `champion_model` depends on besides tables, for its fingerprint."""
    return {"decisions": decisions_version(folders.decisions_path), "promotion": trainers.serving.promotion}


def promotion_of(serving: ServingOptions, backend: str) -> Promotion:
    """Who promotes a backend's students: the gate (`auto`) or a person (`manual`)."""
    if serving.promotion != "default":
        return serving.promotion
    return "auto" if backend in _AUTOMATIC_BY_DEFAULT else "manual"


def why_unfit(lake: Lake, trainers: TrainersResource, model_id: str) -> str:
    """Why a model may not become champion, or an empty text. What is kept of it, here or at its service, is verified."""
    row = registered(lake, model_id)
    if row is None:
        return f"no model {model_id} is registered"
    if row["stamp"]:
        return f"{model_id} is not a real model: {row['stamp']}"
    return unusable(row, trainers) or exchanged(row, trainers)


def fold_champion(lake: Lake, folders: FoldersResource, trainers: TrainersResource) -> list[Row]:
    """The rows of `champion_model` after people's decisions and the newest report."""
    history, reports = lake.rows_or_empty(CHAMPION_MODEL), lake.rows_or_empty(EVAL_REPORT)
    folded = {row["source"] for row in history}
    pending = [one for one in read_decisions(folders.decisions_path) if one.key not in folded]
    concerned = [report["model_id"] for report in reports if report["promote"]]
    concerned += [one.model_id for one in pending if one.model_id]
    unfit = _unfit(lake, trainers, concerned)
    rows = [registered(lake, report["model_id"]) for report in reports]
    modes = {promotion_of(trainers.serving, row["backend"]) for row in rows if row}
    return decide_champion(history, pending, reports, "auto" if modes == {"auto"} else "manual", unfit)


def told(history: list[Row]) -> dict[str, Any]:
    """The state of affairs as the UI shows it."""
    last, proposal = history[-1], open_proposal(history)
    named = {key: last[key] for key in ("by", "at") if last[key]}
    return {
        "champion": current(history) or BASE,
        "decision": last["action"],
        **named,
        "reason": last["reason"] or "none was given",
        **({"proposed": proposal["model_id"], "to decide": "raftline champion approve | reject"} if proposal else {}),
    }


def _unfit(lake: Lake, trainers: TrainersResource, models: Iterable[str]) -> Mapping[str, str]:
    reasons = {model: why_unfit(lake, trainers, model) for model in sorted(set(models))}
    return {model: reason for model, reason in reasons.items() if reason}
