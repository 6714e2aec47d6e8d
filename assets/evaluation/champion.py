"""The champion: a fold over reports and people's decisions. It starts at base + documents.

A report whose gate says so proposes its candidate; a person, or the gate itself where promotion is automatic, promotes.
Rows are added and never changed: `champion` says who answers after the row.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from assets.evaluation.decisions import APPROVE, REJECT, ChampionDecision

Row = dict[str, Any]
Promotion = Literal["manual", "auto"]

START = "start"
PROPOSE = "propose"
PROMOTE = "promote"
REJECTED = "reject"
ROLLBACK = "rollback"
RETIRE = "retire"
WITHDRAW = "withdraw"
"""A newer report does not propose what an earlier one did."""
VOID = "void"
"""A decision that came too late, or about a model that may not be champion."""

GATE = "the gate"
HOUSE = "raftline"


def decide_champion(
    history: Sequence[Row],
    decisions: Sequence[ChampionDecision],
    reports: Sequence[Mapping[str, Any]],
    promotion: Promotion,
    unfit: Mapping[str, str],
) -> list[Row]:
    """The rows so far, what people decided since, and what the newest report adds. Folding again adds nothing.

    `unfit` says of models why they may not become champion: stamped, not registered, or an artifact that is not whole.
    """
    folded = list(history) or [_row([], START, None, None, HOUSE, "every home starts with the base")]
    for decision in decisions:
        if decision.key not in {row["source"] for row in folded}:
            folded.append(_taken(folded, decision, unfit))
    for report in reports:
        folded += _put_forward(folded, report, promotion, unfit)
    return folded


def current(history: Sequence[Mapping[str, Any]]) -> str | None:
    """The model that answers; None for base + documents."""
    return history[-1]["champion"] if history else None


def open_proposal(history: Sequence[Row]) -> Row | None:
    """The proposal that nobody has answered. Whatever happened to the champion since has answered it."""
    told = [row for row in history if row["action"] != VOID]
    return told[-1] if told and told[-1]["action"] == PROPOSE else None


def line_of_champions(history: Sequence[Mapping[str, Any]]) -> list[str | None]:
    """The champions that a rollback goes back through, the base first and the current one last."""
    line: list[str | None] = [None]
    for row in history:
        champion = row["champion"]
        if row["action"] == ROLLBACK and champion in line:
            line = line[: line.index(champion) + 1]
        elif row["action"] in (PROMOTE, ROLLBACK):
            line = [*(one for one in line if one != champion), champion]
        elif row["action"] == RETIRE:
            line = [one for one in line if one != row["model_id"]] if champion else [None]
    return line


def retire(history: Sequence[Row], models: Sequence[str], reason: str) -> list[Row]:
    """The rows so far, and those that take models out of office: the champion goes back to base, a proposal is over."""
    proposal = open_proposal(history)
    rows = list(history)
    if current(rows) in models:
        rows.append(_row(rows, RETIRE, current(rows), None, HOUSE, reason))
    elif proposal and proposal["model_id"] in models:
        rows.append(_row(rows, RETIRE, proposal["model_id"], current(rows), HOUSE, reason))
    return rows


def _taken(folded: Sequence[Row], decision: ChampionDecision, unfit: Mapping[str, str]) -> Row:
    champion, wanted = current(folded), decision.model_id
    told = {
        "at": decision.at,
        "report": decision.report,
        "dataset_version": decision.dataset_version,
        "snapshot": decision.snapshot,
        "source": decision.key,
    }
    void = _void(folded, decision, unfit)
    if void:
        return _row(folded, VOID, wanted, champion, decision.by, f"{decision.action} is void: {void}", **told)
    if decision.action == REJECT:
        return _row(folded, REJECTED, wanted, champion, decision.by, decision.reason, **told)
    action = PROMOTE if decision.action == APPROVE else ROLLBACK
    return _row(folded, action, wanted, wanted, decision.by, decision.reason, **told)


def _void(folded: Sequence[Row], decision: ChampionDecision, unfit: Mapping[str, str]) -> str:
    """Why a decision has no effect, or an empty text. A table that was lost is made again from the decisions alone."""
    if any(row["action"] != VOID for row in folded[decision.seen :]):
        return "the champion or its proposal changed before it took effect"
    if decision.action != REJECT and decision.model_id and decision.model_id in unfit:
        return unfit[decision.model_id]
    proposal = open_proposal(folded)
    answers = proposal and (proposal["model_id"], proposal["report"]) == (decision.model_id, decision.report)
    if decision.action == APPROVE and len(folded) >= decision.seen and not answers:
        return "there is no such proposal"
    return ""


def _put_forward(
    folded: Sequence[Row], report: Mapping[str, Any], promotion: Promotion, unfit: Mapping[str, str]
) -> list[Row]:
    """What a report adds: its candidate, if it promotes one that is new; else an end to what an earlier one proposed."""
    model, champion, proposal = report["model_id"], current(folded), open_proposal(folded)
    new = report["promote"] and model != champion and model not in unfit
    if new and not _considered(folded, report):
        automatic = promotion == "auto" and model not in _spoken_against(folded)
        told = {"report": report["sha256"], **{name: report[name] for name in ("dataset_version", "snapshot")}}
        action, then = (PROMOTE, model) if automatic else (PROPOSE, champion)
        return [_row(folded, action, model, then, GATE, report["verdict"], **told)]
    if proposal and proposal["report"] != report["sha256"]:
        told = {name: proposal[name] for name in ("report", "dataset_version", "snapshot")}
        reason = "a newer report does not put it forward"
        return [_row(folded, WITHDRAW, proposal["model_id"], champion, GATE, reason, **told)]
    return []


def _considered(folded: Sequence[Row], report: Mapping[str, Any]) -> bool:
    """Whether a report's candidate was decided on, or waits for it. What another report only displaced may come back."""
    subject = (report["sha256"], report["model_id"])
    about = [number for number, row in enumerate(folded) if (row["report"], row["model_id"]) == subject]
    if not about or folded[about[-1]]["action"] not in (PROPOSE, WITHDRAW):
        return bool(about)
    proposal = open_proposal(folded)
    waiting = bool(proposal) and proposal["decision"] == about[-1]
    return waiting or any(row["action"] in (PROMOTE, ROLLBACK, RETIRE) for row in folded[about[-1] :])


def _spoken_against(folded: Sequence[Row]) -> set[str | None]:
    """Models that people rejected or went back from: the gate alone does not put them into office again."""
    before = [None, *(row["champion"] for row in folded)]
    rolled = {former for former, row in zip(before, folded, strict=False) if row["action"] == ROLLBACK}
    return rolled | {row["model_id"] for row in folded if row["action"] == REJECTED}


def _row(
    folded: Sequence[Row],
    action: str,
    model_id: str | None,
    champion: str | None,
    by: str,
    reason: str,
    **told: str,
) -> Row:
    unknown = dict.fromkeys(("at", "report", "dataset_version", "snapshot", "source"), "")
    return {
        "decision": len(folded),
        "action": action,
        "model_id": model_id,
        "champion": champion,
        "by": by,
        "reason": reason,
        **unknown,
        **told,
    }
