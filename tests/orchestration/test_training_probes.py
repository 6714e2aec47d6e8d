"""What `raftline doctor` says about training backends: services are only read, and nobody is asked where none is set."""

import socket
import time
from collections.abc import Callable
from typing import Any

import pytest

from orchestration.probing import Row, training_rows
from orchestration.wiring import build_resources


@pytest.fixture
def probed(project) -> Callable[..., list[Row]]:
    """The rows of a project with these trainers."""
    return lambda patience=30.0, **trainers: list(
        training_rows(build_resources(project(trainers=trainers))["trainers"], patience)
    )


def test_a_home_without_training_backends_has_no_rows_and_asks_nobody(probed) -> None:
    assert probed() == []


def test_azure_is_read_and_left_as_it_is(probed, emulator, azure_environment) -> None:
    rows = probed(azure_openai=emulator.trainer())
    assert [(row[0], row[1]) for row in rows] == [("ok", "azure_openai"), ("ok", "azure_openai endpoints")]
    assert "127.0.0.1 takes the key, 4 models can be tuned, an emulator, not a real model" in rows[0][2]
    assert rows[1][2] == "0 of owner raftline"
    assert {one["path"].split()[0] for one in emulator.served() if " " in one["path"]} <= {"GET"}
    assert (emulator.jobs(), emulator.deployments()) == ([], [])


def test_sagemaker_is_read_with_region_bucket_and_role(probed, sagemaker) -> None:
    rows = probed(sagemaker_jumpstart=sagemaker.trainer())
    assert [row[0] for row in rows] == ["ok", "ok"]
    assert f"us-east-1 and {sagemaker.prefix} can be read, role {sagemaker.role_arn}" in rows[0][2]
    changing = ("Create", "Delete", "Put", "S3:PUT", "S3:DELETE", "AddTags", "Stop")
    assert [one for one in sagemaker.served() if one["operation"].startswith(changing)] == []


@pytest.mark.parametrize("trouble", ["expired", "denied"])
def test_credentials_that_are_no_good_are_told_for_each_backend_alone(probed, sagemaker, emulator, trouble) -> None:
    sagemaker.configure(credentials=trouble)
    rows = probed(sagemaker_jumpstart=sagemaker.trainer())
    assert [row[0] for row in rows] == ["FAILED", "FAILED"]
    assert "emulator-secret-key" not in str(rows)


def test_local_names_its_bases_and_a_folder_that_is_not_there(probed, tmp_path) -> None:
    folder = tmp_path / "bases" / "tiny"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}", encoding="utf-8")
    [(status, _, found)] = probed(local={"models_folder": str(folder.parent)})
    assert (status, "base models: tiny" in found) == ("ok", True)
    [(status, _, found)] = probed(local={"models_folder": str(tmp_path / "nowhere")})
    assert (status, "there is no folder" in found) == ("FAILED", True)


def test_settings_that_are_not_whole_are_named(probed) -> None:
    incomplete: dict[str, Any] = {"region": "us-east-1"}
    assert all("role_arn and prefix" in row[2] for row in probed(sagemaker_jumpstart=incomplete))


def test_a_service_that_never_answers_is_not_waited_for_and_holds_up_no_other(probed, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "key")
    with socket.create_server(("127.0.0.1", 0)) as mute:
        address = f"http://127.0.0.1:{mute.getsockname()[1]}"
        begun = time.monotonic()
        mute_azure = {"endpoint": address, "timeout_seconds": 20, "retries": 0}
        rows = probed(2.0, azure_openai=mute_azure, local={"models_folder": str(tmp_path)})
        took = time.monotonic() - begun
    assert [(row[0], row[1]) for row in rows] == [
        ("FAILED", "azure_openai"),
        ("FAILED", "azure_openai endpoints"),
        ("ok", "local"),
    ]
    assert "no answer within 2 seconds" in rows[0][2]
    assert took < 15
