"""Starts the emulator: `python tests/emulators/object_store`. Its first line says where S3 and Azure Blob listen."""

import os
import sys
import threading
from pathlib import Path

os.environ["MOTO_S3_DEFAULT_MAX_KEYS"] = "3"  # few, so that every listing has several pages
sys.path[0] = str(Path(__file__).resolve().parents[1])


def main() -> None:
    import logging

    from moto.server import DomainDispatcherApplication, create_backend_app
    from object_store.azure_blob import AzureBlob
    from object_store.faults import Faults
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    stores = [DomainDispatcherApplication(create_backend_app), AzureBlob()]
    servers = [make_server("127.0.0.1", 0, Faults(store), threaded=True) for store in stores]
    threads = [threading.Thread(target=server.serve_forever) for server in servers]
    for thread in threads:
        thread.start()
    print("listening on", *(f"http://127.0.0.1:{server.server_port}" for server in servers), flush=True)
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
