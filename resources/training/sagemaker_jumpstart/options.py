"""SageMaker JumpStart training and serving: where it runs, on what, and what it costs."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Literal

from pydantic import Field, model_validator

from resources.errors import SettingsError
from resources.options import Options

BACKEND = "sagemaker_jumpstart"
SECTION = f"trainers.{BACKEND}"
"""Where these settings stand in raftline.yaml."""


class SageMakerTrainerOptions(Options):
    """SageMaker JumpStart training and serving. Credentials come from boto3's own chain (environment, profile, role)."""

    region: str = Field("", description="AWS region that trains and serves, such as us-east-1.")
    role_arn: str = Field(
        "", description="Role that training jobs and endpoints run under: it reads and writes `prefix`."
    )
    prefix: str = Field(
        "",
        pattern=r"^(s3://[a-z0-9][a-z0-9.-]+(/.*)?)?$",
        description="s3://BUCKET/PREFIX of data, checkpoints, models.",
    )
    hub: str = Field("SageMakerPublicHub", min_length=1, description="Hub that the base models come from.")
    endpoint_url: str = Field("", description="Address of every AWS service, for emulators; AWS_ENDPOINT_URL if empty.")
    training_instance_type: str = Field("", description="Instance type of training jobs; the hub's default if empty.")
    training_instances: int = Field(1, ge=1, description="Instances of one training job.")
    volume_gb: int | None = Field(
        None, ge=1, description="Disk of a training instance in GB; what the hub's document asks for, if not set."
    )
    spot: bool = Field(
        True, description="Managed spot training: cheaper, interrupted at times, with checkpoints in S3."
    )
    max_runtime_hours: float = Field(
        6.0, gt=0, description="Training time after which a job is stopped and has failed."
    )
    max_wait_hours: float = Field(
        12.0, gt=0, description="The same with the waiting for spot capacity; not less than max_runtime_hours."
    )
    tokens_per_second: float | None = Field(
        None,
        gt=0,
        description="Training speed of the instance type, for estimates; a job costs its maximum if not set.",
    )
    row_tokens: int = Field(
        8192, ge=64, description="Longest row in tokens, where the hub names no maximum of max_input_length."
    )
    endpoint_instance_type: str = Field("", description="Instance type of endpoints; the hub's default if empty.")
    serving: Literal["real_time", "asynchronous"] = Field(
        "real_time",
        description="real_time answers at once and bills by the hour; asynchronous goes through S3 and scales to none when "
        "idle: the first answer then takes minutes.",
    )
    answer_tokens: int = Field(1024, ge=1, description="Tokens of an answer at most; containers default to very few.")
    deletion_seconds: float = Field(
        180.0, ge=0, description="How long to wait for an endpoint to be gone; the sweeper goes on after that."
    )
    polling_seconds: float = Field(5.0, gt=0, description="Seconds between two looks at what takes its time.")
    ask_seconds: float = Field(
        65.0, gt=0, description="How long a call may take; SageMaker itself gives up after 60 s."
    )
    kms_key: str = Field("", description="KMS key of data, models and disks; the services' own if empty.")
    subnets: list[str] = Field([], description="Subnets that jobs and endpoints run in; needs security_groups.")
    security_groups: list[str] = Field([], description="Security groups of jobs and endpoints; needs subnets.")
    usd_per_training_hour: float | None = Field(
        None, ge=0, description="USD per hour of a training instance, on demand."
    )
    usd_per_endpoint_hour: float | None = Field(None, ge=0, description="USD per hour of an endpoint's instance.")

    @model_validator(mode="after")
    def _fits_together(self) -> "SageMakerTrainerOptions":
        if self.max_wait_hours < self.max_runtime_hours:
            raise ValueError("max_wait_hours is less than max_runtime_hours; it counts the running time too")
        if bool(self.subnets) != bool(self.security_groups):
            raise ValueError("subnets and security_groups belong together: set both or neither")
        return self

    @property
    def folder(self) -> str:
        """`prefix` without a slash at its end."""
        return self.prefix.rstrip("/")


def require_configured(options: SageMakerTrainerOptions) -> None:
    """Raises `SettingsError` naming every setting that nothing can be trained or served without."""
    missing = [name for name in ("region", "role_arn", "prefix") if not getattr(options, name)]
    if missing:
        named = " and ".join(filter(None, (", ".join(missing[:-1]), missing[-1])))
        raise SettingsError(
            f"SageMaker JumpStart is not configured: set {named} in {SECTION} (docs/training-sagemaker.md says what to create)"
        )


@contextmanager
def extra_needed() -> Generator[None]:
    """Around an import of what the extra brings. Raises `SettingsError` naming it if it is not installed."""
    try:
        yield
    except ImportError as error:
        raise SettingsError(
            "SageMaker JumpStart needs the extra `sagemaker`: pip install 'raftline[sagemaker]'"
        ) from error
