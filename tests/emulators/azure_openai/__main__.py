"""Starts the emulator: `python tests/emulators/azure_openai --port 0`. Its first line says where it listens."""

import argparse
import os
import resource
import socket
import sys
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
BACKLOG = 16_384


def main() -> None:
    parser = argparse.ArgumentParser(description="Azure OpenAI emulator. Nothing it answers comes from a real model.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free port")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    parser.add_argument("--with-parent", action="store_true", help="end when the process that started it ends")
    arguments = parser.parse_args()
    if arguments.with_parent:
        threading.Thread(target=end_with, args=(os.getppid(),), daemon=True).start()
    sys.path[0] = str(HERE.parent)
    sys.path.append(str(ROOT))
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", arguments.port))
    listening.listen(BACKLOG)

    from azure_openai.server import run

    print(f"listening on http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    run(listening, {"latency": arguments.latency}, BACKLOG)


def end_with(parent: int) -> None:
    """Ends this process soon after its parent, however that ended."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(0)


if __name__ == "__main__":
    main()
