"""The champion: a fold over reports. It starts at base + documents and moves when a report's gate says so."""

from collections.abc import Mapping, Sequence
from typing import Any

from assets.evaluation.arms import BASE_RAG, TUNED_RAG

Row = dict[str, Any]
START = "start"
PROMOTE = "promote"
RETIRE = "retire"


def decide_champion(decisions: Sequence[Row], reports: Sequence[Mapping[str, Any]]) -> list[Row]:
    """The decisions so far and what the newest report adds. A report that promotes the champion again adds nothing."""
    history = list(decisions) or [_decision(0, None, BASE_RAG.name, START, "every home starts with the base", "", "")]
    for report in reports:
        if report["promote"] and history[-1]["model_id"] != report["model_id"]:
            history.append(
                _decision(
                    len(history),
                    report["model_id"],
                    TUNED_RAG.name,
                    PROMOTE,
                    report["verdict"],
                    report["html"],
                    report["snapshot"],
                )
            )
    return history


def retire_champion(decisions: Sequence[Row], reason: str) -> list[Row]:
    """The decisions so far, and the one that goes back to base + documents."""
    return [*decisions, _decision(len(decisions), None, BASE_RAG.name, RETIRE, reason, "", "")]


def _decision(number: int, model_id: str | None, arm: str, action: str, reason: str, report: str, snapshot: str) -> Row:
    return {
        "decision": number,
        "model_id": model_id,
        "arm": arm,
        "action": action,
        "reason": reason,
        "report": report,
        "snapshot": snapshot,
    }
