"""Why a run failed: the error that counts, in words for people, and whether its cause passes by itself."""

import re
from typing import Any

import dagster as dg
from obstore.exceptions import GenericError

from resources.corpus.source import SourceUnavailable
from resources.llm.batch import BatchPending
from resources.llm.lanes import ModelCallFailed
from resources.llm.ledger import LedgerError

PASSING = frozenset(
    error.__name__
    for error in (
        SourceUnavailable,  # the document source does not answer, or lets nothing be read
        ModelCallFailed,  # no answer for too long, no quota, no such deployment, a key that does not fit
        BatchPending,  # the Batch API is still at work; the next run collects what is ready
        LedgerError,  # the ledger's database or disk
        GenericError,  # the lake's object store, after its own retries
        TimeoutError,
        ConnectionError,
        *ConnectionError.__subclasses__(),
    )
)
"""Errors whose cause passes without a change of documents, settings or code: the same run may succeed later.

What is not here is not repeated: documents, code, settings and budgets wait for people.
"""

_OURS = re.compile(r"(?:(?:resources|assets|dbt_like_sql|orchestration)\.[\w.]+|dagster\.[\w.]+\.Failure): ")
"""How Dagster writes down an error whose message was written for people: after the path of its class."""


def why_failed(instance: dg.DagsterInstance, run_id: str) -> str:
    """The first failed step of a run that ended elsewhere, in words for people."""
    for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_FAILURE):
        if entry.dagster_event and entry.dagster_event.step_failure_data.error:
            return explain(entry.dagster_event.step_failure_data.error)
    return f"see the run {run_id} in the UI"


def explain(error: Any) -> str:
    """A step's failure in words for people: our own message without its class, else the innermost error."""
    message = _decisive(error).message.strip()
    return _OURS.sub("", message) if _OURS.match(message) else message.split("\n")[0]


def passing_cause(instance: dg.DagsterInstance, run_id: str) -> str:
    """The message of the first failed step whose cause passes; empty if there is none in that run."""
    for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_FAILURE):
        event = entry.dagster_event
        error = event.step_failure_data.error if event else None
        if error and _decisive(error).cls_name in PASSING:
            return explain(error)
    return ""


def _decisive(error: Any) -> Any:
    """The outermost error of our own in a chain of causes, else the innermost of all."""
    while error.cause and not _OURS.match(error.message):
        error = error.cause
    return error
