"""`raftline smoke`: verifies a training backend against the real service, with the settings of this home."""

import signal
from collections.abc import Generator
from contextlib import contextmanager
from enum import StrEnum
from typing import Annotated

import typer


class Place(StrEnum):
    """What can be tested."""

    azure = "azure"
    sagemaker = "sagemaker"
    local = "local"


def smoke(
    backend: Annotated[Place, typer.Argument(help="The backend to verify.")],
    base_model: Annotated[
        str, typer.Option("--base-model", help="What is tuned; needed for sagemaker and local.")
    ] = "",
    accept_eula: Annotated[
        str,
        typer.Option("--accept-eula", metavar="WHO", help="Who read and accepts the base model's licence (sagemaker)."),
    ] = "",
    discard: Annotated[
        bool, typer.Option("--discard", help="Train nothing; remove what interrupted or failed tests left behind.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask first.")] = False,
) -> None:
    """Train the smallest possible job, deploy it, ask it, take everything down, and print the bill."""
    from orchestration.console import say
    from orchestration.opening import open_settings
    from orchestration.smoke import SmokeTest
    from orchestration.smoke_leftovers import discard_leftovers
    from orchestration.smoke_plan import NAMES, plan_lines, plan_smoke, smallest
    from orchestration.wiring import build_resources

    resources = build_resources(open_settings())
    trainers = smallest(resources["trainers"])
    if discard:
        if not discard_leftovers(trainers, NAMES[backend.value], say):
            raise typer.Exit(1)
        return
    with trainers.book() as book:
        plan = plan_smoke(NAMES[backend.value], trainers, book, base_model, accept_eula)
    for line in plan_lines(plan, trainers):
        say(line)
    if not yes:
        typer.confirm("Go on?", abort=True)
    with _stoppable():
        worked = SmokeTest(plan, trainers, resources["models"], say).run()
    if not worked:
        raise typer.Exit(1)


@contextmanager
def _stoppable() -> Generator[None]:
    """Lets whoever ends the process do so as Ctrl-C does: what is up is taken down on the way out."""
    before = {number: signal.signal(number, signal.default_int_handler) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
