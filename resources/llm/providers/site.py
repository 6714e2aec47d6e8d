"""Where the calls of a role go, and how that place is called in messages: by setting, variable and host."""

from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from resources.llm.request import ModelIdentity
from resources.llm.roles import KEY_VARIABLES, Dialect, Role


@dataclass(frozen=True)
class Site:
    """A hosted model in a role. Holds no secret.

    `section` is where its settings stand, if not under `roles`. `serves` is what the service calls the model, where that
    is not the name under which its answers are filed.
    """

    role: str
    settings: Role
    section: str = ""
    serves: str = ""

    @property
    def endpoint(self) -> str:
        return self.settings.endpoint.rstrip("/")

    @property
    def title(self) -> str:
        """Whom a message about the settings as a whole is about."""
        return self.section or f"role {self.role}"

    @property
    def host(self) -> str:
        """Host and port of the endpoint."""
        return urlsplit(self.endpoint).netloc

    @property
    def name(self) -> str:
        """What is sent as `model`: the deployment, or the model itself."""
        return self.settings.deployment or self.settings.model

    def address(self, path: str) -> str:
        """Where an operation of the model is called: the v1 API, a legacy api-version's, or below the base URL."""
        if not self.is_azure:
            return f"{self.endpoint}{path}"
        version = self.settings.api_version
        if version:
            return f"{self.endpoint}/openai/deployments/{quote(self.name, safe='')}{path}?api-version={quote(version)}"
        return f"{self.endpoint}/openai/v1{path}"

    @property
    def key_variable(self) -> str:
        return self.settings.api_key_variable or KEY_VARIABLES[self.settings.provider]

    @property
    def is_azure(self) -> bool:
        return self.settings.provider == "azure_openai"

    @property
    def is_openai(self) -> bool:
        """Whether this is OpenAI itself."""
        return (urlsplit(self.endpoint).hostname or "").endswith(".openai.com")

    @property
    def token_limit(self) -> str:
        """The field that bounds an answer: the old one for servers of others, unless a model reasons."""
        settings = self.settings
        if settings.token_limit != "auto":
            return settings.token_limit
        modern = (self.is_azure and not settings.api_version) or self.is_openai or settings.parameters.reasoning_effort
        return "max_completion_tokens" if modern else "max_tokens"

    @property
    def dialect(self) -> Dialect:
        """What of the settings shapes a call besides model and parameters."""
        bounded = self.settings.parameters.max_tokens is not None
        return Dialect(self.settings.structured_output, self.token_limit if bounded else "")

    @property
    def identity(self) -> ModelIdentity:
        """Never the deployment, which may serve another model tomorrow; shortened vectors are another model's."""
        path = urlsplit(self.endpoint).path.removesuffix("/v1")
        short = f"@{self.settings.dimensions}" if self.settings.dimensions else ""
        return ModelIdentity(self.settings.provider, self.host + path, self.settings.model + short)

    def setting(self, key: str) -> str:
        """A setting of this site as the user finds it in raftline.yaml."""
        return f"{self.section or f'roles.{self.role}'}.{key}"
