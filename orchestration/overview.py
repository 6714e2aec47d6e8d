"""What a home holds: documents, questions, models, champion, the latest verdict."""

from collections import Counter
from pathlib import Path
from typing import Any

from assets.evaluation.champion import current, open_proposal
from assets.raft.recipe_files import options_fault
from assets.raft.recipes import load_recipes
from orchestration.catalog import asset_specs
from orchestration.console import say, say_wrapped, show_plan, table
from orchestration.endpoints_view import show_standing
from orchestration.jobs_view import show_open_jobs
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
        history = lake.rows_or_empty(CHAMPION_MODEL)
        champion = current(history)
        say("\nModels", "bold")
        table(
            ("model", "recipe", "backend", ""),
            [
                (m["model_id"], m["recipe"], m["backend"], "champion" if m["model_id"] == champion else _stamped(m))
                for m in models
            ],
        )
        if champion is None:
            say("champion: base + documents")
        show_proposal(settings)
    report = latest_report(settings)
    if report:
        say_wrapped(f"\n{report[0]}")
        say(f"Report: {report[1]}")
    show_open_jobs(settings)
    show_standing(resources["trainers"])
    plan = plan_refresh(read_state(asset_specs(settings), resources))
    arrivals = _arrivals(settings, resources)
    if plan:
        say("\nA refresh would run", "bold")
        show_plan(plan)
    elif not arrivals:
        say("\nEverything is up to date", "bold")


def _stamped(model: dict[str, Any]) -> str:
    return f"not a real model: {model['stamp']}" if model["stamp"] else ""


def show_proposal(settings: Settings) -> None:
    """Names the model that waits for somebody's decision, if one does."""
    proposal = open_proposal(build_resources(settings)["lake"].open().rows_or_empty(CHAMPION_MODEL))
    if proposal:
        say(f"proposed as champion: {proposal['model_id']}; `raftline champion` shows it and takes your decision")


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
    recipes, problems = load_recipes(settings.recipes_folder)
    for problem in problems:
        say(f"recipe {problem.reason}", "yellow")
    trainers = build_resources(settings)["trainers"]
    for fault in filter(None, (options_fault(recipe, trainers) for recipe in recipes.values())):
        say(fault, "yellow")


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
