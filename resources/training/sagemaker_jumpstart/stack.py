"""What one endpoint is made of at AWS: endpoint, configuration and model of one name; made in turn, and deleted in turn."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from resources.training.base import TrainingUnreachable
from resources.training.sagemaker_jumpstart.aws import Aws
from resources.training.sagemaker_jumpstart.faults import NameTaken, NotThere
from resources.training.sagemaker_jumpstart.tags import tag_list
from resources.training.serving import DeploymentFailed

Kind = Literal["Endpoint", "EndpointConfig", "Model"]
Described = dict[str, Any]


@dataclass(frozen=True)
class Stack:
    """Everything of one name."""

    aws: Aws
    name: str

    def get(self, kind: Kind) -> Described | None:
        """A part as the service describes it; None if it is not there."""
        try:
            return self.aws.read("sagemaker", f"Describe{kind}", **{f"{kind}Name": self.name})
        except NotThere:
            return None

    def create(self, model: Mapping[str, Any], config: Mapping[str, Any], tags: Mapping[str, str]) -> None:
        """Makes all that is missing. Raises `DeploymentFailed` if a model of this name loads other weights."""
        self._create("Model", model)
        wanted, there = _weights(model), _weights(self.get("Model") or {})
        if there != wanted:
            raise DeploymentFailed(f"a model named {self.name} exists and loads {there}; it is left as it is")
        self._create("EndpointConfig", config)
        endpoint = {"EndpointName": self.name, "EndpointConfigName": self.name, "Tags": tag_list(tags)}
        self._create("Endpoint", endpoint)

    def delete(self) -> None:
        """Deletes all that is there. Raises what AWS says of an endpoint that cannot be deleted yet; its parts then stay."""
        endpoint = self.get("Endpoint")
        if endpoint and endpoint["EndpointStatus"] != "Deleting":
            self._delete("Endpoint")
        self._delete("EndpointConfig")
        self._delete("Model")

    def tag(self, tags: Mapping[str, str]) -> None:
        """Writes tags to all that is there."""
        for kind in ("Endpoint", "EndpointConfig", "Model"):
            there = self.get(kind)
            if there:
                self.aws.order("sagemaker", "AddTags", ResourceArn=there[f"{kind}Arn"], Tags=tag_list(tags))

    def weights(self) -> str:
        """The address of the weights that its model loads."""
        return _weights(self.get("Model") or {})

    def left(self) -> list[str]:
        """What there is besides an endpoint, in words."""
        words: Mapping[Kind, str] = {"EndpointConfig": "configuration", "Model": "model"}
        return [word for kind, word in words.items() if self.get(kind)]

    def _create(self, kind: Kind, request: Mapping[str, Any]) -> None:
        """Ordered once; an order without an answer is looked for under its name."""
        try:
            self.aws.order("sagemaker", f"Create{kind}", **request)
        except NameTaken:
            return
        except TrainingUnreachable:
            if self.get(kind) is None:
                raise

    def _delete(self, kind: Kind) -> None:
        try:
            self.aws.order("sagemaker", f"Delete{kind}", **{f"{kind}Name": self.name})
        except NotThere:
            return


def _weights(model: Mapping[str, Any]) -> str:
    """The address of the weights that a model loads."""
    source = model.get("PrimaryContainer", {}).get("ModelDataSource", {}).get("S3DataSource", {})
    return str(source.get("S3Uri") or "nothing")
