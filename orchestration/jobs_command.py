"""`raftline jobs`: the training jobs of this home, what they cost, and how to end one that was left at its service."""

from typing import Annotated

import typer

from resources.errors import RaftlineError

jobs_app = typer.Typer(invoke_without_command=True, help="Training jobs: list them, or cancel one.")

SHOWN = 20


@jobs_app.callback()
def jobs(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, help="How many to list, newest first.")] = SHOWN,
) -> None:
    """List the training jobs of this home. Asks no service: `raftline refresh` looks at those that are open."""
    if context.invoked_subcommand is None:
        from orchestration.jobs_view import show_jobs
        from orchestration.opening import open_settings

        show_jobs(open_settings(), limit)


@jobs_app.command()
def cancel(recipe: Annotated[str, typer.Argument(help="The recipe whose open job is cancelled.")]) -> None:
    """Cancel the open job of a recipe at its service. What ran until then may be billed."""
    from orchestration.console import say
    from orchestration.opening import open_settings
    from orchestration.wiring import build_resources
    from resources.training.watching import JobWatch, words_of

    trainers = build_resources(open_settings())["trainers"]
    with trainers.book() as book:
        found = book.open_jobs(recipe=recipe)
        if not found:
            raise RaftlineError(f"recipe {recipe} has no open training job; `raftline jobs` lists them")
        for job in found:
            options = trainers.options.jobs
            watch = JobWatch(trainers.get(job.backend), book, options, lambda event: say(event.message))
            ended = watch.cancel(job, "cancelled", wait=True)
            said = ended.service_status or "nothing"
            say(f"job {job.name} was asked to end; its service says {said}" if ended.open else words_of(ended))
