"""`raftline endpoints`: what is deployed for us, since when, until when and for how much; `--sweep` cleans up."""

import json
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from resources.errors import RaftlineError

if TYPE_CHECKING:
    from orchestration.settings import Settings
    from resources.training.resource import TrainersResource
    from resources.training.sweeping import Sweep


def endpoints(
    sweep: Annotated[bool, typer.Option("--sweep", help="Ask the services, and take down what has expired.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """List the endpoints of this home with age, cost so far and expiry."""
    from orchestration.endpoints_view import describe_endpoints, show_endpoints
    from orchestration.opening import open_settings
    from orchestration.wiring import build_resources
    from resources.training.endpoints import EndpointBook

    settings = open_settings()
    trainers = build_resources(settings)["trainers"]
    done = _swept(settings, trainers) if sweep else None
    with closing(EndpointBook(trainers.ledger())) as book:
        serving = book.serving()
        shown = (book.bookings(), book.spent(), book.clock(), serving.name if serving else "", done)
    if as_json:
        print(json.dumps(describe_endpoints(*shown), ensure_ascii=False))
    else:
        show_endpoints(*shown, trainers.hosted())
    if done and done.problems:
        raise RaftlineError("; ".join(done.problems))


def _swept(settings: "Settings", trainers: "TrainersResource") -> "Sweep":
    from orchestration.home import open_instance
    from orchestration.sweeper import sweep_now

    with open_instance(settings) as instance:
        return sweep_now(trainers, instance)[0]
