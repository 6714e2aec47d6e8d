"""Endpoints: they load the job's own weights, are found by their tags, and leave nothing behind."""

from dataclasses import replace

import pytest

from resources.training.base import CapacityLacking, TrainingFailed, TrainingUnreachable
from resources.training.sagemaker_jumpstart.aws import aws_of
from resources.training.sagemaker_jumpstart.stack import Stack
from resources.training.serving import DeploymentFailed, StudentModel

NAME = "raftline-evaluation-1"


def standing(sagemaker) -> tuple[list, list, list]:
    """Names of the endpoints, configurations and models at the service."""
    state = sagemaker.state()
    return [one["name"] for one in state["endpoints"]], state["configs"], state["models"]


@pytest.fixture
def base(sagemaker) -> StudentModel:
    return StudentModel("sagemaker_jumpstart", sagemaker.open)


@pytest.mark.parametrize("name", ["open", "gated"])
def test_an_endpoint_loads_the_weights_of_its_own_job(sagemaker, student, up, name) -> None:
    tuned = student(base_model=getattr(sagemaker, name), options={"accept_eula": True})
    endpoint = up(tuned)
    job, loaded = sagemaker.state()["jobs"][0], sagemaker.state()["endpoints"][0]["loaded"]
    assert loaded["job"] == job["name"]
    assert loaded["uri"] == job["artifact"]
    assert (loaded["type"], loaded["compression"]) == (("S3Object", "Gzip") if name == "open" else ("S3Prefix", "None"))
    assert endpoint.model_id == tuned.model_id


def test_two_students_of_one_base_load_different_weights(sagemaker, student, up) -> None:
    up(student(seed=1), "raftline-evaluation-1")
    up(student(seed=2), "raftline-evaluation-2")
    first, second = (one["loaded"]["job"] for one in sagemaker.state()["endpoints"])
    assert first != second


def test_a_base_model_loads_the_hubs_weights(sagemaker, base, up) -> None:
    up(base)
    loaded = sagemaker.state()["endpoints"][0]["loaded"]
    assert loaded["job"] == ""
    assert loaded["uri"].startswith("s3://jumpstart-cache-prod-us-east-1/huggingface-llm-open-reader-1b/")


def test_the_licence_of_a_base_model_is_accepted_by_a_recipe_only(sagemaker, student, up, deployer, expiry) -> None:
    gated = StudentModel("sagemaker_jumpstart", sagemaker.gated)
    with pytest.raises(DeploymentFailed, match="accept_eula: true"):
        deployer().deploy(gated, NAME, "evaluation", expiry, {})
    assert standing(sagemaker) == ([], [], [])
    student(base_model=sagemaker.gated, options={"accept_eula": True})
    up(gated)
    assert sagemaker.state()["endpoints"][0]["loaded"]["eula"] is True
    told = replace(gated, provenance={"accept_eula": "true"})
    up(told, "raftline-evaluation-2")


def test_weights_that_were_exchanged_are_not_deployed(sagemaker, student, deployer, expiry) -> None:
    tuned = student()
    sagemaker.remove(tuned.location)
    with pytest.raises(TrainingFailed, match="is gone"):
        deployer().deploy(tuned, NAME, "evaluation", expiry, {})
    other = student(seed=9)
    deployer().verify(other)
    for forged in (replace(tuned, location=other.location), replace(other, provenance={})):
        with pytest.raises(TrainingFailed, match="not what its job left there"):
            deployer().deploy(forged, NAME, "evaluation", expiry, {})
        with pytest.raises(TrainingFailed, match="not what its job left there"):
            deployer().verify(forged)
    assert standing(sagemaker) == ([], [], [])


def test_an_endpoint_carries_whose_it_is_what_for_and_until_when(sagemaker, base, up, deployer, expiry, later) -> None:
    endpoint = up(base)
    assert (endpoint.purpose, endpoint.expires_at, endpoint.usd_per_hour) == ("evaluation", expiry, 1.5)
    tags = sagemaker.state()["endpoints"][0]["tags"]
    assert tags["raftline:expires_at"] == expiry.isoformat()
    assert tags["raftline:run"] == "run-1"
    assert deployer().list_owned() == [endpoint]
    renewed = deployer().renew(endpoint, later)
    assert renewed.expires_at == later
    assert deployer().list_owned() == [renewed]
    assert deployer().renew(endpoint, None).expires_at is None


def test_what_others_own_is_not_listed(sagemaker, base, up, resource) -> None:
    up(base)
    theirs = resource().deployer("sagemaker_jumpstart").model_copy(update={"owner": "somebody-else"})
    assert theirs.list_owned() == []


def test_an_owner_whose_name_holds_what_tags_may_not_is_found_again(base, resource, expiry) -> None:
    ours = resource().deployer("sagemaker_jumpstart").model_copy(update={"owner": "team #1 (blue)"})
    ours.deploy(base, NAME, "evaluation", expiry, {})
    assert [endpoint.name for endpoint in ours.list_owned()] == [NAME]


def test_teardown_leaves_nothing_and_is_harmless_twice(sagemaker, base, up, deployer) -> None:
    endpoint = up(base)
    deployer().undeploy(endpoint)
    assert standing(sagemaker) == ([], [], [])
    assert deployer().status(endpoint).phase == "gone"
    assert deployer().list_owned() == []
    deployer().undeploy(endpoint)
    spent = sagemaker.cost()["endpoints"]
    sagemaker.advance(hours=5)
    assert sagemaker.cost()["endpoints"] == spent


def test_a_permission_that_is_missing_for_alarms_keeps_no_endpoint_alive(sagemaker, base, up, deployer) -> None:
    endpoint = up(base, serving="asynchronous")
    sagemaker.configure(faults=[{"kind": "AccessDenied", "operation": "DeleteAlarms"}])
    with pytest.raises(DeploymentFailed, match="DeleteAlarms"):
        deployer(serving="asynchronous").undeploy(endpoint)
    assert standing(sagemaker) == ([], [], [])


def test_an_endpoint_stuck_in_creating_is_told_and_taken_down_later(sagemaker, base, deployer, expiry) -> None:
    sagemaker.configure(endpoints=[{"stuck": True}])
    endpoint = deployer().deploy(base, NAME, "evaluation", expiry, {})
    with pytest.raises(DeploymentFailed, match=r"cannot be deleted yet.*in-progress"):
        deployer().undeploy(endpoint)
    assert deployer().list_owned() == [endpoint]
    sagemaker.configure(endpoints=[{"polls": 0, "status": "Failed", "reason": "no capacity"}])
    assert deployer().status(endpoint).message == "Failed: no capacity"
    deployer().undeploy(endpoint)
    assert standing(sagemaker) == ([], [], [])


@pytest.mark.parametrize("operation", ["CreateModel", "CreateEndpointConfig", "CreateEndpoint"])
def test_an_order_that_was_carried_out_but_not_answered_is_adopted(sagemaker, base, up, operation) -> None:
    sagemaker.configure(faults=[{"kind": "500", "operation": operation, "when": "after", "times": 1}])
    up(base)
    assert standing(sagemaker) == ([NAME], [NAME], [NAME])
    assert len(sagemaker.served(operation)) == 1


@pytest.mark.parametrize("operation", ["CreateEndpointConfig", "CreateEndpoint"])
def test_what_a_broken_deployment_left_is_listed_and_taken_down(sagemaker, base, deployer, expiry, operation) -> None:
    sagemaker.configure(faults=[{"kind": "reset", "operation": operation, "times": 1}])
    with pytest.raises(TrainingUnreachable):
        deployer().deploy(base, NAME, "evaluation", expiry, {"run": "run-1"})
    [orphan] = deployer().list_owned()
    assert (orphan.name, orphan.expires_at, orphan.usd_per_hour) == (NAME, expiry, 0.0)
    assert "model" in orphan.details["orphan"]
    assert deployer().status(orphan).phase == "failed"
    deployer().undeploy(orphan)
    assert deployer().list_owned() == []
    assert standing(sagemaker) == ([], [], [])


def test_a_deployment_that_broke_off_is_completed_by_the_next(sagemaker, base, up, deployer, expiry) -> None:
    sagemaker.configure(faults=[{"kind": "503", "operation": "CreateEndpoint", "times": 1}])
    with pytest.raises(TrainingUnreachable):
        deployer().deploy(base, NAME, "evaluation", expiry, {})
    up(base)
    assert standing(sagemaker) == ([NAME], [NAME], [NAME])


def test_deploying_the_same_again_adopts_and_another_model_is_left_alone(
    sagemaker, base, student, up, deployer, expiry, later
) -> None:
    endpoint = up(base)
    assert deployer().deploy(base, NAME, "evaluation", expiry, {}) == endpoint
    assert deployer().deploy(base, NAME, "evaluation", later, {}).expires_at == later
    tuned = student()
    with pytest.raises(DeploymentFailed, match="left as it is"):
        deployer().deploy(tuned, NAME, "evaluation", expiry, {})
    with pytest.raises(DeploymentFailed, match="was to be asked"):
        deployer().target(endpoint, tuned, None)
    assert len(sagemaker.served("CreateEndpoint")) == 1


def test_a_quota_for_endpoints_that_is_used_up_lacks_room(sagemaker, base, deployer, expiry) -> None:
    words = "The account-level service limit 'ml.g5.2xlarge for endpoint usage' is 1 Instances, with current utilization of 1"
    sagemaker.configure(faults=[{"kind": "ResourceLimitExceeded", "operation": "CreateEndpoint", "message": words}])
    with pytest.raises(CapacityLacking, match="endpoint usage"):
        deployer().deploy(base, NAME, "evaluation", expiry, {})


def test_an_instance_type_that_does_not_serve_the_model_is_refused_before_anything_is_made(
    sagemaker, base, deployer, expiry
) -> None:
    with pytest.raises(DeploymentFailed, match=r"ml\.t3\.medium.*ml\.g6\.2xlarge"):
        deployer(endpoint_instance_type="ml.t3.medium").deploy(base, NAME, "evaluation", expiry, {})
    assert standing(sagemaker) == ([], [], [])


def test_a_newer_instance_type_brings_its_own_settings(sagemaker, base, up) -> None:
    up(base, endpoint_instance_type="ml.g6.2xlarge")
    endpoint = sagemaker.state()["endpoints"][0]
    assert endpoint["instance_type"] == "ml.g6.2xlarge"
    assert endpoint["loaded"]["environment"]["SM_NUM_GPUS"] == "2"


@pytest.mark.parametrize("status", ["Updating", "RollingBack", "Pondering"])
def test_a_status_that_is_unknown_is_still_on_the_way(sagemaker, base, deployer, expiry, status) -> None:
    sagemaker.configure(endpoints=[{"polls": 0, "status": status}])
    endpoint = deployer().deploy(base, NAME, "evaluation", expiry, {})
    assert deployer().status(endpoint).phase == "creating"


def test_an_endpoint_that_is_gone_cannot_be_renewed(base, up, deployer, expiry) -> None:
    endpoint = up(base)
    deployer().undeploy(endpoint)
    with pytest.raises(DeploymentFailed, match="gone"):
        deployer().renew(endpoint, expiry)


def test_an_idle_asynchronous_endpoint_costs_nothing(sagemaker, base, up, deployer) -> None:
    endpoint = up(base, serving="asynchronous")
    deployer(serving="asynchronous").target(endpoint, base, None)
    before = sagemaker.cost()["endpoints"]
    sagemaker.advance(hours=10)
    assert sagemaker.cost()["endpoints"] == before == 0.0
    deployer().undeploy(endpoint)
    assert standing(sagemaker) == ([], [], [])
    assert len(sagemaker.served("DeleteAlarms")) == 1


def test_an_endpoint_that_loads_other_weights_than_its_tags_say_is_not_asked(
    sagemaker, student, up, deployer, expiry
) -> None:
    endpoint, other = up(student(seed=1)), student(seed=2)
    Stack(aws_of(deployer().options, deployer().egress), NAME).tag({"model_id": other.model_id})
    with pytest.raises(DeploymentFailed, match=r"output/model.tar.gz; .* was to be asked"):
        deployer().target(endpoint, other, None)
    with pytest.raises(DeploymentFailed, match="left as it is"):
        deployer().deploy(other, NAME, "evaluation", expiry, {})
