"""What an endpoint is to load: a tuned model's own weights, verified, or the hub's own; and on which instance."""

from resources.training.base import TrainingFailed
from resources.training.sagemaker_jumpstart.hosting import Weights
from resources.training.sagemaker_jumpstart.hub import Hosting, HubModel
from resources.training.sagemaker_jumpstart.options import SECTION, SageMakerTrainerOptions
from resources.training.sagemaker_jumpstart.requests import eula_problem
from resources.training.sagemaker_jumpstart.storage import Storage
from resources.training.sagemaker_jumpstart.tagged import owned
from resources.training.sagemaker_jumpstart.tags import TAG
from resources.training.serving import DeploymentFailed, StudentModel


def require_unchanged(model: StudentModel, storage: Storage) -> None:
    """Raises `TrainingFailed` if what lies at a tuned model's address is not what its job left there."""
    if model.location and model.provenance.get("manifest") != storage.manifest(model.location):
        raise TrainingFailed(f"model {model.model_id}: what lies at {model.location} is not what its job left there")


def weights_of(model: StudentModel, hub: HubModel, hosting: Hosting, storage: Storage, owner: str) -> Weights:
    """A tuned model's own weights, never the hub's; the hub's for a base model whose licence an owner's recipe accepted."""
    if model.location:
        require_unchanged(model, storage)
        return Weights(model.location, model.location.endswith(".tar.gz"))
    if not hosting.uri:
        raise DeploymentFailed(f"the hub names no weights of {hub.name}")
    if hub.gated and not _accepted(model, storage, owner):
        raise DeploymentFailed(eula_problem(hub))
    return Weights(hosting.uri, hosting.compressed, hub.gated)


def hosting_of(hub: HubModel, options: SageMakerTrainerOptions) -> Hosting:
    """What serves a model as the settings want it. Raises `DeploymentFailed` for an instance type that does not."""
    hosting = hub.hosting(options.endpoint_instance_type, options.region)
    if hosting.instance_types and hosting.instance_type not in hosting.instance_types:
        offered = ", ".join(hosting.instance_types)
        raise DeploymentFailed(
            f"{hub.name} is not served on {hosting.instance_type}; {SECTION}.endpoint_instance_type may be {offered}"
        )
    return hosting


def _accepted(model: StudentModel, storage: Storage, owner: str) -> bool:
    """Whether a recipe accepted the licence of a base model: as told, or for a training job of ours."""
    if model.provenance.get("accept_eula") == "true":
        return True
    accepted = {TAG.base_model: model.base_model, TAG.eula: "accepted"}
    return bool(owned(storage.aws, owner, accepted, ("training-job",)))
