"""`raftline dev`: Dagster's webserver and daemon on this home, on 127.0.0.1 only, ended together."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time

from orchestration.console import say
from orchestration.execution import end_dead_runs, live_server, server_file
from orchestration.home import home_lock, open_instance
from orchestration.settings import PROJECT, Settings
from resources.errors import RaftlineError

POLL_SECONDS = 0.3
GRACE_SECONDS = 15.0


def serve(settings: Settings, port: int) -> int:
    """Runs until interrupted; returns the exit code. Raises `RaftlineError` if the port or the home is taken."""
    if live_server(settings):
        raise RaftlineError(f"`raftline dev` already runs on {settings.home_folder} (port {live_server(settings)})")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise RaftlineError(f"port {port} is in use; choose another with --port") from error
    with home_lock(settings), open_instance(settings) as instance:
        end_dead_runs(instance)
    workspace = PROJECT / "workspace.yaml"
    where = ["-w", str(workspace)] if workspace.is_file() else ["-m", "orchestration.definitions"]
    command = [sys.executable, "-W", "ignore", "-m", "dagster", "dev", "-h", "127.0.0.1", "-p", str(port), *where]
    # Handlers set before the start are reset to the default in the child; an inherited "ignore" would leave
    # orphans behind when raftline was itself started in the background.
    stopping: list[int] = []
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda number, _frame: stopping.append(number))
    process = subprocess.Popen(command, env=os.environ, start_new_session=True)
    server_file(settings).write_text(json.dumps({"pid": process.pid, "port": port}), encoding="utf-8")
    say(f"Dagster UI on http://127.0.0.1:{port} for {settings.home_folder}; stop it with Ctrl-C")
    try:
        while process.poll() is None and not stopping:
            time.sleep(POLL_SECONDS)
        return _end(process)
    finally:
        server_file(settings).unlink(missing_ok=True)


def _end(process: subprocess.Popen[bytes]) -> int:
    """Asks the whole group to stop, then makes it; 0 if it was asked."""
    if process.poll() is not None:
        return process.returncode
    os.killpg(process.pid, signal.SIGINT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(GRACE_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    return 0
