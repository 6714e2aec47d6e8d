"""`raftline serve`: the champion behind an OpenAI-shaped address on this machine."""

import contextlib
import os
import socket
from typing import TYPE_CHECKING, Annotated

import typer

from resources.errors import RaftlineError, SettingsError

if TYPE_CHECKING:
    from assets.serving.assistant import Assistant
    from orchestration.settings import Settings


def serve(
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port on 127.0.0.1; serving.port if not given.")
    ] = None,
) -> None:
    """Answer for the champion on 127.0.0.1 as an OpenAI-shaped service; follows promotions without a restart."""
    import uvicorn

    from assets.serving.assistant import ALIAS
    from orchestration.champion_server import build_app
    from orchestration.console import say
    from orchestration.opening import open_settings

    settings = open_settings()
    number = port or settings.serving.port
    app = build_app(assistant_of(settings), key_of(settings))
    listener = listen(number)
    say(f"the champion answers on http://127.0.0.1:{number}/v1 (model {ALIAS}); stop it with Ctrl-C")
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off")).run(sockets=[listener])


def assistant_of(settings: "Settings") -> "Assistant":
    """The assistant of a home."""
    from assets.serving.assistant import Assistant
    from orchestration.wiring import build_resources

    resources = build_resources(settings)
    parts = {name: resources[name] for name in ("lake", "index", "folders", "models", "trainers")}
    return Assistant(**parts, documents=settings.evaluation.documents)


def key_of(settings: "Settings") -> str:
    """The key that clients must send. Raises `SettingsError` if one is asked for and the environment holds none."""
    variable = settings.serving.key_variable
    key = os.environ.get(variable, "") if variable else ""
    if variable and not key:
        raise SettingsError(f"serving.key_variable names {variable}, which is not set: give it the key, or take it out")
    return key


def listen(port: int) -> socket.socket:
    """A socket on 127.0.0.1, bound before anything is told. Raises `RaftlineError` if the port is taken."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        listener.close()
        raise RaftlineError(f"port {port} is in use; choose another with --port") from error
    return listener
