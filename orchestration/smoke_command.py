"""`raftline smoke`: verifies a training backend against the real service, with the settings of this home."""

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
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask first.")] = False,
) -> None:
    """Train the smallest possible job, deploy it, ask it, take everything down, and print the bill."""
    from orchestration.console import say
    from orchestration.opening import open_settings
    from orchestration.smoke import SmokeTest
    from orchestration.smoke_plan import NAMES, plan_lines, plan_smoke, smallest
    from orchestration.wiring import build_resources

    resources = build_resources(open_settings())
    trainers = smallest(resources["trainers"])
    with trainers.book() as book:
        plan = plan_smoke(NAMES[backend.value], trainers, book, base_model, accept_eula)
    for line in plan_lines(plan, trainers):
        say(line)
    if not yes:
        typer.confirm("Go on?", abort=True)
    if not SmokeTest(plan, trainers, resources["models"], say).run():
        raise typer.Exit(1)
