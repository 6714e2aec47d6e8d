"""The SageMaker emulator: refuses what the service would refuse, moves by polls or by its clock, and marks all it says."""

import http.client
import io
import json
import tarfile
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

HUB = {"HubName": "SageMakerPublicHub", "HubContentType": "Model"}
ROLE = "arn:aws:iam::123456789012:role/raftline"


@pytest.fixture(scope="session")
def clients(sagemaker_process) -> Callable[[str], Any]:
    """boto3's clients of the emulator, opened once: that takes longer than a test."""
    import boto3
    from botocore.config import Config

    session = boto3.session.Session("AKIAEMULATOR", "emulator-secret-key", region_name="us-east-1")
    once = Config(retries={"mode": "standard", "total_max_attempts": 1})
    return cache(lambda service: session.client(service, endpoint_url=sagemaker_process.url, config=once))


@pytest.fixture
def aws(sagemaker, clients) -> Callable[[str], Any]:
    """The same of an emulator that was freshly reset."""
    return clients


@pytest.fixture
def job(sagemaker, aws) -> dict[str, Any]:
    """The request of a training job whose data are there."""
    aws("s3").put_object(Bucket=sagemaker.bucket, Key="in/train.jsonl", Body=b"{}")
    data = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{sagemaker.bucket}/in/"}}
    return {
        "TrainingJobName": "job-1",
        "RoleArn": ROLE,
        "AlgorithmSpecification": {"TrainingImage": "image", "TrainingInputMode": "File"},
        "InputDataConfig": [{"ChannelName": "training", "DataSource": data}],
        "OutputDataConfig": {"S3OutputPath": f"s3://{sagemaker.bucket}/out"},
        "ResourceConfig": {"InstanceType": "ml.g6e.2xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
    }


@pytest.fixture
def serve(aws):
    """Brings up an endpoint of the hub's weights."""

    def serve(name: str = "endpoint-1", **more: Any) -> None:
        sagemaker = aws("sagemaker")
        source = {
            "S3Uri": "s3://jumpstart-cache-prod-us-east-1/a/",
            "S3DataType": "S3Prefix",
            "CompressionType": "None",
        }
        container = {"Image": "djl-inference", "ModelDataSource": {"S3DataSource": source}}
        variant = {
            "VariantName": "AllTraffic",
            "ModelName": name,
            "InstanceType": "ml.g5.xlarge",
            "InitialInstanceCount": 2,
        }
        sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer=container)
        sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name, **more)

    return serve


def refusal(call, **request: Any) -> tuple[str, str]:
    from botocore.exceptions import ClientError

    with pytest.raises(ClientError) as refused:
        call(**request)
    return refused.value.response["Error"]["Code"], refused.value.response["Error"]["Message"]


def test_every_answer_says_that_it_is_not_real(sagemaker, aws) -> None:
    from botocore.exceptions import ClientError

    answers = [aws("sagemaker").list_training_jobs(), aws("s3").list_objects_v2(Bucket=sagemaker.bucket)]
    for service, call in (("sagemaker", "describe_training_job"), ("s3", "head_object")):
        given = {"TrainingJobName": "none"} if service == "sagemaker" else {"Bucket": sagemaker.bucket, "Key": "none"}
        with pytest.raises(ClientError) as refused:
            getattr(aws(service), call)(**given)
        answers.append(refused.value.response)
    marks = [answer["ResponseMetadata"]["HTTPHeaders"].get("x-emulator") for answer in answers]
    assert marks == ["not-a-real-model"] * 4


def test_a_request_without_a_signature_is_refused(sagemaker) -> None:
    connection = http.client.HTTPConnection(sagemaker.url.removeprefix("http://"))
    connection.request("POST", "/", b"{}", {"X-Amz-Target": "SageMaker.ListTrainingJobs"})
    response = connection.getresponse()
    assert (response.status, response.headers["x-emulator"]) == (403, "not-a-real-model")
    connection.close()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"RoleArn": "nobody-whom-anyone-could-name"}, "regular expression pattern"),
        ({"ResourceConfig": {"InstanceType": "ml.none", "InstanceCount": 1, "VolumeSizeInGB": 1}}, "enum value set"),
        ({"EnableManagedSpotTraining": True}, "MaxWaitTimeInSeconds"),
        ({"TrainingJobName": "j" * 64}, "less than or equal to 63"),
        ({"OutputDataConfig": {"S3OutputPath": "s3://nobodys-bucket/out"}}, "does not exist"),
    ],
)
def test_a_request_that_the_service_would_not_take_is_refused(aws, job, change, words) -> None:
    code, message = refusal(aws("sagemaker").create_training_job, **{**job, **change})
    assert code == "ValidationException"
    assert words in message


def test_data_that_are_not_there_are_refused(sagemaker, aws, job) -> None:
    sagemaker.remove(f"s3://{sagemaker.bucket}/in/")
    assert "No S3 objects found" in refusal(aws("sagemaker").create_training_job, **job)[1]


def test_a_name_is_taken_once(aws, job) -> None:
    aws("sagemaker").create_training_job(**job)
    assert refusal(aws("sagemaker").create_training_job, **job)[0] == "ResourceInUse"


def test_a_job_moves_by_polls_and_leaves_its_artifact(sagemaker, aws, job) -> None:
    aws("sagemaker").create_training_job(**job)
    seen = [aws("sagemaker").describe_training_job(TrainingJobName="job-1")["SecondaryStatus"] for _ in range(6)]
    assert seen == ["Starting", "Pending", "Downloading", "Training", "Uploading", "Completed"]
    body = aws("s3").get_object(Bucket=sagemaker.bucket, Key="out/job-1/output/model.tar.gz")["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        told = archive.extractfile("adapter_config.json")
        assert told is not None and json.load(told)["x-emulator"] == "not-a-real-model"


def test_a_job_moves_by_the_clock_and_costs_what_was_billed(sagemaker, aws, job) -> None:
    sagemaker.configure(advance="clock", prices={"ml.g6e.2xlarge": 4.0})
    aws("sagemaker").create_training_job(**job)
    for _ in range(3):
        assert aws("sagemaker").describe_training_job(TrainingJobName="job-1")["SecondaryStatus"] == "Starting"
    assert sagemaker.cost()["training"] == 0
    sagemaker.advance(hours=1)
    assert aws("sagemaker").describe_training_job(TrainingJobName="job-1")["TrainingJobStatus"] == "Completed"
    assert sagemaker.cost()["training"] == 2.0


def test_an_endpoint_costs_by_the_hour_until_it_is_deleted(sagemaker, aws, serve) -> None:
    sagemaker.configure(prices={"ml.g5.xlarge": 1.5})
    serve()
    assert "in-progress" in refusal(aws("sagemaker").delete_endpoint, EndpointName="endpoint-1")[1]
    states = [aws("sagemaker").describe_endpoint(EndpointName="endpoint-1")["EndpointStatus"] for _ in range(3)]
    assert states == ["Creating", "Creating", "InService"]
    sagemaker.advance(hours=2)
    aws("sagemaker").delete_endpoint(EndpointName="endpoint-1")
    assert aws("sagemaker").describe_endpoint(EndpointName="endpoint-1")["EndpointStatus"] == "Deleting"
    assert "Could not find" in refusal(aws("sagemaker").describe_endpoint, EndpointName="endpoint-1")[1]
    sagemaker.advance(hours=10)
    assert sagemaker.cost()["endpoints"] == 6.0


def test_only_an_endpoint_in_service_answers(aws, serve) -> None:
    asked = {"ContentType": "application/json", "Body": b'{"inputs": "hello"}'}
    assert refusal(aws("sagemaker-runtime").invoke_endpoint, EndpointName="endpoint-1", **asked)[0] == "ValidationError"
    serve()
    assert refusal(aws("sagemaker-runtime").invoke_endpoint, EndpointName="endpoint-1", **asked)[0] == "ValidationError"


def test_a_fault_after_the_effect_leaves_the_effect(sagemaker, aws, job) -> None:
    sagemaker.configure(faults=[{"kind": "500", "operation": "CreateTrainingJob", "when": "after", "times": 1}])
    assert refusal(aws("sagemaker").create_training_job, **job)[0] == "InternalFailure"
    assert [one["name"] for one in sagemaker.state()["jobs"]] == ["job-1"]


def test_resources_are_found_by_their_tags_page_by_page(aws, serve) -> None:
    for number in range(5):
        serve(f"endpoint-{number}", Tags=[{"Key": "owner", "Value": "me" if number else "you"}])
    pages = aws("resourcegroupstaggingapi").get_paginator("get_resources")
    filters = [{"Key": "owner", "Values": ["me"]}]
    found = [one for page in pages.paginate(TagFilters=filters) for one in page["ResourceTagMappingList"]]
    assert [one["ResourceARN"].rsplit("/")[-1] for one in found] == [f"endpoint-{number}" for number in range(1, 5)]


def test_the_hub_lists_and_describes_its_models(aws) -> None:
    names, token = [], {}
    while True:
        page = aws("sagemaker").list_hub_contents(**HUB, **token)
        names += [one["HubContentName"] for one in page["HubContentSummaries"]]
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert len(names) == len(set(names)) == 4
    for name in names:
        told = aws("sagemaker").describe_hub_content(**HUB, HubContentName=name)
        assert json.loads(told["HubContentDocument"])["HostingEcrUri"]


def test_an_unknown_setting_is_refused(sagemaker) -> None:
    with pytest.raises(OSError, match="400"):
        sagemaker.configure(colour="blue")
