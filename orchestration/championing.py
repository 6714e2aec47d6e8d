"""What people decide about the champion: checked, recorded, and brought into effect at once."""

import getpass
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from assets.evaluation.champion import VOID, current, line_of_champions, open_proposal
from assets.evaluation.decisions import APPROVE, REJECT, ROLL_BACK, ChampionDecision, read_decisions, record
from assets.evaluation.promotion import why_unfit
from orchestration.execution import Refresher, RunFailed
from orchestration.jobs import DECIDE
from resources.errors import RaftlineError
from resources.hashing import well_formed
from resources.lake.lake import Lake
from resources.lake.tables import CHAMPION_MODEL, EVAL_REPORT
from resources.training.serving import BASE

Row = Mapping[str, Any]


class NotDecidable(RaftlineError):
    """A decision that cannot be taken now, and why. Nothing was recorded."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Decider:
    """Takes decisions about the champion of a home that the caller holds. `run` lets them take effect."""

    resources: Mapping[str, Any]
    refresher: Refresher
    clock: Callable[[], datetime] = _now
    lake: Lake = field(init=False)

    def __post_init__(self) -> None:
        self.lake = self.resources["lake"].open()

    def approve(self, by: str, reason: str = "") -> Row:
        """Promotes the proposed model. Raises `NotDecidable` naming what is in the way."""
        history = self._settled()
        proposal = open_proposal(history)
        if proposal is None:
            raise NotDecidable("no model is proposed: a report whose gate is passed proposes one")
        problem = self._stale(proposal) or why_unfit(self.lake, self.resources["trainers"], proposal["model_id"])
        if problem:
            raise NotDecidable(f"{proposal['model_id']} cannot be promoted: {problem}")
        return self._take(self._answer(APPROVE, proposal, history, by, reason))

    def reject(self, by: str, reason: str = "") -> Row:
        """Turns the proposal down; the same report does not propose the model again."""
        history = self._settled()
        proposal = open_proposal(history)
        if proposal is None:
            raise NotDecidable("no model is proposed: there is nothing to reject")
        return self._take(self._answer(REJECT, proposal, history, by, reason))

    def roll_back(self, by: str, reason: str = "", to: str = "") -> Row:
        """Goes back to a former champion: the one before, or the one that `to` begins the id of; `base` is one, too."""
        history = self._settled()
        model = _former(history, to)
        problem = why_unfit(self.lake, self.resources["trainers"], model) if model else ""
        if problem:
            raise NotDecidable(f"there is no way back to {model}: {problem}; choose another with --to, `base` for none")
        return self._take(ChampionDecision(ROLL_BACK, model, len(history), by, self._at(), reason))

    def _settled(self) -> list[dict[str, Any]]:
        """The decisions so far, with those that a killed command recorded and did not bring into effect."""
        folded = {row["source"] for row in self._history()}
        if any(one.key not in folded for one in read_decisions(self.resources["folders"].decisions_path)):
            self.refresher.run(DECIDE, "a decision was recorded and not brought into effect")
        return self._history()

    def _take(self, decision: ChampionDecision) -> Row:
        clean = replace(decision, by=well_formed(decision.by), reason=well_formed(decision.reason))
        record(self.resources["folders"].decisions_path, clean)
        outcome = self.refresher.run(DECIDE, f"{decision.action} by {decision.by}")
        taken = next((row for row in self._history() if row["source"] == clean.key), None)
        if taken is None:
            raise RunFailed(f"it is recorded, and takes effect with the next `raftline refresh`: {outcome.error}")
        if taken["action"] == VOID:
            raise NotDecidable(taken["reason"])
        if outcome.error:
            raise RunFailed(f"the decision is taken, and `raftline refresh` completes it: {outcome.error}")
        return taken

    def _answer(
        self, action: str, proposal: Row, history: list[dict[str, Any]], by: str, reason: str
    ) -> ChampionDecision:
        evidence = {name: proposal[name] for name in ("report", "dataset_version", "snapshot")}
        return ChampionDecision(action, proposal["model_id"], len(history), by, self._at(), reason, **evidence)

    def _stale(self, proposal: Row) -> str:
        """Why the report that proposed a model no longer speaks for it, or an empty text."""
        [report] = self.lake.rows_or_empty(EVAL_REPORT) or [None]
        if report is None:
            return "its report is gone; `raftline refresh` makes one"
        if (report["model_id"], report["sha256"]) != (proposal["model_id"], proposal["report"]):
            return "the report that proposed it was replaced by another; `raftline refresh` says what that one proposes"
        try:
            data = (self.resources["folders"].reports_path / report["json"]).read_bytes()
        except OSError:
            return "its report's file is gone; `raftline refresh` makes it again"
        if hashlib.sha256(data).hexdigest() != report["sha256"]:
            return "its report's file was changed since; `raftline refresh` makes it again"
        return ""

    def _history(self) -> list[dict[str, Any]]:
        return self.lake.rows_or_empty(CHAMPION_MODEL)

    def _at(self) -> str:
        return self.clock().astimezone(UTC).isoformat(timespec="seconds")


def user_name() -> str:
    """Who is at the keyboard. Raises `NotDecidable` where the machine does not know."""
    try:
        return getpass.getuser()
    except (OSError, KeyError) as error:
        raise NotDecidable("this machine does not say who you are: name yourself with --by") from error


def _former(history: list[dict[str, Any]], to: str) -> str | None:
    now = current(history)
    if not to:
        line = line_of_champions(history)
        if len(line) < 2:
            raise NotDecidable("the champion is the base; there is nothing to go back to")
        return line[-2]
    if to == BASE:
        found = {None}
    else:
        found = {row["champion"] for row in history if row["champion"] and row["champion"].startswith(to)}
    if len(found) != 1:
        known = sorted({row["champion"] for row in history if row["champion"]})
        raise NotDecidable(f"{to!r} names no former champion; there were {', '.join([BASE, *known])}")
    [model] = found
    if model == now:
        raise NotDecidable(f"{to} is the champion already")
    return model
