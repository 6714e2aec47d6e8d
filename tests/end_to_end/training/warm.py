"""Commands that start at once: `python warm.py`, then a line of JSON per command: `args`, `environment`, and where it `says`.

Everything is loaded once and each command is a fork, so that it can be killed at any moment without seconds of start
before. The answer to a line is first the process id and, once it has ended, its exit code, negative for a signal.
"""

import importlib
import importlib.util
import json
import os
import signal
import sys
from typing import Any

from orchestration.cli import main as raftline

LOADED_LATE = (
    "alembic.command",
    "azure.identity",
    "azure.mgmt.cognitiveservices.models",
    "boto3",
    "dagster._core.storage.sqlite_storage",
    "matplotlib.figure",
    "openai.resources.chat",
    "openai.resources.fine_tuning",
    "orchestration.definitions",
    "orchestration.execution",
    "orchestration.opening",
    "sagemaker.core.image_uris",
    "sagemaker.core.jumpstart.types",
    "scipy.sparse",
    "sqlalchemy.dialects.sqlite",
    "transformers.models.auto.modeling_auto",
    "transformers.models.auto.tokenization_auto",
    "transformers.models.llama.modeling_llama",
)
"""What is imported when it is needed: loaded here once instead of in every fork, where it is installed."""


def forked(work: dict[str, Any]) -> int:
    """Starts a command and returns its process id."""
    child = os.fork()
    if child:
        return child
    code: object = 3
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.environ.clear()
        os.environ.update(work["environment"])
        said = os.open(work["said"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for stream in (1, 2):
            os.dup2(said, stream)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        sys.argv = ["raftline", *work["args"]]
        raftline()
        code = 0
    except SystemExit as end:
        code = end.code
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else int(code is not None))


def main() -> None:
    for name in LOADED_LATE:
        if importlib.util.find_spec(name.partition(".")[0]):
            importlib.import_module(name)
    for line in sys.stdin:
        child = forked(json.loads(line))
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
