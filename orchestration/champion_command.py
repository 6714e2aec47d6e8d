"""`raftline champion`: who answers, what is proposed, and the decisions that people take."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from orchestration.championing import Decider

champion_app = typer.Typer(help="Who answers, what is proposed, where applications ask; approve, reject, roll back.")

Reason = Annotated[str, typer.Option(help="Why; kept with the decision.")]
By = Annotated[str, typer.Option(help="Who decides; your user name if not given.")]


@champion_app.callback(invoke_without_command=True)
def champion(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show the champion, the open proposal, and the OpenAI-shaped address that applications use."""
    if context.invoked_subcommand:
        return
    from orchestration.champion_view import describe, show_champion

    resources = _resources()
    if as_json:
        print(json.dumps(describe(resources), ensure_ascii=False))
    else:
        show_champion(resources)


@champion_app.command()
def approve(reason: Reason = "", by: By = "") -> None:
    """Promote the proposed model."""
    _decide(lambda decider, who: decider.approve(who, reason), by)


@champion_app.command()
def reject(reason: Reason = "", by: By = "") -> None:
    """Turn the proposal down; the champion stays."""
    _decide(lambda decider, who: decider.reject(who, reason), by)


@champion_app.command()
def rollback(
    to: Annotated[str, typer.Option(help="A former champion's id or its beginning, or `base`.")] = "",
    reason: Reason = "",
    by: By = "",
) -> None:
    """Go back to the former champion."""
    _decide(lambda decider, who: decider.roll_back(who, reason, to), by)


@champion_app.command()
def history() -> None:
    """Every proposal and decision, with who and when."""
    from orchestration.champion_view import show_history

    show_history(_resources())


def _resources() -> dict[str, Any]:
    from orchestration.opening import open_settings
    from orchestration.wiring import build_resources

    return build_resources(open_settings())


def _decide(take: "Callable[[Decider, str], object]", by: str) -> None:
    from orchestration.champion_view import show_champion
    from orchestration.championing import Decider, user_name
    from orchestration.opening import open_refresher, open_settings
    from orchestration.wiring import build_resources

    settings = open_settings()
    resources = build_resources(settings)
    with open_refresher(settings) as refresher:
        take(Decider(resources, refresher), by.strip() or user_name())
    show_champion(resources)
