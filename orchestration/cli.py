"""`raftline`: every verb calls what the UI would run. Errors are one clear message and exit code 1 or 2."""

import atexit
import io
import json
import os
import sys
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from orchestration.champion_command import champion_app
from orchestration.documents_command import add, erase, questions_app
from orchestration.endpoints_command import endpoints
from orchestration.jobs_command import jobs_app
from orchestration.serve_command import serve
from orchestration.smoke_command import smoke
from resources.errors import RaftlineError, SettingsError

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Documents in, domain-adapted assistant out: a Dagster platform for RAFT.",
)
app.add_typer(questions_app, name="questions")
app.add_typer(champion_app, name="champion")
app.add_typer(jobs_app, name="jobs")
app.command("serve")(serve)
app.command("endpoints")(endpoints)
app.command("smoke")(smoke)


def _print_version(asked: bool) -> None:
    if asked:
        print(f"raftline {version('raftline')}")
        raise typer.Exit


@app.callback()
def common(
    _: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """What holds for every command."""


def main() -> None:
    """The console script: a `RaftlineError` becomes its message, never a traceback."""
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # libraries' notes to developers
        atexit.register(_end_quietly)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # for terminals without UTF-8
    try:
        app(standalone_mode=True)
    except RaftlineError as error:
        from orchestration.console import complain

        complain(f"raftline: {error}")
        sys.exit(2 if isinstance(error, SettingsError) else 1)


def _end_quietly() -> None:
    """Closes stderr for what comes after Python: once PyTorch is loaded, DuckDB's binding lists there what it calls leaks."""
    if "torch" in sys.modules:
        sys.stderr.flush()
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def _settings():
    from orchestration.opening import open_settings

    return open_settings()


@app.command()
def demo(
    refresh: Annotated[bool, typer.Option("--refresh", help="Move the sample corpus to its second state.")] = False,
) -> None:
    """Run the sample corpus through everything, to the evaluation report."""
    from orchestration.console import say
    from orchestration.opening import open_refresher
    from orchestration.refreshing import admit, bring_up_to_date, show_report
    from orchestration.sample import FIRST, SECOND, place_sample

    settings = _settings()
    if "://" in settings.documents_place:
        raise RaftlineError(
            f"the demo writes its documents into a folder, and `documents` is {settings.documents_place}: take that "
            "setting out, or run the demo from a folder with a raftline.yaml of its own"
        )
    with open_refresher(settings) as refresher:
        names = place_sample(settings, SECOND if refresh else FIRST)
        say(f"{len(names)} sample documents in {settings.documents_folder}")
        failed = bring_up_to_date(settings, refresher)
    show_report(settings)
    admit(failed)
    say('\nNext: `raftline ask "..."` puts a question; `raftline dev` opens the Dagster UI.')


@app.command()
def refresh() -> None:
    """Say what is out of date and why, then bring it up to date."""
    from orchestration.opening import open_refresher
    from orchestration.refreshing import admit, bring_up_to_date, show_report

    settings = _settings()
    with open_refresher(settings) as refresher:
        failed = bring_up_to_date(settings, refresher)
    show_report(settings)
    admit(failed)


@app.command()
def estimate(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """What the next refresh would send to models, what it would cost and how long it would take; sends nothing."""
    from orchestration.catalog import asset_specs
    from orchestration.estimate import as_dict, show_estimate
    from orchestration.estimate import estimate as reckon
    from orchestration.planning import plan_refresh
    from orchestration.state import read_state
    from orchestration.wiring import build_resources

    settings = _settings()
    resources = build_resources(settings)
    corpus = resources["corpus"].pending(settings.batches.max_documents)
    evaluates = bool(corpus or plan_refresh(read_state(asset_specs(settings), resources)))
    stages, material = reckon(resources, evaluates=evaluates)
    if as_json:
        print(json.dumps(as_dict(stages, material), ensure_ascii=False))
    else:
        show_estimate(stages, material, evaluates=evaluates)


app.command()(add)
app.command()(erase)


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="The question, in quotes.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Put a question to the champion, over the current index."""
    from assets.evaluation.asking import ask as ask_champion
    from assets.raft.recipe_files import valid_recipes
    from orchestration.console import say
    from orchestration.wiring import build_resources
    from resources.hashing import well_formed
    from resources.lake.tables import SEARCH_INDEX

    settings = _settings()
    resources = build_resources(settings)
    if resources["lake"].open().version(SEARCH_INDEX) is None:
        raise RaftlineError("there is nothing to ask yet: run `raftline add PATH` and `raftline refresh`")
    with resources["models"].open() as models:
        reply = ask_champion(
            well_formed(question),
            resources["lake"].open(),
            resources["index"].load(),
            models,
            resources["trainers"],
            valid_recipes(settings.recipes_folder),
            settings.evaluation.documents,
        )
    if as_json:
        print(json.dumps(reply.as_dict(), ensure_ascii=False))
        return
    say(reply.answer, "bold")
    for quote in reply.quotes:
        say(f"  “{quote.text}”\n  {quote.document}, page {quote.page}")
    if reply.warning:
        say(f"  {reply.warning}", "yellow")
    say(f"  {reply.model}", "dim")


@app.command("audit-dataset")
def audit_dataset(
    files: Annotated[list[Path], typer.Argument(help="RAFT or chat JSON Lines; the split is read from the name.")],
    token_limit: Annotated[
        int | None, typer.Option(min=1, help="Longest row the trainer takes, in tokens; 1024 if not given.")
    ] = None,
) -> None:
    """Look for leaks, missing oracles, unverified quotes and duplicates in anyone's RAFT dataset; prints JSON."""
    from assets.raft.audit import TOKEN_LIMIT, audit

    print(json.dumps(audit(files, token_limit or TOKEN_LIMIT), ensure_ascii=False, indent=2))


@app.command()
def report() -> None:
    """Print the latest verdict and where the report is."""
    from orchestration.refreshing import show_report

    if not show_report(_settings()):
        raise RaftlineError("there is no report yet: run `raftline refresh`")


@app.command()
def status() -> None:
    """Documents, questions, models, champion, and what a refresh would do."""
    from orchestration.overview import show_status

    show_status(_settings())


@app.command()
def doctor() -> None:
    """Check that everything this home needs is there and works."""
    from orchestration.doctor import examine

    if not examine():
        raise typer.Exit(1)


@app.command()
def dev(
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port on 127.0.0.1; from the settings if not given.")
    ] = None,
) -> None:
    """Start the Dagster UI and its daemon on this home."""
    from orchestration.server import serve as serve_ui

    settings = _settings()
    raise typer.Exit(serve_ui(settings, port or settings.port))


if __name__ == "__main__":
    main()
