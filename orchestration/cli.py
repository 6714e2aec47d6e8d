"""`raftline`: every verb calls what the UI would run. Errors are one clear message and exit code 1 or 2."""

import io
import json
import os
import sys
import warnings
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from resources.errors import RaftlineError, SettingsError

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Documents in, domain-adapted assistant out: a Dagster platform for RAFT.",
)
questions_app = typer.Typer(no_args_is_help=True, help="Questions that people bring.")
app.add_typer(questions_app, name="questions")


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
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # for terminals without UTF-8
    try:
        app(standalone_mode=True)
    except RaftlineError as error:
        from orchestration.console import complain

        complain(f"raftline: {error}")
        sys.exit(2 if isinstance(error, SettingsError) else 1)


def _settings():
    """The settings, with this process prepared to run on their home."""
    from orchestration.home import prepare_home, process_environment
    from orchestration.settings import load_settings

    settings = load_settings()
    os.environ.update(process_environment(settings))
    prepare_home(settings)
    return settings


@contextmanager
def _refresher(settings):
    from orchestration.execution import Refresher, end_dead_runs, live_server
    from orchestration.home import home_lock, open_instance

    with home_lock(settings), open_instance(settings) as instance:
        if live_server(settings) is None:
            end_dead_runs(instance)
        yield Refresher(settings, instance)


@app.command()
def demo(
    refresh: Annotated[bool, typer.Option("--refresh", help="Move the sample corpus to its second state.")] = False,
) -> None:
    """Run the sample corpus through everything, to the evaluation report."""
    from orchestration.console import say
    from orchestration.sample import FIRST, SECOND, place_sample

    settings = _settings()
    with _refresher(settings) as refresher:
        names = place_sample(settings, SECOND if refresh else FIRST)
        say(f"{len(names)} sample documents in {settings.documents_folder}")
        failed = _bring_up_to_date(settings, refresher)
    _show_report(settings)
    _admit(failed)
    say('\nNext: `raftline ask "..."` puts a question; `raftline dev` opens the Dagster UI.')


@app.command()
def refresh() -> None:
    """Say what is out of date and why, then bring it up to date."""
    settings = _settings()
    with _refresher(settings) as refresher:
        failed = _bring_up_to_date(settings, refresher)
    _show_report(settings)
    _admit(failed)


@app.command()
def add(paths: Annotated[list[Path], typer.Argument(help="PDF files, or folders of them.")]) -> None:
    """Copy documents into the corpus; `raftline refresh` takes them in."""
    from orchestration.console import say
    from orchestration.home import home_lock
    from orchestration.intake import add_documents

    settings = _settings()
    with home_lock(settings):
        for note in add_documents(paths, settings.documents_folder):
            say(note)
    say("Run `raftline refresh` to take them in.")


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
    say(f"  {reply.model}", "dim")


@questions_app.command("add")
def questions_add(file: Annotated[Path, typer.Argument(help="JSON Lines, one question per line.")]) -> None:
    """Check a file of questions and add it; `raftline refresh` takes it in."""
    from orchestration.console import counted, say
    from orchestration.home import home_lock
    from orchestration.intake import add_questions

    settings = _settings()
    with home_lock(settings):
        checked = add_questions(file, settings.questions_folder)
    for note in checked.notes:
        say(note, "yellow")
    say(f"{counted(checked.questions, 'question')} added. Run `raftline refresh` to take them in.")


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
    if not _show_report(_settings()):
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
    from orchestration.server import serve

    settings = _settings()
    raise typer.Exit(serve(settings, port or settings.port))


def _bring_up_to_date(settings, refresher) -> list:
    """Runs what there is to do; returns the outcomes that failed."""
    from orchestration.console import follow, say, show_plan
    from orchestration.overview import show_problems
    from orchestration.question_notes import show_unusable_questions

    fresh = refresher.scan()
    plan = refresher.plan()
    for manifest in fresh:
        say(f"new batch {manifest.key}: {manifest.summary()}")
    if not plan:
        documents = settings.documents_folder
        empty = not any(documents.rglob("*.[pP][dD][fF]"))
        say(f"no documents in {documents}: add some with `raftline add PATH`" if empty else "everything is up to date")
    else:
        show_plan(plan)
    try:
        return [outcome for outcome in follow(refresher) if outcome.error] if plan else []
    finally:
        show_problems(settings)
        show_unusable_questions(settings)


def _admit(failed) -> None:
    """Raises `RunFailed` if runs failed that did not hold up the others."""
    from orchestration.console import counted
    from orchestration.execution import RunFailed

    if failed:
        runs = counted(len(failed), "run")
        names = ", ".join(f"{outcome.run.job} {outcome.run.partition}" for outcome in failed)
        raise RunFailed(f"{runs} failed ({names}); the reasons are above, everything else went on")


def _show_report(settings) -> bool:
    """Prints the latest verdict and where its report is; whether there is one."""
    from orchestration.console import say, say_wrapped
    from orchestration.overview import latest_report

    found = latest_report(settings)
    if found is None:
        return False
    verdict, path = found
    say_wrapped(f"\n{verdict}")
    say(f"Report: {path}")
    return True


if __name__ == "__main__":
    main()
