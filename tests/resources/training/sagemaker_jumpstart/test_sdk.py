"""The part of the SageMaker SDK that is used: Amazon's rules per instance type, and its registries of images."""

import socket

import pytest

from resources.training.base import TrainingRejected
from resources.training.sagemaker_jumpstart.hub import HubModel
from resources.training.sagemaker_jumpstart.variants import image_of, variant_of

VARIANTS = {
    "Variants": {
        "g5": {"Properties": {"ImageUri": "family", "EnvironmentVariables": {"SM_NUM_GPUS": "1", "CamelCase": "kept"}}},
        "ml.g5.48xlarge": {
            "Properties": {
                "EnvironmentVariables": {"SM_NUM_GPUS": "8"},
                "GatedModelEnvVarUri": "s3://private/weights/",
                "Hyperparameters": [{"Name": "batch_size", "Type": "int", "Default": 2, "Scope": "algorithm"}],
            }
        },
    }
}


def test_a_type_overrides_its_family_property_by_property() -> None:
    found = variant_of(VARIANTS, "ml.g5.48xlarge", "us-east-1")
    assert found.image == "family"
    assert found.environment == {"SM_NUM_GPUS": "8", "CamelCase": "kept"}
    assert found.artifact == "s3://private/weights/"
    assert found.hyperparameters == {"batch_size": "2"}


def test_asking_for_one_type_changes_nothing_for_another() -> None:
    variant_of(VARIANTS, "ml.g5.48xlarge", "us-east-1")
    assert variant_of(VARIANTS, "ml.g5.2xlarge", "us-east-1").environment["SM_NUM_GPUS"] == "1"


def test_a_type_without_settings_has_none() -> None:
    assert variant_of(VARIANTS, "ml.p5.48xlarge", "us-east-1") == variant_of(None, "ml.g5.2xlarge", "us-east-1")


@pytest.mark.parametrize("spec", [{"Variants": [1]}, {"Variants": {"g5": 3}}])
def test_settings_of_another_shape_are_refused_in_words(spec) -> None:
    with pytest.raises(TrainingRejected, match=r"ml\.g5\.2xlarge cannot be read"):
        variant_of(spec, "ml.g5.2xlarge", "us-east-1")


def test_a_document_that_names_a_framework_gets_the_image_of_its_region() -> None:
    model = HubModel("m", "1.0.0", {"HostingEcrSpecs": {"Framework": "djl-lmi", "FrameworkVersion": "0.33.0"}})
    image = model.hosting("ml.g5.2xlarge", "eu-west-1").image
    assert image.startswith("763104351884.dkr.ecr.eu-west-1.amazonaws.com/djl-inference:0.33.0-")
    with pytest.raises(TrainingRejected, match="no container image for nobodys"):
        image_of({"Framework": "nobodys", "FrameworkVersion": "1"}, "eu-west-1", "ml.g5.2xlarge")


def test_the_sdk_asks_nobody_and_tells_nobody(monkeypatch) -> None:
    asked = []
    monkeypatch.setattr(socket.socket, "connect", lambda self, address: asked.append(address))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *address, **more: asked.append(address) or [])
    variant_of(VARIANTS, "ml.g5.48xlarge", "us-east-1")
    image_of({"Framework": "djl-lmi", "FrameworkVersion": "0.33.0"}, "eu-west-1", "ml.g5.2xlarge")
    assert asked == []
