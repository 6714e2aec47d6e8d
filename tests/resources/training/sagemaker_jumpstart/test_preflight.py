"""What is refused before anything is spent: models, licences, rows that would be cut, hyperparameters, settings."""

import json
from dataclasses import replace

import pytest

from resources.errors import SettingsError
from resources.training.base import TrainingData, TrainingRejected
from resources.training.options import TrainerOptions
from resources.training.resource import TrainersResource
from resources.training.sagemaker_jumpstart.options import SageMakerTrainerOptions
from resources.training.sagemaker_jumpstart.trainer import SageMakerTrainer


def test_a_whole_specification_passes_and_nothing_is_created(sagemaker, trainer, spec, data) -> None:
    trainer().preflight(spec(hyperparameters={"epoch": 2, "lora_r": 16}), data)
    assert {one["operation"] for one in sagemaker.served()} == {"DescribeHubContent", "ListTrainingJobs"}


def test_without_settings_there_is_one_message_that_names_all_that_is_missing(spec, data) -> None:
    unset = TrainersResource(folder="", options=TrainerOptions()).get("sagemaker_jumpstart")
    with pytest.raises(SettingsError, match=r"set region, role_arn and prefix in trainers\.sagemaker_jumpstart"):
        unset.preflight(spec(), data)
    with pytest.raises(SettingsError, match="region, role_arn and prefix"):
        unset.find(spec())


def test_a_licence_that_nobody_accepted_is_refused_by_preflight_and_submit(sagemaker, trainer, spec, data) -> None:
    gated = spec(base_model=sagemaker.gated)
    with pytest.raises(TrainingRejected, match=r"licence \(EULA\).*accept_eula: true"):
        trainer().preflight(gated, data)
    with pytest.raises(TrainingRejected, match="accept_eula"):
        trainer().submit(gated, data, {})
    assert sagemaker.state()["jobs"] == []


def test_a_licence_that_the_recipe_accepts_is_accepted_in_the_request_and_recorded(
    sagemaker, trainer, spec, data, finish
) -> None:
    accepted = spec(base_model=sagemaker.gated, options={"accept_eula": True})
    trainer().preflight(accepted, data)
    handle = trainer().submit(accepted, data, {})
    job = sagemaker.state()["jobs"][0]
    channels = {one["ChannelName"]: one["DataSource"]["S3DataSource"] for one in job["request"]["InputDataConfig"]}
    assert channels["model"]["ModelAccessConfig"] == {"AcceptEula": True}
    assert "ModelAccessConfig" not in channels["training"]
    finish(handle)
    assert trainer().artifact(handle).provenance["accept_eula"] == "true"


def test_accepting_where_there_is_nothing_to_accept_changes_nothing(sagemaker, trainer, spec, data) -> None:
    trainer().submit(spec(options={"accept_eula": True}), data, {})
    assert "AcceptEula" not in json.dumps(sagemaker.state()["jobs"][0]["request"])


def test_a_model_without_a_version_is_refused_with_the_newest_one(sagemaker, trainer, spec, data) -> None:
    name = sagemaker.gated.split("/")[0]
    with pytest.raises(TrainingRejected, match=f"write {name}/1.10.0"):
        trainer().preflight(spec(base_model=name), data)


def test_an_unknown_version_lists_those_there_are(sagemaker, trainer, spec, data) -> None:
    name = sagemaker.gated.split("/")[0]
    with pytest.raises(TrainingRejected, match=r"no version 9\.9\.9 .* there are 1\.3\.0, 1\.10\.0"):
        trainer().preflight(spec(base_model=f"{name}/9.9.9"), data)


def test_an_unknown_model_lists_names_like_it(trainer, spec, data) -> None:
    with pytest.raises(TrainingRejected, match=r"similar are .*huggingface-llm-open-reader-1b"):
        trainer().preflight(spec(base_model="huggingface-llm-open-reader-2b/1.0.0"), data)


def test_a_model_that_is_unknown_hides_no_fault_of_the_data(trainer, spec, data) -> None:
    broken = replace(data, files={**data.files, "template.json": b"{}"})
    with pytest.raises(TrainingRejected, match=r"(?s)template\.json.*has no model nothing"):
        trainer().preflight(spec(base_model="nothing/1.0.0"), broken)


@pytest.mark.parametrize("name", ["", "../../etc", "a b/1.0.0", "model/latest"])
def test_what_is_no_name_of_a_model_never_reaches_the_service(sagemaker, trainer, spec, data, name) -> None:
    with pytest.raises(TrainingRejected, match="MODEL_ID/VERSION"):
        trainer().preflight(spec(base_model=name), data)
    assert sagemaker.served("DescribeHubContent") == []


def test_a_model_that_is_only_served_is_refused(trainer, spec, data) -> None:
    with pytest.raises(TrainingRejected, match="not offered for training"):
        trainer().preflight(spec(base_model="huggingface-llm-open-reader-hosting-only/1.0.0"), data)


def test_a_row_that_the_model_would_cut_is_refused(sagemaker, trainer, spec, data) -> None:
    row = json.loads(data.files["train.jsonl"].splitlines()[0])
    long = json.dumps({**row, "context": "word " * 700}).encode() + b"\n"
    files = {**data.files, "train.jsonl": data.files["train.jsonl"] + long}
    with pytest.raises(TrainingRejected, match=r"longest row has up to \d+ tokens with its answer; .* takes 600"):
        trainer().preflight(spec(base_model=sagemaker.short), TrainingData((), (), files))
    trainer().preflight(spec(), TrainingData((), (), files))


def test_a_length_that_would_cut_the_answer_off_is_refused(trainer, spec, data) -> None:
    with pytest.raises(TrainingRejected, match="its answer would be cut off"):
        trainer().preflight(spec(hyperparameters={"max_input_length": 32}), data)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"epochs": 3}, "hyperparameters.epochs is unknown; known are .*epoch,"),
        ({"epoch": 0}, "must be between 1 and 1000"),
        ({"epoch": 1.5}, "whole number"),
        ({"epoch": True}, "whole number"),
        ({"learning_rate": "fast"}, "must be a number"),
        ({"int8_quantization": "maybe"}, "must be one of True, False"),
        ({"instruction_tuned": "True"}, "training.options.format"),
        ({"sagemaker_program": "evil.py"}, "is unknown"),
    ],
)
def test_a_hyperparameter_that_the_script_does_not_take_is_refused(trainer, spec, data, given, words) -> None:
    with pytest.raises(TrainingRejected, match=words):
        trainer().preflight(spec(hyperparameters=given), data)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "train.jsonl is missing"),
        ({"template.json": b"{}"}, "template.json"),
        ({"train.jsonl": b'{"instruction": "a", "response": "b"}\n' * 3}, "3 rows; 10 are needed"),
        ({"train.jsonl": b'{"instruction": "a", "response": "b"}\n' * 12 + b"[]\n"}, "train.jsonl line 13"),
        ({"validation.jsonl": b"{}\n"}, "validation.jsonl line 1"),
    ],
)
def test_files_that_the_script_cannot_read_are_refused(trainer, spec, data, files, words) -> None:
    broken = replace(data, files={**data.files, **files} if files else {})
    with pytest.raises(TrainingRejected, match=words):
        trainer().preflight(spec(), broken)


def test_everything_that_is_wrong_is_said_at_once(sagemaker, trainer, spec, data) -> None:
    wrong = spec(base_model=sagemaker.gated, hyperparameters={"epoch": 0, "epochs": 1}, parent="abc")
    with pytest.raises(TrainingRejected) as refusal:
        trainer(training_instance_type="ml.t3.medium").preflight(wrong, data)
    told = str(refusal.value).splitlines()
    assert len(told) == 5
    assert any("ml.t3.medium" in line and "ml.g5.2xlarge" in line for line in told)


def test_a_permission_that_is_missing_is_named(sagemaker, trainer, spec, data) -> None:
    sagemaker.configure(denied=["DescribeHubContent"])
    with pytest.raises(TrainingRejected, match="sagemaker DescribeHubContent is not permitted"):
        trainer().preflight(spec(), data)


@pytest.mark.parametrize("options", [{"format": "xml"}, {"accept_eula": "yes"}, {"epochs": 3}])
def test_unknown_options_of_a_recipe_are_refused(trainer, options) -> None:
    with pytest.raises(SettingsError, match=r"training\.options"):
        trainer().data_format(options)


def test_a_recipe_chooses_between_instructions_and_chat(trainer) -> None:
    assert trainer().data_format({}) == "jumpstart_instruction"
    assert trainer().data_format({"format": "chat"}) == "jumpstart_chat"


@pytest.mark.parametrize(
    "settings",
    [
        {"max_wait_hours": 1.0},
        {"subnets": ["subnet-1"]},
        {"prefix": "https://bucket/x"},
        {"serving": "batch"},
        {"reg": 1},
    ],
)
def test_settings_that_cannot_be_are_refused(resource, settings) -> None:
    with pytest.raises(ValueError, match="sagemaker_jumpstart"):
        resource(**settings)


def test_a_job_is_quoted_at_its_maximum_or_by_its_speed(trainer, spec, data) -> None:
    most = trainer(max_runtime_hours=2.0).quote(spec(), data)
    assert (most.usd, most.seconds) == (4.0, 7200.0)
    quick = trainer(tokens_per_second=100.0).quote(spec(hyperparameters={"epoch": 2}), data)
    assert quick.usd is not None and quick.usd < most.usd
    assert "tokens" in quick.basis
    assumed = trainer(tokens_per_second=100.0).quote(spec(), data)
    assert "x 5 epochs" in assumed.basis
    unpriced = trainer(usd_per_training_hour=None).quote(spec(), data)
    assert unpriced.usd is None and "usd_per_training_hour" in unpriced.basis


def test_the_destination_is_where_boto3_would_go(monkeypatch) -> None:
    def destination(region: str = "eu-west-1", **more: str) -> str:
        return SageMakerTrainer(options=SageMakerTrainerOptions(region=region, **more)).destination

    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    assert destination() == "s3.eu-west-1.amazonaws.com"
    assert destination("cn-north-1") == "s3.cn-north-1.amazonaws.com.cn"
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://aws.example")
    assert destination() == "aws.example"
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://store.example")
    assert destination() == "store.example"
    assert destination(endpoint_url="http://127.0.0.1:5000") == "127.0.0.1"
