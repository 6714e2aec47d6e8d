"""Starts the emulator: `python tests/emulators/sagemaker --port 0`. Its first line says where it listens."""

import argparse
import logging
import os
import sys
import threading
import time
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description="SageMaker emulator. Nothing it trains or answers is a real model.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free port")
    parser.add_argument("--with-parent", action="store_true", help="end when the process that started it ends")
    arguments = parser.parse_args()
    if arguments.with_parent:
        threading.Thread(target=end_with, args=(os.getppid(),), daemon=True).start()
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    for name, value in {"AWS_ACCESS_KEY_ID": "emulator", "AWS_SECRET_ACCESS_KEY": "emulator"}.items():
        os.environ[name] = value
    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)

    from sagemaker.server import open_server

    server = open_server(arguments.port)
    print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


def end_with(parent: int) -> None:
    """Ends this process soon after its parent, however that ended."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(0)


if __name__ == "__main__":
    main()
