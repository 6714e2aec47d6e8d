"""Deployments load the job's own model, carry whose they are and when they end, and are gone when that is said."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from resources.llm.provider import Misconfigured, NoDeployment, Unavailable
from resources.llm.request import ModelIdentity, Request, chat
from resources.training.azure_openai.fresh import FreshChat
from resources.training.base import TrainingFailed, TrainingUnreachable
from resources.training.serving import DeploymentFailed

PUT = "PUT /subscriptions"


@pytest.fixture
def ask():
    """Asks a student behind a target."""

    def complete(target, text="What is the fee?"):
        async def work():
            try:
                return await target.provider.complete(
                    Request("student", target.provider.identity, chat("You answer.", text))
                )
            finally:
                await target.provider.close()

        return asyncio.run(work())

    return complete


def test_an_evaluation_serves_the_tuned_model_under_the_student_s_name(
    emulator, deployer, student, data, soon, ask
) -> None:
    endpoint = deployer.deploy(student, "eval-1", "evaluation", soon, {"dagster_run_id": "r1"})
    target = deployer.target(endpoint, student, data)
    answer = ask(target)
    [told] = emulator.deployments()
    assert told["loaded"] == [student.location] == [emulator.jobs()[0]["fine_tuned_model"]]
    assert emulator.served()[-1]["model"] == answer.served_model == student.location
    host = emulator.url.removeprefix("http://")
    assert target.provider.identity == ModelIdentity("azure_openai", host, student.name) == deployer.identity(student)
    assert (target.address, target.model, target.key_variable) == (
        f"{emulator.url}/openai/v1",
        "eval-1",
        "AZURE_OPENAI_API_KEY",
    )
    assert not answer.real


def test_a_deployment_says_whose_it_is_what_for_and_until_when(emulator, deployer, student, soon) -> None:
    endpoint = deployer.deploy(student, "eval-1", "evaluation", soon, {"dagster_run_id": "r1"})
    [told] = emulator.deployments()
    assert told["tags"] == {
        "owner": "house",
        "dagster_run_id": "r1",
        "purpose": "evaluation",
        "model_id": student.model_id,
        "expires_at": soon.isoformat(),
    }
    assert (told["sku"], told["capacity"]) == ("DeveloperTier", 50)
    assert (endpoint.model_id, endpoint.purpose, endpoint.expires_at) == (student.model_id, "evaluation", soon)
    assert endpoint.usd_per_hour == 0.0


def test_the_champion_is_served_on_a_sku_that_stays_and_bills_from_its_creation(
    emulator, make_deployer, student
) -> None:
    deployer = make_deployer(usd_per_hour={"Standard": 1.7})
    endpoint = deployer.deploy(student, "champion", "serving", None, {})
    assert (endpoint.details["sku"], endpoint.usd_per_hour, endpoint.expires_at) == ("Standard", 1.7, None)
    emulator.advance(hours=10)
    assert emulator.cost_usd() == pytest.approx(17.0)


def test_developer_deployments_cost_nothing_and_end_after_a_day(emulator, deployer, student, soon) -> None:
    endpoint = deployer.deploy(student, "eval-1", "evaluation", soon, {})
    emulator.advance(hours=23)
    assert deployer.status(endpoint).phase == "ready"
    emulator.advance(hours=2)
    assert deployer.status(endpoint).phase == "gone"
    assert emulator.cost_usd() == 0


def test_the_untrained_base_model_is_deployed_by_name_and_version(
    emulator, deployer, base_student, data, soon, ask
) -> None:
    endpoint = deployer.deploy(base_student, "base-1", "evaluation", soon, {})
    answer = ask(deployer.target(endpoint, base_student, data))
    [told] = emulator.deployments()
    assert (told["model"], told["sku"]) == ("gpt-4o-mini-2024-07-18", "GlobalStandard")
    assert answer.served_model == "gpt-4o-mini-2024-07-18"
    assert (endpoint.usd_per_hour, endpoint.model_id) == (0.0, "base")


def test_a_deployment_comes_up_and_answers_only_then(emulator, deployer, student, data, soon, ask) -> None:
    emulator.configure(deployment_polls=4)
    endpoint = deployer.deploy(student, "eval-1", "evaluation", soon, {})
    assert deployer.status(endpoint).phase == "creating"
    with pytest.raises(Unavailable, match="a new deployment answers after some minutes"):
        ask(deployer.target(endpoint, student, data))
    assert deployer.status(endpoint).phase == "ready"
    assert ask(deployer.target(endpoint, student, data)).text


def test_a_deployment_that_does_not_come_up_has_failed_and_can_be_made_anew(emulator, deployer, student, soon) -> None:
    emulator.configure(deployment_outcome="Failed")
    endpoint = deployer.deploy(student, "eval-1", "evaluation", soon, {})
    assert deployer.status(endpoint).phase == "failed"
    emulator.configure(deployment_outcome="Succeeded")
    deployer.deploy(student, "eval-1", "evaluation", soon, {})
    assert deployer.status(endpoint).phase == "ready"


def test_a_missing_deployment_is_believed_after_five_minutes(emulator, deployer, student, data, soon) -> None:
    endpoint = deployer.deploy(student, "eval-1", "evaluation", soon, {})
    provider = deployer.target(endpoint, student, data).provider
    deployer.undeploy(endpoint)
    times = iter([0.0, 0.0, 299.0, 300.0])
    late = FreshChat(provider.chat, lambda: next(times))

    async def work() -> list[type]:
        kinds = []
        for _ in range(3):
            try:
                await late.complete(Request("student", late.identity, chat("You answer.", "hello")))
            except (Unavailable, Misconfigured) as error:
                kinds.append(type(error))
        await late.close()
        return kinds

    assert asyncio.run(work()) == [Unavailable, Unavailable, NoDeployment]


@pytest.mark.parametrize("kind", ["500", "reset", "truncated", "409"])
def test_an_order_without_an_answer_leaves_one_deployment(emulator, deployer, student, soon, kind) -> None:
    emulator.configure(faults=[{"kind": kind, "path": PUT, "when": "after", "times": 1}])
    assert deployer.deploy(student, "eval-1", "evaluation", soon, {}).name == "eval-1"
    assert [set(one["loaded"]) for one in emulator.deployments()] == [{student.location}]


def test_an_account_that_is_busy_with_another_deployment_is_waited_for(
    emulator, deployer, make_deployer, student, base_student, soon
) -> None:
    emulator.configure(deployment_polls=4)
    deployer.deploy(base_student, "base-1", "evaluation", soon, {})
    deployer.deploy(student, "eval-1", "evaluation", soon, {})
    assert [one["name"] for one in emulator.deployments()] == ["base-1", "eval-1"]
    emulator.configure(faults=[{"kind": "409", "path": PUT}])
    with pytest.raises(DeploymentFailed, match=r"busy with another deployment \(409\)"):
        make_deployer(busy_seconds=0.05).deploy(student, "eval-2", "evaluation", soon, {})


def test_an_order_that_did_not_arrive_leaves_none(emulator, deployer, student, soon) -> None:
    emulator.configure(faults=[{"kind": "500", "path": PUT, "times": 1}])
    with pytest.raises(TrainingUnreachable):
        deployer.deploy(student, "eval-1", "evaluation", soon, {})
    assert emulator.deployments() == []


def test_after_a_crash_the_deployment_is_adopted_with_the_new_end(
    emulator, deployer, make_deployer, student, soon
) -> None:
    deployer.deploy(student, "eval-1", "evaluation", soon, {"dagster_run_id": "r1"})
    later = soon + timedelta(hours=1)
    endpoint = make_deployer().deploy(student, "eval-1", "evaluation", later, {"dagster_run_id": "r2"})
    assert endpoint.expires_at == later
    [told] = emulator.deployments()
    assert (told["loaded"], told["tags"]["dagster_run_id"]) == ([student.location], "r1")


def test_a_name_that_serves_another_model_is_left_alone(emulator, deployer, student, base_student, data, soon) -> None:
    endpoint = deployer.deploy(base_student, "champion", "serving", None, {})
    with pytest.raises(DeploymentFailed, match=r"serves gpt-4o-mini-2024-07-18, not .*\.ft-"):
        deployer.deploy(student, "champion", "serving", None, {})
    with pytest.raises(DeploymentFailed, match=r"serves gpt-4o-mini-2024-07-18; .* was to be asked"):
        deployer.target(endpoint, student, data)
    assert emulator.deployments()[0]["loaded"] == ["gpt-4o-mini-2024-07-18"]


def test_a_model_that_its_job_did_not_make_is_not_deployed(emulator, deployer, student, soon) -> None:
    with pytest.raises(TrainingFailed, match="its job made another model"):
        deployer.deploy(replace(student, location="gpt-4o-mini-2024-07-18"), "eval-1", "evaluation", soon, {})
    assert emulator.deployments() == []


def test_renewing_changes_the_end_and_nothing_else(emulator, deployer, student, soon) -> None:
    endpoint = deployer.deploy(student, "champion", "serving", soon, {"dagster_run_id": "r1"})
    assert deployer.renew(endpoint, soon + timedelta(hours=1)).expires_at == soon + timedelta(hours=1)
    assert deployer.renew(endpoint, None).expires_at is None
    tags = emulator.deployments()[0]["tags"]
    assert (tags["expires_at"], tags["owner"], tags["dagster_run_id"]) == ("never", "house", "r1")
    deployer.undeploy(endpoint)
    with pytest.raises(DeploymentFailed, match="is gone and cannot be renewed"):
        deployer.renew(endpoint, soon)


def test_what_is_undeployed_is_gone_and_bills_no_longer(emulator, deployer, student, soon) -> None:
    emulator.configure(deletion_polls=2)
    endpoint = deployer.deploy(student, "champion", "serving", soon, {})
    emulator.advance(hours=1)
    deployer.undeploy(endpoint)
    deployer.undeploy(endpoint)
    assert deployer.status(endpoint).phase == "gone"
    emulator.advance(hours=9)
    assert emulator.cost_usd() == pytest.approx(1.7)


def test_a_deletion_that_does_not_end_is_told_so_that_the_sweeper_comes_again(
    emulator, make_deployer, student, soon
) -> None:
    deployer = make_deployer(deletion_seconds=0.05)
    emulator.configure(deletion_polls=1000)
    endpoint = deployer.deploy(student, "eval-1", "evaluation", soon, {})
    with pytest.raises(DeploymentFailed, match=r"was deleted, but is still there \(Deleting\)"):
        deployer.undeploy(endpoint)
    assert deployer.status(endpoint).phase == "deleting"
    with pytest.raises(DeploymentFailed, match="still being deleted"):
        deployer.deploy(student, "eval-1", "evaluation", soon, {})


def test_ours_are_found_by_their_tags_whoever_made_them(emulator, deployer, options, student, soon) -> None:
    for name, owner in (("eval-1", "house"), ("eval-2", "other")):
        deployer.model_copy(update={"owner": owner}).deploy(student, name, "evaluation", soon, {})
    emulator.configure(usd_per_hour={})
    [found] = deployer.list_owned()
    assert (found.name, found.model_id, found.expires_at) == ("eval-1", student.model_id, soon)
    assert found.created_at is not None


def test_a_legacy_api_version_reaches_the_deployment_too(emulator, make_deployer, student, data, soon, ask) -> None:
    deployer = make_deployer(api_version="2025-04-01-preview", auth="entra")
    endpoint = deployer.deploy(student, "eval-1", "evaluation", soon, {})
    target = deployer.target(endpoint, student, data)
    assert ask(target).served_model == student.location
    assert target.key_variable == ""
    assert emulator.served()[-1]["path"] == "/openai/deployments/eval-1/chat/completions"
