"""`raftline add`, `raftline erase` and `raftline questions`: what people put into a home, and what they take out for good."""

from pathlib import Path
from typing import Annotated

import typer

from resources.errors import RaftlineError

questions_app = typer.Typer(no_args_is_help=True, help="Questions that people bring.")


def add(paths: Annotated[list[Path], typer.Argument(help="PDF files, or folders of them.")]) -> None:
    """Copy documents into the corpus; `raftline refresh` takes them in."""
    from orchestration.console import say
    from orchestration.home import home_lock
    from orchestration.intake import add_documents
    from orchestration.opening import open_settings
    from orchestration.wiring import build_resources

    settings = open_settings()
    if "://" in settings.documents_place:
        raise RaftlineError(
            f"documents come from {settings.documents_place}: upload them there, then `raftline refresh`"
        )
    with home_lock(settings):
        erased = build_resources(settings)["corpus"].erased()
        for note in add_documents(paths, settings.documents_folder, erased):
            say(note)
    say("Run `raftline refresh` to take them in.")


def erase(
    document: Annotated[str, typer.Argument(help="Path below the document folder, or the document's id.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask first.")] = False,
) -> None:
    """Remove every byte derived from a document, and mark the models that learned from it."""
    from orchestration.console import say
    from orchestration.erase import erase as erase_target
    from orchestration.erase import find_target
    from orchestration.execution import end_dead_runs, live_server
    from orchestration.home import home_lock, open_instance
    from orchestration.opening import open_settings
    from orchestration.wiring import build_resources

    settings = open_settings()
    with home_lock(settings), open_instance(settings) as instance:
        if live_server(settings):
            raise RaftlineError("`raftline dev` runs on this home and may be at work: stop it, then erase")
        target = find_target(document, build_resources(settings))
        if target is None:
            say(f"{document} was erased before: nothing to do")
            return
        say(f"To be erased for good, in all versions: {', '.join(target.uris)}")
        if not yes:
            typer.confirm("Go on?", abort=True)
        end_dead_runs(instance)
        for note in erase_target(settings, instance, target):
            say(note)
    say("Run `raftline refresh` to make the rest again without it.")


@questions_app.command("add")
def questions_add(file: Annotated[Path, typer.Argument(help="JSON Lines, one question per line.")]) -> None:
    """Check a file of questions and add it; `raftline refresh` takes it in."""
    from orchestration.console import counted, say
    from orchestration.home import home_lock
    from orchestration.intake import add_questions
    from orchestration.opening import open_settings

    settings = open_settings()
    with home_lock(settings):
        checked = add_questions(file, settings.questions_folder)
    for note in checked.notes:
        say(note, "yellow")
    say(f"{counted(checked.questions, 'question')} added. Run `raftline refresh` to take them in.")
