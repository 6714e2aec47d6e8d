"""What stands behind a resource's name, and what the UI may tell of it."""

import dagster as dg
from dagster._core.remote_representation.external_data import RepositorySnap

from orchestration.definitions import build_defs
from orchestration.wiring import build_resources


def test_a_password_in_the_ledger_s_variable_is_not_in_the_definitions(project, monkeypatch) -> None:
    monkeypatch.setenv("RAFTLINE_LEDGER_URL", "postgresql://raft:secret-word@127.0.0.1:1/ledger")
    definitions = build_defs(project())
    assert "secret-word" not in str(RepositorySnap.from_def(definitions.get_repository_def()))


def test_the_ledger_of_the_environment_is_the_one_that_is_used(project, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("RAFTLINE_LEDGER_URL", f"sqlite:///{tmp_path / 'other.db'}")
    models = build_resources(project())["models"]
    assert models.spend().num_rows == 0
    assert (tmp_path / "other.db").is_file()
    with dg.build_resources({"models": models}) as resources, resources.models.open() as opened:
        assert opened.embedder().embed(["text"])
    assert models.spend().num_rows == 1
