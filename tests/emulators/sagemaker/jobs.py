"""Training jobs: unique names, a life that polls or the clock advance, and what it leaves in storage, logs and metrics."""

from typing import Any

from sagemaker import stores
from sagemaker.configuration import JobRule
from sagemaker.errors import in_use, validation
from sagemaker.world import Job, World

BEGINNING = ("Starting", "Pending", "Downloading", "Training")
STARTUP_SECONDS = 180.0
TRAINING_SECONDS = 1800.0
STATUS = {"Stopped": "Stopped", "MaxRuntimeExceeded": "Stopped", "MaxWaitTimeExceeded": "Stopped"}
"""Terminal secondary statuses whose status has another name."""


def create(world: World, request: dict[str, Any]) -> dict[str, Any]:
    name = request["TrainingJobName"]
    arn = world.arn("training-job", name)
    if name in world.jobs:
        raise in_use(
            "Job name must be unique within an AWS account and region, and a training job with this name already "
            f"exists ({arn})"
        )
    stopping = request["StoppingCondition"]
    if request.get("EnableManagedSpotTraining"):
        if stopping.get("MaxWaitTimeInSeconds", 0) < stopping.get("MaxRuntimeInSeconds", 86400):
            raise validation(
                "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds"
            )
    elif "MaxWaitTimeInSeconds" in stopping:
        raise validation("MaxWaitTimeInSeconds can only be used with EnableManagedSpotTraining")
    for channel in request.get("InputDataConfig", []):
        source = channel["DataSource"]["S3DataSource"]
        foreign = stores.split(source["S3Uri"])[0].startswith("jumpstart-")
        if not foreign and not stores.keys_below(source["S3Uri"]):
            raise validation(f"No S3 objects found under S3 URL {source['S3Uri']!r} given in input data source.")
        if "private-cache" in source["S3Uri"] and not source.get("ModelAccessConfig", {}).get("AcceptEula"):
            raise validation("You must accept the end-user license agreement (EULA) of the model with AcceptEula.")
    if not stores.bucket_exists(request["OutputDataConfig"]["S3OutputPath"]):
        raise validation(f"The output bucket of {request['OutputDataConfig']['S3OutputPath']} does not exist.")
    world.jobs[name] = Job(name, request, world.now, len(world.jobs))
    world.tag(arn, request.get("Tags", []))
    return {"TrainingJobArn": arn}


def describe(world: World, request: dict[str, Any]) -> dict[str, Any]:
    job = _known(world, request["TrainingJobName"])
    answer = _described(world, job)
    job.steps += 1
    return answer


def stop(world: World, request: dict[str, Any]) -> dict[str, Any]:
    job = _known(world, request["TrainingJobName"])
    status, _ = advance(world, job)
    if status not in ("InProgress", "Stopping"):
        raise validation(f"The request was rejected because the training job is in status {status}.")
    job.stop = job.stop or (len(job.path), job.steps, world.now)
    return {}


def list_jobs(world: World, request: dict[str, Any]) -> dict[str, Any]:
    if world.lags("ListTrainingJobs"):
        return {"TrainingJobSummaries": []}
    contained = request.get("NameContains", "")
    newest = sorted((job for job in world.jobs.values() if contained in job.name), key=lambda job: -job.number)
    start = int(request.get("NextToken") or 0)
    end = start + min(world.configuration.page_size, request.get("MaxResults", 100))
    summaries = [
        {
            "TrainingJobName": job.name,
            "TrainingJobArn": world.arn("training-job", job.name),
            "CreationTime": job.created,
            "TrainingJobStatus": advance(world, job)[0],
        }
        for job in newest[start:end]
    ]
    return {"TrainingJobSummaries": summaries, **({"NextToken": str(end)} if end < len(newest) else {})}


def rule_of(world: World, job: Job) -> JobRule:
    """How this job fares."""
    for rule in world.configuration.jobs:
        fits = sorted(
            (other for other in world.jobs.values() if rule.match in other.name), key=lambda other: other.number
        )
        if job in fits:
            place = fits.index(job) - rule.after
            if place >= 0 and (rule.times is None or place < rule.times):
                return rule
    return JobRule()


def life(rule: JobRule) -> list[tuple[str, str]]:
    """The statuses of a job in order: status and secondary status."""
    training = list(BEGINNING) + ["Interrupted", "Starting", "Downloading", "Training"] * rule.interruptions
    path = [("InProgress", secondary) for secondary in [*training, *(["Uploading"] if rule.status != "Failed" else [])]]
    end = rule.secondary or rule.status
    path.append((STATUS.get(end, rule.status), end))
    held = [index for index, (_, secondary) in enumerate(path) if secondary == rule.hold]
    return path[: held[0] + 1] if held else path


def advance(world: World, job: Job) -> tuple[str, str]:
    """Where a job is now. What happens on the way (logs, metrics, the artifact) happens once."""
    rule = rule_of(world, job)
    path = life(rule)
    reached = world.steps_since(job.created, job.steps)
    if job.stop is not None:
        base, steps, moment = job.stop
        path = [*job.path[:base], ("Stopping", "Stopping"), ("Stopped", "Stopped")]
        reached = base + world.steps_since(moment, job.steps - steps)
    reached = min(reached, len(path) - 1)
    while len(job.path) <= reached:
        _enter(world, job, rule, path[len(job.path)])
    return job.path[-1]


def _enter(world: World, job: Job, rule: JobRule, state: tuple[str, str]) -> None:
    job.path.append(state)
    at = _moment(world, job, len(job.path) - 1)
    if state[1] == "Training":
        epochs = [f"train_epoch_loss={2.0 / (number + 1):.4f} eval_epoch_loss=tensor({2.2 / (number + 1):.4f})"
                  for number in range(3)]  # fmt: skip
        stores.log(job.name, at, ["Invoking script transfer_learning.py", *epochs])
        for number in range(3):
            stores.measure(
                job.name,
                [
                    (metric["Name"], at + 60.0 * number, (2.2 if "eval" in metric["Name"] else 2.0) / (number + 1))
                    for metric in job.request["AlgorithmSpecification"].get("MetricDefinitions", [])
                ],
            )
    if state[1] == "Interrupted":
        stores.log(job.name, at, ["Spot capacity was taken back; checkpoints are kept."])
    if state[0] not in ("InProgress", "Stopping"):
        job.ended = at
        if state[0] == "Failed" and rule.reason:
            stores.log(job.name, at, [f"ERROR {rule.reason}"])
        if _trained(state) and rule.artifact and not job.written:
            job.written = True
            _write(job)


def _trained(state: tuple[str, str]) -> bool:
    return state[0] == "Completed" or state[1] == "MaxRuntimeExceeded"


def _write(job: Job) -> None:
    hyperparameters = job.request.get("HyperParameters", {})
    files = stores.artifact({"job": job.name, "epoch": hyperparameters.get("epoch", "")})
    uri = artifact_uri(job)
    if uri.endswith(".tar.gz"):
        stores.write(uri, stores.packed(files))
    else:
        for name, content in files.items():
            stores.write(f"{uri}{name}", content)
    checkpoints = job.request.get("CheckpointConfig", {}).get("S3Uri")
    if checkpoints:
        stores.write(f"{checkpoints.rstrip('/')}/checkpoint-{job.name}", b"not-a-real-checkpoint")


def artifact_uri(job: Job) -> str:
    output = job.request["OutputDataConfig"]
    folder = f"{output['S3OutputPath'].rstrip('/')}/{job.name}/output"
    return f"{folder}/model/" if output.get("CompressionType") == "NONE" else f"{folder}/model.tar.gz"


def _known(world: World, name: str) -> Job:
    if name not in world.jobs:
        raise validation("Requested resource not found.")
    return world.jobs[name]


def _moment(world: World, job: Job, step: int) -> float:
    settings = world.configuration
    return job.created + step * (settings.phase_seconds if settings.advance == "clock" else 60.0)


def _described(world: World, job: Job) -> dict[str, Any]:
    status, secondary = advance(world, job)
    rule = rule_of(world, job)
    request = {key: value for key, value in job.request.items() if key not in ("Tags", "OutputDataConfig")}
    transitions = []
    for step, (_, name) in enumerate(job.path):
        started = {"Status": name, "StartTime": _moment(world, job, step), "StatusMessage": _words(name, rule)}
        if step + 1 < len(job.path):
            started["EndTime"] = _moment(world, job, step + 1)
        transitions.append(started)
    answer = {
        **request,
        "TrainingJobArn": world.arn("training-job", job.name),
        "OutputDataConfig": {"KmsKeyId": "", **job.request["OutputDataConfig"]},
        "TrainingJobStatus": status,
        "SecondaryStatus": secondary,
        "SecondaryStatusTransitions": transitions,
        "CreationTime": job.created,
        "LastModifiedTime": _moment(world, job, len(job.path) - 1),
    }
    if any(name == "Training" for _, name in job.path):
        answer["TrainingStartTime"] = _moment(world, job, [name for _, name in job.path].index("Training"))
    if status not in ("InProgress", "Stopping"):
        answer["TrainingEndTime"] = job.ended
        trained = any(name == "Training" for _, name in job.path)
        answer["TrainingTimeInSeconds"] = int(TRAINING_SECONDS) if trained else 0
        answer["BillableTimeInSeconds"] = billable(job, rule) if trained else 0
        if _trained((status, secondary)):
            answer["ModelArtifacts"] = {"S3ModelArtifacts": artifact_uri(job)}
            answer["FinalMetricDataList"] = [
                {"MetricName": metric["Name"], "Value": 0.7333 if "eval" in metric["Name"] else 0.6667,
                 "Timestamp": job.ended}
                for metric in job.request["AlgorithmSpecification"].get("MetricDefinitions", [])
            ]  # fmt: skip
        if status == "Failed":
            answer["FailureReason"] = rule.reason
    return answer


def billable(job: Job, rule: JobRule) -> int:
    """Seconds that are charged: managed spot charges a share of them."""
    share = rule.billable_share if job.request.get("EnableManagedSpotTraining") else 1.0
    return int(TRAINING_SECONDS * share)


def cost(world: World) -> float:
    """USD of all training jobs so far."""
    total = 0.0
    for job in world.jobs.values():
        if any(name == "Training" for _, name in job.path):
            resources = job.request["ResourceConfig"]
            hours = billable(job, rule_of(world, job)) / 3600
            total += hours * world.configuration.price(resources["InstanceType"]) * resources["InstanceCount"]
    return total


def _words(secondary: str, rule: JobRule) -> str:
    told = {
        "Starting": "Preparing the instances for training",
        "Downloading": "Downloading input data",
        "Training": "Training image download completed. Training in progress.",
        "Interrupted": "Training job interrupted: spot capacity was reclaimed",
        "Uploading": "Uploading generated training model",
        "Completed": "Training job completed",
        "Failed": rule.reason or "Training job failed",
        "Stopped": "Training job stopped",
        "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
    }
    return told.get(secondary, secondary)
