"""Decisions of the policy alone: hosts behind addresses, what counts as this machine, and what tables depend on."""

import pytest
from pydantic import ValidationError

from resources.egress.policy import EgressDenied, EgressOptions, admit, host_of, is_loopback
from resources.lake.resource import LakeResource
from resources.llm.resource import ModelsResource


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://House.openai.azure.com/openai/v1", "house.openai.azure.com"),
        ("http://[::1]:8000/v1", "::1"),
        ("s3://bucket/lake", "s3.amazonaws.com"),
        ("az://container/lake", "house.blob.core.windows.net"),
        ("gs://bucket", "storage.googleapis.com"),
        ("postgresql+psycopg2://me:secret@db.example.org/raftline", "db.example.org"),
        ("postgresql://me@/raftline?host=/run/postgresql", ""),
        ("sqlite:////home/ledger.db", ""),
        ("/home/lake", ""),
        ("file:///home/lake", ""),
    ],
)
def test_the_host_behind_an_address(url, host, monkeypatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "house")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.delenv("AWS_ENDPOINT", raising=False)

    assert host_of(url) == host


def test_a_store_of_ones_own_is_behind_its_own_host(monkeypatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9000")

    assert is_loopback(host_of("s3://bucket/lake"))


@pytest.mark.parametrize("host", ["localhost", "models.localhost", "127.0.0.1", "127.9.9.9", "::1", "[::1]", ""])
def test_this_machine(host) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["localhost.example.org", "10.0.0.1", "0.0.0.0", "192.168.1.1", "169.254.169.254"])
def test_not_this_machine(host) -> None:
    assert not is_loopback(host)


def test_lake_and_ledger_open_through_the_door() -> None:
    shut = EgressOptions(allow=[])

    with pytest.raises(EgressDenied, match=r"the lake may not contact storage\.googleapis\.com.*lake_url"):
        LakeResource(url="gs://bucket", egress=shut).open()
    ledger = ModelsResource(ledger_url="postgresql://me:secret@db.example.org/x", egress=shut)
    with pytest.raises(EgressDenied, match=r"the ledger may not contact db\.example\.org") as error, ledger.open():
        pass
    assert "secret" not in str(error.value)


def test_an_empty_allow_list_leaves_this_machine_alone() -> None:
    shut = EgressOptions(allow=[])

    admit("http://localhost:11434/v1", "teacher", "roles.teacher.endpoint", shut)
    with pytest.raises(EgressDenied):
        admit("https://api.openai.com/v1", "teacher", "roles.teacher.endpoint", shut)


@pytest.mark.parametrize(
    "wrong",
    [{"identifiers": ["names"]}, {"identifiers": []}, {"redact": "sometimes"}, {"destinations": {"a": {"x": 1}}}],
)
def test_a_setting_that_does_not_exist_is_an_error(wrong) -> None:
    with pytest.raises(ValidationError):
        EgressOptions.model_validate(wrong)


def test_only_what_changes_the_content_makes_a_table_out_of_date() -> None:
    host = "house.openai.azure.com"

    assert EgressOptions(allow=["*"], ca_bundle="x.pem").version("teacher", host) == ""
    assert EgressOptions(identifiers=["card"]).version("teacher", host)
    assert EgressOptions(identifiers=["card"]).version("teacher", "127.0.0.1") == ""
    assert (
        EgressOptions.model_validate({"destinations": {"teacher": {"receives": "public"}}}).version("judge", host) == ""
    )
