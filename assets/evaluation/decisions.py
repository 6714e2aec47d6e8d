"""What people decided about the champion: JSON lines in the home, appended by `raftline champion` and never changed.

The file is an input, as questions are: `champion_model` folds it. A line holds everything that the decision rested on.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from resources.errors import RaftlineError
from resources.files import write_whole
from resources.hashing import canonical_json, content_hash, short_id

FILE = "champion.jsonl"
APPROVE = "approve"
REJECT = "reject"
ROLL_BACK = "rollback"
ACTIONS = (APPROVE, REJECT, ROLL_BACK)


@dataclass(frozen=True)
class ChampionDecision:
    """A person's decision. `model_id` is whom it is about: the proposed model, or the one to go back to (None: the base).

    `seen` counts the decisions of `champion_model` that the person saw: what came later may make this one void. `at` is
    when it was recorded (UTC, ISO 8601); `report`, `dataset_version` and `snapshot` name what an approval rests on.
    """

    action: str
    model_id: str | None
    seen: int
    by: str
    at: str
    reason: str = ""
    report: str = ""
    dataset_version: str = ""
    snapshot: str = ""

    @property
    def key(self) -> str:
        """Names the decision in `champion_model`, so that it is folded once."""
        return short_id("champion decision", asdict(self))


def read_decisions(folder: Path | None) -> list[ChampionDecision]:
    """The decisions in the order in which they were recorded. Raises `RaftlineError` naming a line that is none."""
    return list(_lines(folder / FILE)) if folder and (folder / FILE).is_file() else []


def decisions_version(folder: Path | None) -> str:
    """Changes when somebody decides; empty while nobody did."""
    decisions = read_decisions(folder)
    return content_hash([asdict(one) for one in decisions]) if decisions else ""


def record(folder: Path, decision: ChampionDecision) -> None:
    """Adds a decision; the file is replaced whole. Call it under the home's lock."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [canonical_json(asdict(one)) for one in (*read_decisions(folder), decision)]
    write_whole(folder / FILE, "".join(f"{line}\n" for line in lines).encode())


def _lines(path: Path) -> Iterator[ChampionDecision]:
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
        if line.strip():
            try:
                yield _decision(json.loads(line))
            except (ValueError, TypeError, RecursionError) as error:
                raise RaftlineError(
                    f"{path}:{number} is no decision ({error}); take the line out, and decide with `raftline champion`"
                ) from error


def _decision(data: Any) -> ChampionDecision:
    if not isinstance(data, dict):
        raise ValueError("a line must be a JSON object")
    decision = ChampionDecision(**data)
    if decision.action not in ACTIONS:
        raise ValueError(f"`action` must be one of {', '.join(ACTIONS)}")
    texts = {name: value for name, value in asdict(decision).items() if name not in ("seen", "model_id")}
    wrong = [name for name, value in texts.items() if not isinstance(value, str)]
    if wrong or not isinstance(decision.model_id, str | None):
        raise ValueError(f"{', '.join(wrong) or 'model_id'} must be a text")
    if isinstance(decision.seen, bool) or not isinstance(decision.seen, int) or decision.seen < 0:
        raise ValueError("`seen` must count decisions")
    if decision.model_id is None and decision.action != ROLL_BACK:
        raise ValueError("`model_id` is missing")
    datetime.fromisoformat(decision.at)
    return decision
