"""The setting `documents`: a folder or an object store, and what the commands say about either."""

from typing import Any

import pytest
from typer.testing import CliRunner

from orchestration.cli import app
from orchestration.doctor import examine
from orchestration.home import prepare_home, process_environment
from orchestration.settings import load_settings
from orchestration.wiring import build_resources
from resources.errors import RaftlineError, SettingsError


@pytest.fixture
def stored(project, make_bucket, monkeypatch) -> Any:
    """Settings whose documents are in a bucket with two of them; the commands run in their folder."""
    bucket = make_bucket("s3")
    bucket.put("a.pdf", b"one")
    bucket.put("b.pdf", b"two")
    settings = project(documents=bucket.url)
    monkeypatch.chdir(settings.root)
    return settings, bucket


@pytest.mark.parametrize(
    "url",
    ["s3://bucket", "s3://bucket/a b/c", "az://container/in", "abfss://container@account.dfs.core.windows.net/in",
     "https://account.blob.core.windows.net/container/in", "https://bucket.s3.eu-west-1.amazonaws.com/in"],
)  # fmt: skip
def test_an_object_store_is_named_by_its_url(project, url) -> None:
    settings = project(documents=url)
    assert settings.documents_place == url
    assert build_resources(settings)["corpus"].documents == url
    with pytest.raises(SettingsError, match="needs a folder"):
        _ = settings.documents_folder


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("gs://bucket", "must be a folder or the URL of an object store"),
        ("https://example.com/files", "must be a folder or the URL of an object store"),
        ("ftp://host/files", "must be a folder or the URL of an object store"),
        ("s3://", "must be a folder or the URL of an object store"),
        ("https://account.blob.core.windows.net/c?sv=1&sig=s3cr3t", "credentials come from the environment"),
        ("s3://key:s3cr3t@bucket", "credentials come from the environment"),
    ],
)
def test_an_address_that_cannot_be_is_an_error_that_names_the_setting_and_no_secret(project, url, reason) -> None:
    with pytest.raises(SettingsError, match=f"documents: .*{reason}") as caught:
        project(documents=url)
    assert "s3cr3t" not in str(caught.value)


def test_the_environment_may_name_a_store_and_children_see_the_same(project, monkeypatch) -> None:
    settings = project(documents="pdfs")
    monkeypatch.setenv("RAFTLINE_DOCUMENTS", "az://container/in")
    named = load_settings(settings.root)
    assert named.documents_place == "az://container/in"
    for name, value in process_environment(named).items():
        monkeypatch.setenv(name, value)
    assert load_settings(settings.root).documents_place == "az://container/in"


def test_a_home_over_a_store_makes_no_folder_of_documents(stored) -> None:
    settings, _ = stored
    prepare_home(settings)
    assert not (settings.home_folder / "documents").exists()
    assert list(settings.root.rglob("s3*")) == []


def test_add_and_demo_say_what_to_do_instead(stored) -> None:
    for arguments, words in ((["add", "x.pdf"], "upload them there"), (["demo"], "the demo writes its documents into")):
        error = CliRunner().invoke(app, arguments).exception
        assert isinstance(error, RaftlineError)
        assert words in str(error)


def documents_line(capsys: pytest.CaptureFixture[str]) -> str:
    examine()
    text = " ".join(capsys.readouterr().out.split())
    return text[text.index("documents") : text.index("lake")]


def test_the_doctor_counts_the_documents_of_a_store_and_names_a_missing_right(stored, capsys) -> None:
    settings, bucket = stored
    assert f"2 in {settings.documents_place}, 2 changes not taken in" in documents_line(capsys)
    bucket.fail("403")
    assert "s3:ListBucket" in documents_line(capsys)


def test_the_doctor_names_what_a_folder_refuses(project, monkeypatch, capsys) -> None:
    settings = project()
    monkeypatch.chdir(settings.root)
    prepare_home(settings)
    outside = settings.root / "outside.pdf"
    outside.write_bytes(b"x")
    (settings.documents_folder / "link.pdf").symlink_to(outside)
    assert "1 refused, such as link.pdf: a symbolic link that leads out" in documents_line(capsys)
