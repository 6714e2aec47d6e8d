"""A Dagster logger that tells a listener which step of an in-process run starts and ends. It prints nothing."""

import logging
from collections.abc import Callable, Generator
from contextlib import contextmanager

import dagster as dg

Listener = Callable[[str, str], None]
"""Called with the step's name and `STEP_START`, `STEP_SUCCESS` or `STEP_FAILURE`."""

_WATCHED = frozenset({"STEP_START", "STEP_SUCCESS", "STEP_FAILURE"})
_listeners: list[Listener] = []

PROGRESS_ONLY = {"loggers": {"progress": {}}}
"""Run configuration that replaces Dagster's console log by this logger."""


class _Handler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        meta = getattr(record, "dagster_meta", {})
        event = meta.get("dagster_event")
        if event is not None and event.event_type_value in _WATCHED:
            for listener in _listeners:
                listener(event.step_key or "", event.event_type_value)


@dg.logger(config_schema={}, description="Reports the steps of an in-process run to `raftline refresh`.")
def progress_logger(_context: dg.InitLoggerContext) -> logging.Logger:
    logger = logging.Logger("raftline.progress", logging.DEBUG)
    logger.addHandler(_Handler())
    return logger


@contextmanager
def listening(listener: Listener) -> Generator[None]:
    """Delivers steps to `listener` inside the block."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)
