"""Work that starts at once: `python warm.py`, then a line of JSON per group of works to run side by side.

Everything is loaded once and each work is a fork, so that it can be killed at any moment without seconds of start before.
A work is `ingest` with an `environment`: the first phase of a home, as `raftline refresh` does it. Or it is `stages` with
`ledger`, `roles` and `chunks`: contextualizer and teacher on a ledger. The answer to a line is first the process ids and,
once all have ended, their exit codes.
"""

import importlib
import json
import os
import sys
from typing import Any

from assets.chunks.contexts import contextualize
from assets.raft.generation import ask_teacher
from orchestration.execution import Refresher, RunFailed, end_dead_runs
from orchestration.home import home_lock, open_instance, prepare_home, process_environment
from orchestration.jobs import INGEST
from orchestration.settings import load_settings
from resources.llm.resource import ModelsResource
from resources.llm.roles import Role
from resources.options import ContextualizationOptions

LOADED_LATE = (
    "openai",
    "alembic.command",
    "dagster._core.storage.sqlite_storage",
    "resources.llm.providers.azure_openai",
    "sqlalchemy.dialects.sqlite",
)
"""What is imported when it is needed: loaded here once instead of in every fork."""

PER_CHUNK = 3


def ingest() -> None:
    """Brings the first phase of a home up to date."""
    settings = load_settings()
    os.environ.update(process_environment(settings))
    prepare_home(settings)
    with home_lock(settings), open_instance(settings) as instance:
        end_dead_runs(instance)
        refresher = Refresher(settings, instance)
        refresher.scan()
        for planned in refresher.execute():
            error = getattr(planned, "error", "")
            if error:
                raise RunFailed(error)
            if getattr(planned, "job", INGEST.job) != INGEST.job:
                break


def stages(work: dict[str, Any]) -> None:
    """Contexts, then questions and answers, of some chunks."""
    roles = {name: Role.model_validate(settings) for name, settings in work["roles"].items()}
    titles = {chunk["document_id"]: f"Tramway {chunk['document_id']}" for chunk in work["chunks"]}
    with ModelsResource(ledger_url=work["ledger"], roles=roles).open("run") as opened:
        contextualize(opened.chat("contextualizer"), work["chunks"], titles, ContextualizationOptions())
        ask_teacher(opened.chat("teacher"), work["chunks"], titles, PER_CHUNK)


def forked(work: dict[str, Any]) -> int:
    """Starts a work and returns its process id."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        os.environ.update(work["environment"])
        os.dup2(2, 1)
        if "chunks" in work:
            stages(work)
        else:
            ingest()
        code = 0
    finally:
        os._exit(code)


def main() -> None:
    for name in LOADED_LATE:
        importlib.import_module(name)
    for line in sys.stdin:
        children = [forked(work) for work in json.loads(line)]
        print(json.dumps(children), flush=True)
        codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        print(json.dumps(codes), flush=True)


if __name__ == "__main__":
    main()
