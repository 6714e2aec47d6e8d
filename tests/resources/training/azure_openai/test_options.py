"""Settings that nothing could be trained or deployed with are told in words, before anything is contacted."""

import pytest
from pydantic import ValidationError

from resources.errors import SettingsError
from resources.training.azure_openai.options import (
    AzureTrainerOptions,
    ManagementOptions,
    serving_problems,
    training_problems,
)
from resources.training.azure_openai.trainer import AzureTrainer
from resources.training.resource import TrainersResource

MANAGED = {"subscription": "00000000-0000-4000-8000-000000000001", "resource_group": "g", "account": "a"}


def test_without_an_endpoint_the_backend_says_what_to_set(spec, data) -> None:
    with pytest.raises(SettingsError, match=r"trainers\.azure_openai\.endpoint: is not set.*https://NAME"):
        AzureTrainer(options=AzureTrainerOptions()).preflight(spec, data)


def test_a_missing_key_names_its_variable(emulator, make_trainer, spec, monkeypatch) -> None:
    monkeypatch.delenv("AZURE_OPENAI_API_KEY")
    with pytest.raises(SettingsError, match=r"trainers\.azure_openai: the environment variable AZURE_OPENAI_API_KEY"):
        make_trainer().find(spec)
    assert emulator.served() == []


@pytest.mark.parametrize(
    ("endpoint", "words"),
    [
        ("https://api.openai.com", "takes no new jobs after 2027-01-06"),
        ("http://house.openai.azure.com", "must be an https address"),
        ("house.openai.azure.com", "is not an address"),
        ("https://house.openai.azure.com/openai/v1", "must end before /openai"),
    ],
)
def test_an_endpoint_that_is_none_is_refused(endpoint, words) -> None:
    [problem] = training_problems(AzureTrainerOptions(endpoint=endpoint))
    assert problem.startswith("trainers.azure_openai.endpoint")
    assert words in problem


def test_a_resource_over_https_and_an_emulator_on_loopback_are_fine() -> None:
    for endpoint, manager in (
        ("https://house.openai.azure.com", "https://management.azure.com"),
        ("https://house.openai.azure.us", "https://management.usgovcloudapi.net"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
    ):
        managed = ManagementOptions(endpoint=manager, **MANAGED)
        assert serving_problems(AzureTrainerOptions(endpoint=endpoint, management=managed)) == []


def test_a_token_never_goes_to_another_machine_in_the_clear() -> None:
    managed = ManagementOptions(endpoint="http://management.azure.com", **MANAGED)
    options = AzureTrainerOptions(endpoint="https://house.openai.azure.com", management=managed)
    assert serving_problems(options) == [
        "trainers.azure_openai.management.endpoint: must be an https address: a token is sent there"
    ]


def test_what_deploying_needs_is_named_setting_by_setting() -> None:
    found = serving_problems(AzureTrainerOptions(endpoint="https://house.openai.azure.com"))
    assert [line.split(":")[0].removeprefix("trainers.azure_openai.") for line in found] == [
        "management.subscription",
        "management.resource_group",
        "management.account",
    ]


def test_a_suffix_of_more_than_eighteen_characters_cannot_be_set() -> None:
    with pytest.raises(ValidationError, match="suffix"):
        AzureTrainerOptions(suffix="raft.models")


def test_recipes_choose_the_backend_by_its_name(options, tmp_path) -> None:
    trainers = TrainersResource(folder=str(tmp_path))
    assert trainers.get("azure_openai").backend == trainers.deployer("azure_openai").backend == "azure_openai"
    assert not trainers.get("azure_openai").runs_here
    assert trainers.hosted() == []
    with pytest.raises(SettingsError, match="azure_openai has none"):
        trainers.get("azure_openai").data_format({"format": "completion"})
