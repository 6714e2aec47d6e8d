"""An account that refuses, is another one, or cannot be asked: said in words of the settings, and never taken for "gone"."""

import pytest

from resources.errors import SettingsError
from resources.training.base import TrainingUnreachable
from resources.training.serving import DeploymentFailed, EndpointHandle


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"may_deploy": False}, "on a Foundry resource 'Azure AI Owner'"),
        ({"capacity": 10}, "lower trainers.azure_openai.capacity"),
    ],
)
def test_a_refused_deployment_says_what_to_do(emulator, deployer, student, soon, settings, words) -> None:
    emulator.configure(**settings)
    with pytest.raises(DeploymentFailed, match=words) as failed:
        deployer.deploy(student, "eval-1", "evaluation", soon, {})
    assert "(request " in str(failed.value)
    assert emulator.deployments() == []


@pytest.mark.parametrize("key", ["subscription", "resource_group", "account"])
def test_a_wrong_account_is_named_by_its_setting(emulator, make_deployer, student, soon, key) -> None:
    wrong = {"subscription": "00000000-0000-4000-8000-00000000ffff"}.get(key, "elsewhere")
    deployer = make_deployer(management={"endpoint": emulator.url, **emulator.management, key: wrong})
    endpoint = EndpointHandle("azure_openai", "eval-1", student.model_id, "evaluation")
    for ask in (
        lambda: deployer.deploy(student, "eval-1", "evaluation", soon, {}),
        lambda: deployer.status(endpoint),  # not "gone": nobody knows
        lambda: deployer.undeploy(endpoint),
        deployer.list_owned,
    ):
        with pytest.raises(DeploymentFailed, match=rf"check trainers\.azure_openai\.management\.{key}"):
            ask()


def test_a_deployment_in_a_former_account_is_not_taken_for_gone(
    emulator, deployer, make_deployer, student, soon
) -> None:
    endpoint = deployer.deploy(student, "eval-1", "evaluation", soon, {})
    moved = make_deployer(management={"endpoint": emulator.url, **emulator.management, "account": "another"})
    for ask in (moved.status, moved.undeploy):
        with pytest.raises(DeploymentFailed, match=r"is in the account .*/emulated-account, and"):
            ask(endpoint)
    assert [one["alive"] for one in emulator.deployments()] == [True]


def test_without_an_account_the_settings_are_named(deployer, make_deployer) -> None:
    with pytest.raises(SettingsError, match=r"management\.subscription: is not set"):
        make_deployer(management={}).list_owned()


def test_an_identity_that_ended_is_waited_for(emulator, deployer, student, soon) -> None:
    emulator.configure(expired_tokens=True)
    with pytest.raises(TrainingUnreachable, match="no valid Entra ID token"):
        deployer.list_owned()
    emulator.configure(expired_tokens=False)
    assert deployer.list_owned() == []
