"""Azure OpenAI fine-tuning: where it runs, on what, and what it costs."""

import re
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field

from resources.egress.policy import is_loopback
from resources.llm.roles import PriceOptions, Role, problems
from resources.options import Options

BACKEND = "azure_openai"
SECTION = "trainers.azure_openai"
"""Where these settings stand in raftline.yaml."""

_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class ManagementOptions(Options):
    """The account in Azure Resource Manager whose deployments serve students. Always asked with Entra ID."""

    endpoint: str = Field(
        "https://management.azure.com",
        description="Address of Azure Resource Manager; sovereign clouds have their own.",
    )
    subscription: str = Field("", description="Id of the subscription that holds the resource.")
    resource_group: str = Field("", description="Resource group that holds the resource.")
    account: str = Field("", description="Name of the Azure OpenAI or Foundry resource.")


class AzureTrainerOptions(Options):
    """Azure OpenAI fine-tuning."""

    endpoint: str = Field("", description="Address of the resource: https://NAME.openai.azure.com.")
    api_key_variable: str = Field("", description="Environment variable of the key; AZURE_OPENAI_API_KEY if empty.")
    auth: Literal["key", "entra"] = Field(
        "key",
        description="How training and asking prove who pays: a key, or Entra ID. Deploying always takes Entra ID.",
    )
    api_version: str = Field("", description="A legacy api-version, 2025-04-01-preview or later; the v1 API if empty.")
    training_type: str = Field(
        "GlobalStandard",
        min_length=1,
        description="Sent as it is as trainingType: GlobalStandard, Standard (data stay in the region) or Developer.",
    )
    suffix: str = Field(
        "raft",
        pattern=r"^[A-Za-z0-9_-]{1,9}$",
        description="Start of the suffix of tuned models; 8 digits of the specification's hash follow it.",
    )
    byte_order_mark: bool = Field(
        True, description="Whether uploaded files begin with a UTF-8 byte order mark, as the service's documents ask."
    )
    keep_files: int = Field(
        10,
        ge=0,
        description="Training files of ours that stay at the service, which holds 50 at most: older ones that no open job "
        "reads are deleted before an upload.",
    )
    tokens_per_row: int = Field(65_536, ge=1, description="Most tokens that the model takes in one training row.")
    file_megabytes: float = Field(512.0, gt=0, description="Largest training file that the service takes.")
    retirement_days: int = Field(
        60, ge=0, description="A base model that retires within so many days is not trained; 0 asks for today only."
    )
    expected_minutes: float = Field(
        90.0, ge=0, description="How long a job is expected to take, its time in the queue included."
    )
    usd_per_million_training_tokens: float | None = Field(
        None, ge=0, description="Price of trained tokens; cost is shown in tokens alone if not set."
    )
    price: PriceOptions = PriceOptions()
    usd_per_hour: dict[str, float] = Field(
        {"DeveloperTier": 0.0},
        description="Price of an hour of a deployed student by SKU, used or not; unknown if not named.",
    )
    evaluation_sku: str = Field(
        "DeveloperTier",
        min_length=1,
        description="SKU of deployments for evaluation; DeveloperTier ends after 24 hours.",
    )
    serving_sku: str = Field(
        "Standard", min_length=1, description="SKU of the champion's deployment; bills by the hour."
    )
    base_sku: str = Field(
        "GlobalStandard", min_length=1, description="SKU of deployments of an untrained base model; billed by token."
    )
    capacity: int = Field(50, ge=1, description="Capacity of a deployment: thousands of tokens per minute.")
    file_minutes: float = Field(30.0, gt=0, description="Longest upload of a file, and longest wait until it is read.")
    second_look_seconds: float = Field(
        30.0, ge=0, description="Wait between two looks for a job whose creation was not answered: lists lag behind."
    )
    polling_seconds: float = Field(5.0, gt=0, description="Seconds between two looks at a file or a deletion.")
    busy_seconds: float = Field(
        600.0, gt=0, description="Longest wait for an account that is busy with another deployment."
    )
    deletion_seconds: float = Field(120.0, gt=0, description="Longest wait until a deployment is gone.")
    retries: int = Field(2, ge=0, description="Times that a reading call is repeated at once; creating ones never are.")
    timeout_seconds: float = Field(120.0, gt=0, description="Longest wait for one answer.")
    management: ManagementOptions = ManagementOptions()

    def role(self, model: str = "gpt", deployment: str = "training") -> Role:
        """These settings as those of a role: what the connection code of model calls understands."""
        return Role(
            provider="azure_openai",
            model=model,
            deployment=deployment,
            endpoint=self.endpoint,
            api_key_variable=self.api_key_variable,
            auth=self.auth,
            api_version=self.api_version,
            timeout_seconds=self.timeout_seconds,
            price=self.price,
        )


def training_problems(options: AzureTrainerOptions) -> list[str]:
    """What keeps these settings from being trained with, a line each. Looks at no secret."""
    if not options.endpoint:
        return [f"{SECTION}.endpoint: is not set; it is the resource's address, https://NAME.openai.azure.com"]
    found = [f"{SECTION}.{problem.removeprefix('roles.training.')}" for problem in problems("training", options.role())]
    if urlsplit(options.endpoint).scheme == "http" and not is_loopback(urlsplit(options.endpoint).hostname or ""):
        found.append(f"{SECTION}.endpoint: must be an https address")
    if _is_openai(options.endpoint):
        found.append(f"{SECTION}.endpoint: OpenAI's own service takes no new jobs after 2027-01-06; it is no backend")
    return found


def serving_problems(options: AzureTrainerOptions) -> list[str]:
    """What keeps these settings from being deployed with, a line each."""
    management, section = options.management, f"{SECTION}.management"
    found = training_problems(options)
    for key in ("subscription", "resource_group", "account"):
        if not getattr(management, key).strip():
            found.append(f"{section}.{key}: is not set; deployments are made through Azure Resource Manager")
    if management.subscription and not _GUID.fullmatch(management.subscription):
        found.append(f"{section}.subscription: is not the id of a subscription (az account show --query id)")
    parts = urlsplit(management.endpoint)
    if not parts.hostname or parts.scheme not in ("http", "https"):
        found.append(f"{section}.endpoint: is not an address such as https://management.azure.com")
    elif parts.scheme == "http" and not is_loopback(parts.hostname):
        found.append(f"{section}.endpoint: must be an https address: a token is sent there")
    return found


def _is_openai(endpoint: str) -> bool:
    host = urlsplit(endpoint).hostname or ""
    return host == "openai.com" or host.endswith(".openai.com")
