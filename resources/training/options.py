"""The knobs of training and serving: `trainers` and `serving` in raftline.yaml. Secrets are named by their variable."""

from typing import Literal

from pydantic import Field

from resources.options import Options
from resources.training.azure_openai.options import AzureTrainerOptions
from resources.training.local.options import LocalTrainerOptions
from resources.training.sagemaker_jumpstart.options import SageMakerTrainerOptions


class JobOptions(Options):
    """How training jobs are followed, whatever the backend."""

    owner: str = Field(
        "raftline", min_length=1, max_length=200, description="Tag `owner` on every job and endpoint; names this home."
    )
    in_run_minutes: float = Field(
        10.0, ge=0, description="A job expected to take longer is submitted and left; the training sensor finishes it."
    )
    poll_seconds: float = Field(30.0, gt=0, description="Seconds between two looks at a job of a hosted service.")
    deadline_hours: float = Field(24.0, gt=0, description="A job that is not over by then is cancelled and failed.")
    capacity_minutes: float = Field(
        15.0,
        gt=0,
        description="Minutes until a job for which its service had no room is submitted again by the sensor.",
    )
    attempts: int = Field(
        3, ge=1, description="Times that one specification may fail at its service before it is submitted no more."
    )
    superseded: Literal["cancel", "finish"] = Field(
        "cancel",
        description="What becomes of a running job whose recipe has a newer dataset: cancelled, or left to finish.",
    )


class TrainerOptions(Options):
    """The training backends, a section each."""

    jobs: JobOptions = JobOptions()
    azure_openai: AzureTrainerOptions = AzureTrainerOptions()
    sagemaker_jumpstart: SageMakerTrainerOptions = SageMakerTrainerOptions()
    local: LocalTrainerOptions = LocalTrainerOptions()


class ServingOptions(Options):
    """Endpoints for evaluation and for the champion, and who promotes."""

    promotion: Literal["default", "manual", "auto"] = Field(
        "default",
        description="Who makes a champion: auto: the gate; manual: a person; default: auto for embedded only.",
    )
    evaluation_ttl_minutes: float = Field(
        120.0,
        gt=0,
        description="Life of an evaluation's endpoint, after which the sweeper takes it down whatever happened.",
    )
    ready_minutes: float = Field(60.0, gt=0, description="Longest wait for an endpoint to come up.")
    champion: bool = Field(
        False,
        description="Whether a hosted champion is kept deployed between runs; it bills by the hour on most services.",
    )
    alarm_usd_per_month: float | None = Field(
        None, gt=0, description="Endpoint cost per month (UTC) above which the budget check of model_endpoint fails."
    )
    port: int = Field(
        8090, ge=1, le=65535, description="Port on 127.0.0.1 where `raftline serve` answers for the champion."
    )
    key_variable: str = Field(
        "",
        description="Environment variable of the key that clients of `raftline serve` must send; none is asked if empty.",
    )
