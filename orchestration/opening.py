"""What a command opens before its work: the settings with their home prepared, and the home under its lock."""

import os
from collections.abc import Generator
from contextlib import contextmanager

from orchestration.execution import Refresher, end_dead_runs, live_server
from orchestration.home import home_lock, open_instance, prepare_home, process_environment
from orchestration.settings import Settings, load_settings


def open_settings() -> Settings:
    """The settings, with this process prepared to run on their home."""
    settings = load_settings()
    os.environ.update(process_environment(settings))
    prepare_home(settings)
    return settings


@contextmanager
def open_refresher(settings: Settings) -> Generator[Refresher]:
    """What runs work on the home, which is held until the block ends."""
    with home_lock(settings), open_instance(settings) as instance:
        if live_server(settings) is None:
            end_dead_runs(instance)
        yield Refresher(settings, instance)
