"""Who plays a role: the settings of `roles.<name>` in raftline.yaml. Secrets are named by their variable, never given."""

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field

from resources.options import Options

CHAT_ROLES = ("transcriber", "contextualizer", "teacher", "judge")
ROLES = (*CHAT_ROLES, "embedder")
PROVIDERS = ("embedded", "azure_openai", "openai_compatible")
EMBEDDED_ROLES = ("teacher", "contextualizer", "embedder")
"""The roles that the embedded provider plays."""

KEY_VARIABLES = {"azure_openai": "AZURE_OPENAI_API_KEY", "openai_compatible": "OPENAI_API_KEY"}
"""The environment variable of a provider's key where a role names none."""


class Limits(Options):
    """The quota of a deployment. What is not set is learned from the service's headers and refusals."""

    requests_per_minute: int | None = Field(None, ge=1, description="Requests per minute that the deployment allows.")
    tokens_per_minute: int | None = Field(None, ge=1, description="Tokens per minute that the deployment allows.")
    concurrency: int = Field(32, ge=1, description="Most calls in flight at once.")
    patience_seconds: float = Field(
        300.0, gt=0, description="How long calls are repeated while the service answers none of them."
    )


class PriceOptions(Options):
    """USD per million tokens; the built-in table's price of the model where nothing is set."""

    prompt: float | None = Field(None, ge=0, description="USD per million prompt tokens.")
    cached_prompt: float | None = Field(None, ge=0, description="USD per million prompt tokens from the prompt cache.")
    completion: float | None = Field(None, ge=0, description="USD per million completion tokens.")
    batch: float | None = Field(None, ge=0, le=1, description="Factor that the Batch API takes of these prices.")


class Parameters(Options):
    """What is sent along with the messages. Unset values are not sent."""

    temperature: float | None = Field(0.0, ge=0, le=2, description="Sampling temperature; unset for reasoning models.")
    top_p: float | None = Field(None, gt=0, le=1, description="Nucleus sampling.")
    max_tokens: int | None = Field(4096, ge=1, description="Most tokens of an answer.")
    seed: int | None = Field(7, description="Sampling seed, honoured where the service can.")
    reasoning_effort: str | None = Field(None, description="For reasoning models: minimal, low, medium, high.")

    def pairs(self) -> tuple[tuple[str, float | int | str], ...]:
        """The set values in the order of their names: part of the request's key."""
        return tuple(sorted((key, value) for key, value in self.model_dump().items() if value is not None))


class Role(Options):
    """Provider, model, quota and price of one role."""

    provider: Literal["embedded", "azure_openai", "openai_compatible"] = Field(
        "embedded", description="Who answers: embedded, azure_openai or openai_compatible."
    )
    model: str = Field("", description="The underlying model, such as gpt-4o-2024-08-06: part of every ledger key.")
    deployment: str = Field("", description="Azure: name of the deployment that serves the model.")
    endpoint: str = Field("", description="Azure: https://NAME.openai.azure.com; else the base URL that ends in /v1.")
    api_key_variable: str = Field("", description="Environment variable of the key; the provider's usual one if empty.")
    auth: Literal["key", "entra", "none"] = Field(
        "key", description="Key, Entra ID (azure-identity), or no credentials."
    )
    api_version: str = Field("", description="Azure: a legacy api-version; the v1 API if empty.")
    structured_output: Literal["json_schema", "json_object", "prompt"] = Field(
        "json_schema", description="How the model is held to a schema: strictly, as any JSON, or by instruction alone."
    )
    token_limit: Literal["auto", "max_tokens", "max_completion_tokens"] = Field(
        "auto",
        description="Field that carries parameters.max_tokens; auto: max_completion_tokens on OpenAI, on Azure's v1 API and "
        "with reasoning_effort, else max_tokens.",
    )
    dimensions: int | None = Field(
        None, ge=1, description="Embedder: shorten vectors to this length, if the model can."
    )
    context_window: int = Field(128_000, ge=1024, description="Tokens that prompt and answer may have together.")
    timeout_seconds: float = Field(120.0, gt=0, description="Longest wait for one answer.")
    batch: bool = Field(
        False, description="Send a stage's requests through the Batch API: half the price, hours later."
    )
    batch_deployment: str = Field(
        "",
        description="Azure: the deployment of type Global or Data Zone Batch; `deployment` then answers second tries.",
    )
    batch_wait_seconds: float = Field(
        900.0,
        ge=0,
        description="Longest wait for a batch within a run; a later run collects what is not ready by then.",
    )
    parameters: Parameters = Parameters()
    limits: Limits = Limits()
    price: PriceOptions = PriceOptions()


@dataclass(frozen=True)
class Dialect:
    """How a service is told of a schema, and in which field of a bound on the answer's length; empty if it is not."""

    schema_mode: str = ""
    token_limit: str = ""

    def of(self, schema: str | None) -> str:
        """What of it concerns a request: part of the request's key."""
        return " ".join(filter(None, (self.token_limit, self.schema_mode if schema else "")))


def problems(name: str, role: Role) -> list[str]:
    """What is wrong with a role's settings, one line each that begins with the setting. Looks at no secret."""
    if role.provider == "embedded":
        plays = name in EMBEDDED_ROLES
        return [] if plays else [f"roles.{name}.provider: embedded has no {name}; choose {' or '.join(PROVIDERS[1:])}"]
    return [f"roles.{name}.{problem}" for problem in (*_missing(role), *_endpoint(role), *_mixed(role))]


def _missing(role: Role) -> list[str]:
    missing = []
    if not role.model.strip():
        missing.append("model: name the underlying model, such as gpt-4o-2024-08-06; answers are filed under it")
    if role.provider == "azure_openai" and not role.deployment.strip():
        missing.append("deployment: name the Azure deployment that serves the model")
    elif role.provider == "azure_openai" and not re.fullmatch(r"[\w.-]+", role.deployment):
        missing.append("deployment: is not the name of an Azure deployment (letters, digits, -, _ and .)")
    return missing


def _endpoint(role: Role) -> list[str]:
    azure = role.provider == "azure_openai"
    example = "https://NAME.openai.azure.com" if azure else "https://api.openai.com/v1 or http://localhost:8000/v1"
    try:
        parts = urlsplit(role.endpoint)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return [f"endpoint: is not an address such as {example}"]
    if not valid or role.endpoint != role.endpoint.strip():
        return [f"endpoint: is not an address such as {example}"]
    if parts.username or parts.password or parts.query or parts.fragment:
        return [f"endpoint: must hold neither credentials nor a query; it is an address such as {example}"]
    if azure and "openai" in parts.path.split("/"):
        return [f"endpoint: must end before /openai, which is added; it is an address such as {example}"]
    if not azure and parts.path.rstrip("/").endswith(("/chat/completions", "/embeddings")):
        return [f"endpoint: must end before /chat/completions or /embeddings; it is an address such as {example}"]
    return []


def _mixed(role: Role) -> list[str]:
    """Settings that are wrong by themselves, or only mean something together with others."""
    wrong = []
    if role.api_key_variable and not re.fullmatch(r"[A-Z_][A-Z0-9_]{0,63}", role.api_key_variable):
        # Not repeated: it may be the key itself.
        wrong.append("api_key_variable: is the name of an environment variable, such as AZURE_OPENAI_API_KEY")
    if role.provider == "azure_openai" and role.auth == "none":
        wrong.append("auth: Azure OpenAI takes key or entra")
    if role.provider == "openai_compatible" and role.auth == "entra":
        wrong.append("auth: entra is for azure_openai; take key or none")
    if role.provider == "openai_compatible" and role.api_version:
        wrong.append("api_version: is for azure_openai")
    return wrong
