"""Fixtures that every folder of tests shares: a clean environment, a lake and settings of a temporary home."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from orchestration.settings import Settings, load_settings
from resources.lake.lake import Lake

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test depends on the shell it was started from."""
    for name in list(os.environ):
        if name.startswith("RAFTLINE_") or name == "DAGSTER_HOME":
            monkeypatch.delenv(name)


@pytest.fixture
def root() -> Path:
    """The folder of the repository."""
    return ROOT


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """An empty lake."""
    return Lake(tmp_path / "lake")


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., Settings]:
    """Makes settings for a project of its own: `project(port=3001)` writes that raftline.yaml and loads it."""
    folder = tmp_path / "project"
    folder.mkdir()

    def load(**content: object) -> Settings:
        (folder / "raftline.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
        return load_settings(folder)

    return load
