"""What a home holds: documents, questions, models, champion, the latest verdict."""

from collections import Counter
from pathlib import Path
from typing import Any

from assets.raft.recipes import load_recipes
from orchestration.catalog import asset_specs
from orchestration.console import say, say_wrapped, show_plan, table
from orchestration.planning import plan_refresh
from orchestration.settings import Settings
from orchestration.state import read_state
from orchestration.wiring import build_resources
from resources.errors import RaftlineError
from resources.lake.lake import Lake
from resources.lake.tables import CHAMPION_MODEL, EVAL_REPORT, MODEL_REGISTRY, QUESTION_BANK


def latest_report(settings: Settings) -> tuple[str, Path] | None:
    """The verdict and the report's file; None if there is none yet."""
    resources = build_resources(settings)
    rows = resources["lake"].open().rows_or_empty(EVAL_REPORT)
    return (rows[-1]["verdict"], resources["folders"].reports_path / rows[-1]["html"]) if rows else None


def show_status(settings: Settings) -> None:
    """Prints the state of the home."""
    resources = build_resources(settings)
    lake = resources["lake"].open()
    say(f"home {settings.home_folder}")
    _documents(lake, taken_in=bool(resources["corpus"].manifests().load()))
    bank = [row for row in lake.rows_or_empty(QUESTION_BANK) if row["status"] == "kept"]
    if bank:
        say("\nQuestions", "bold")
        found = Counter((row["origin"], row["split"]) for row in bank)
        table(("origin", "split", "questions"), [(*key, count) for key, count in sorted(found.items())])
    models = lake.rows_or_empty(MODEL_REGISTRY)
    if models:
        decisions = lake.rows_or_empty(CHAMPION_MODEL)
        champion = decisions[-1]["model_id"] if decisions else None
        say("\nModels", "bold")
        table(
            ("model", "recipe", "backend", ""),
            [
                (m["model_id"], m["recipe"], m["backend"], "champion" if m["model_id"] == champion else "")
                for m in models
            ],
        )
        if champion is None:
            say("champion: base + documents")
    report = latest_report(settings)
    if report:
        say_wrapped(f"\n{report[0]}")
        say(f"Report: {report[1]}")
    plan = plan_refresh(read_state(asset_specs(settings), resources))
    arrivals = _arrivals(settings, resources)
    if plan:
        say("\nA refresh would run", "bold")
        show_plan(plan)
    elif not arrivals:
        say("\nEverything is up to date", "bold")


def _arrivals(settings: Settings, resources: dict[str, Any]) -> bool:
    """Tells what the document folder holds that was not taken in yet; whether there is anything."""
    try:
        pending = resources["corpus"].pending(settings.batches.max_documents)
    except RaftlineError as error:
        say(f"\n{error}", "yellow")
        return True
    for manifest in pending:
        say(f"\nA refresh would take in a new batch: {manifest.summary()}", "bold")
    return bool(pending)


def show_problems(settings: Settings) -> None:
    """Names every document and recipe that cannot be used, and why."""
    for row in _inventory(build_resources(settings)["lake"].open()):
        if row["status"] in ("unreadable", "kept_last_good"):
            kept = "; its last good version still answers" if row["status"] == "kept_last_good" else ""
            say(f"{row['uri']}: {row['reason']}{kept}", "yellow")
    for problem in load_recipes(settings.recipes_folder)[1]:
        say(f"recipe {problem.reason}", "yellow")


def _inventory(lake: Lake) -> list[dict[str, Any]]:
    return lake.rows_or_empty("document_inventory")


def _documents(lake: Lake, *, taken_in: bool) -> None:
    rows = sorted(_inventory(lake), key=lambda row: row["uri"])
    if not rows and taken_in:
        say("the list of documents is not made yet, or gone with an erasure: `raftline refresh` makes it")
        return
    if not rows:
        say("no documents yet: `raftline add PATH`, then `raftline refresh`; or `raftline demo`")
        return
    say("\nDocuments", "bold")
    table(
        ("document", "status", "pages", "chunks", "questions", "reason"),
        [
            (row["uri"], row["status"], row["pages"], row["chunks"], row["questions_accepted"], row["reason"] or "")
            for row in rows
        ],
    )
