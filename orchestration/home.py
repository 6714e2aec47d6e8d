"""The home: the one folder of state, Dagster's instance inside it, and the lock that one writer holds."""

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from orchestration.settings import Settings, environment_paths, find_config
from resources.egress.telemetry import TELEMETRY_OFF
from resources.errors import RaftlineError, SettingsError

_DAGSTER_YAML = """\
# Rendered by raftline at every start; change raftline.yaml instead.
telemetry:
  enabled: false
nux:
  enabled: false
run_queue:
  dequeue_interval_seconds: 1
concurrency:
  runs:
    # Two runs of work at a time; the third place is the sweeper's, which must not wait for hours of it.
    max_concurrent_runs: 3
    tag_concurrency_limits:
      - key: raftline/work
        limit: 2
  pools:
    granularity: op
    default_limit: 1
schedules:
  use_threads: true
  num_workers: 2
sensors:
  use_threads: true
  num_workers: 2
"""

_POOLS = {"training": 2}
"""Pools with another limit than the default: recipes train at their services side by side. On this machine one does."""


class HomeBusy(RaftlineError):
    """Another raftline command is at work on the same home."""


def prepare_home(settings: Settings) -> Path:
    """Creates the home's folders and Dagster's configuration. Raises `SettingsError` if it cannot be written."""
    home = settings.home_folder
    try:
        for folder in (home, home / "dagster", home / "reports"):
            folder.mkdir(parents=True, exist_ok=True)
        # Only our own, and only in a home that knows no document yet: a folder that is gone must not come back
        # empty, which would read as "every document was withdrawn".
        if not (home / "corpus" / "manifests").exists():
            for folder in (Path(settings.documents_place), settings.questions_folder):
                if folder.is_relative_to(home):
                    folder.mkdir(parents=True, exist_ok=True)
        config = home / "dagster" / "dagster.yaml"
        if not config.is_file() or config.read_text(encoding="utf-8") != _DAGSTER_YAML:
            config.write_text(_DAGSTER_YAML, encoding="utf-8")
        probe = home / f".writable-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise SettingsError(
            f"the home {home} cannot be written ({error.strerror}: {error.filename}); "
            "set RAFTLINE_HOME to a folder of yours"
        ) from error
    return home


def process_environment(settings: Settings) -> dict[str, str]:
    """The environment in which every process of this home runs, children included."""
    config = find_config(Path.cwd())
    return {
        "DAGSTER_HOME": str(settings.home_folder / "dagster"),
        # Children may start in another folder, where a relative path would be another one.
        **{f"RAFTLINE_{name.upper()}": str(getattr(settings, f"{name}_folder")) for name in environment_paths()},
        "RAFTLINE_HOME": str(settings.home_folder),
        **({"RAFTLINE_CONFIG": str(config)} if config else {}),
        **TELEMETRY_OFF,
        # Two BLAS threads on two busy cores are forty times slower than one.
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
    }


@contextmanager
def open_instance(settings: Settings) -> Generator[dg.DagsterInstance]:
    """The home's Dagster instance."""
    prepare_home(settings)
    with dg.DagsterInstance.from_config(str(settings.home_folder / "dagster")) as instance:
        for pool, limit in _POOLS.items():
            if instance.event_log_storage.get_concurrency_info(pool).slot_count != limit:
                instance.event_log_storage.set_concurrency_slots(pool, limit)
        yield instance


@contextmanager
def home_lock(settings: Settings) -> Generator[None]:
    """Held by the command that changes the home. Raises `HomeBusy` at once if another holds it."""
    path = prepare_home(settings) / "lock"
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise HomeBusy(f"another raftline command is at work on {settings.home_folder}; wait for it") from error
        yield
