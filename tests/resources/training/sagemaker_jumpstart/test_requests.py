"""What is sent to SageMaker and put into S3: exactly the dataset, strings only, and never a row cut short."""

import json

import pytest

from resources.egress.policy import EgressDenied, EgressOptions
from resources.training.base import TrainingData
from resources.training.options import TrainerOptions
from resources.training.resource import TrainersResource
from resources.training.sagemaker_jumpstart.rows import filled, row_lengths


def request(sagemaker) -> dict:
    return sagemaker.state()["jobs"][-1]["request"]


def values(sagemaker) -> dict[str, str]:
    """The hyperparameters as the script reads them."""
    return {
        name: value if name == "sagemaker_container_log_level" else json.loads(value)
        for name, value in request(sagemaker)["HyperParameters"].items()
    }


def test_hyperparameters_are_strings_over_the_hubs_defaults(sagemaker, trainer, spec, data) -> None:
    trainer().submit(spec(hyperparameters={"epoch": 2, "learning_rate": 2e-4}, seed=7), data, {})
    told = values(sagemaker)
    assert all(isinstance(value, str) for value in told.values())
    assert (told["epoch"], told["learning_rate"], told["lora_r"], told["seed"]) == ("2", "0.0002", "8", "7")
    assert (told["instruction_tuned"], told["chat_dataset"]) == ("True", "False")
    assert told["sagemaker_program"] == "transfer_learning.py"


def test_no_row_is_cut_in_silence(sagemaker, trainer, spec, data) -> None:
    trainer().submit(spec(), data, {})
    length, longest = int(values(sagemaker)["max_input_length"]), max(row_lengths(data.files, "instruction"))
    assert longest <= length < longest + 64


def test_a_seed_outside_the_scripts_range_becomes_one_inside(sagemaker, trainer, spec, data) -> None:
    trainer().submit(spec(seed=0), data, {})
    assert 1 <= int(values(sagemaker)["seed"]) <= 1000


def test_chat_rows_are_marked_as_chat(sagemaker, trainer, spec) -> None:
    dialog = [{"role": "user", "content": "What is the fee?"}, {"role": "assistant", "content": "It is $3.50."}]
    files = {"train.jsonl": json.dumps({"dialog": dialog}).encode() * 1 + b"\n"}
    files["train.jsonl"] *= 12
    chat = spec(options={"format": "chat"})
    trainer().preflight(chat, TrainingData((), (), files))
    trainer().submit(chat, TrainingData((), (), files), {})
    assert (values(sagemaker)["instruction_tuned"], values(sagemaker)["chat_dataset"]) == ("False", "True")
    assert [one["ChannelName"] for one in request(sagemaker)["InputDataConfig"]] == ["training", "code", "model"]


def test_exactly_the_dataset_is_uploaded_and_equal_data_only_once(sagemaker, trainer, spec, data) -> None:
    trainer().submit(spec(), data, {})
    channels = {
        one["ChannelName"]: one["DataSource"]["S3DataSource"]["S3Uri"] for one in request(sagemaker)["InputDataConfig"]
    }
    assert sagemaker.read(f"{channels['training']}train.jsonl").encode() == data.files["train.jsonl"]
    assert sagemaker.read(f"{channels['training']}template.json").encode() == data.files["template.json"]
    assert sagemaker.read(f"{channels['validation']}validation.jsonl").encode() == data.files["validation.jsonl"]
    assert len(sagemaker.objects(f"{sagemaker.prefix}/data/")) == 3
    sent = len(sagemaker.served("S3:PUT"))
    trainer().submit(spec(seed=2), data, {})
    assert len(sagemaker.served("S3:PUT")) == sent
    other = TrainingData((), (), {**data.files, "train.jsonl": data.files["train.jsonl"] * 2})
    trainer().submit(spec(seed=3), other, {})
    assert len(sagemaker.objects(f"{sagemaker.prefix}/data/")) == 6


def test_the_job_says_where_it_runs_on_what_and_whose_it_is(sagemaker, trainer, spec, data) -> None:
    network = {"subnets": ["subnet-1"], "security_groups": ["sg-1"], "kms_key": "alias/raftline"}
    asked = trainer(spot=False, training_instances=2, training_instance_type="ml.p5.48xlarge", volume_gb=100, **network)
    asked.submit(spec(), data, {"run": "run-1", "owner": "somebody"})
    made = request(sagemaker)
    resources = made["ResourceConfig"]
    assert (resources["InstanceType"], resources["InstanceCount"], resources["VolumeSizeInGB"]) == (
        "ml.p5.48xlarge",
        2,
        100,
    )
    assert made["Environment"] == {"NCCL_DEBUG": "WARN"}
    assert made["VpcConfig"] == {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
    assert made["OutputDataConfig"]["KmsKeyId"] == resources["VolumeKmsKeyId"] == "alias/raftline"
    assert made["EnableManagedSpotTraining"] is False
    assert "CheckpointConfig" not in made and "MaxWaitTimeInSeconds" not in made["StoppingCondition"]
    tags = sagemaker.state()["jobs"][0]["tags"]
    assert tags["raftline:run"] == "run-1"
    assert tags["raftline:owner"] == "raftline"
    assert tags["raftline:idem"] == spec().idem()


def test_the_volume_is_what_the_hub_asks_for(sagemaker, trainer, spec, data) -> None:
    trainer().submit(spec(), data, {})
    assert request(sagemaker)["ResourceConfig"]["VolumeSizeInGB"] == 256


def test_spot_jobs_wait_at_least_as_long_as_they_run_and_keep_checkpoints_across_attempts(
    sagemaker, trainer, spec, data, finish
) -> None:
    sagemaker.configure(jobs=[{"status": "Stopped", "secondary": "MaxWaitTimeExceeded", "times": 1}])
    finish(trainer().submit(spec(), data, {}))
    trainer().submit(spec(), data, {})
    first, second = (job["request"] for job in sagemaker.state()["jobs"])
    assert first["StoppingCondition"] == {"MaxRuntimeInSeconds": 21600, "MaxWaitTimeInSeconds": 43200}
    assert first["CheckpointConfig"] == second["CheckpointConfig"]


def test_the_network_rules_decide_whether_anything_is_asked_at_all(sagemaker, spec, data, tmp_path) -> None:
    options = TrainerOptions.model_validate({"sagemaker_jumpstart": {**sagemaker.trainer(), "endpoint_url": ""}})
    closed = TrainersResource(folder="", options=options, egress=EgressOptions(allow=["*.example.com"]))
    with pytest.raises(EgressDenied, match=r"amazonaws\.com.*trainers\.sagemaker_jumpstart\.region"):
        closed.get("sagemaker_jumpstart").find(spec())


def test_every_upload_is_in_the_egress_log(sagemaker, spec, data, tmp_path) -> None:
    options = TrainerOptions.model_validate({"sagemaker_jumpstart": sagemaker.trainer()})
    logged = TrainersResource(folder="", options=options, egress_folder=str(tmp_path))
    logged.get("sagemaker_jumpstart").submit(spec(), data, {})
    lines = [json.loads(line) for path in tmp_path.glob("*.jsonl") for line in path.read_text().splitlines()]
    assert sorted(line["bytes"] for line in lines) == sorted(map(len, data.files.values()))
    assert {line["purpose"] for line in lines} == {"training"}


def test_what_a_field_holds_is_never_taken_for_a_field() -> None:
    given = {"instruction": "{context}", "context": "{0} } { {response}"}
    assert filled("{instruction}\n{context} {other} {", given) == "{context}\n{0} } { {response} {other} {"
