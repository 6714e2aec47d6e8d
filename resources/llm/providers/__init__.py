"""Which provider stands behind a role's settings."""

from resources.errors import SettingsError
from resources.llm.embedded.provider import EmbeddedChat, EmbeddedEmbedder
from resources.llm.provider import ChatProvider, EmbeddingProvider
from resources.llm.providers.connection import ClientFactory, Connection, plain_client
from resources.llm.providers.credentials import credential_of
from resources.llm.providers.hosted import HostedChat, HostedEmbedder
from resources.llm.providers.site import Site
from resources.llm.request import ModelIdentity
from resources.llm.roles import Role, problems


def chat_provider(role: str, settings: Role, client_factory: ClientFactory = plain_client) -> ChatProvider:
    """The chat provider of a role. Raises `SettingsError` for a role that nobody can play like this, or without its key.

    `client_factory` makes the HTTP client that all its calls go through.
    """
    _check(role, settings)
    if settings.provider == "embedded":
        return EmbeddedChat(role)
    return HostedChat(_connection(role, settings, client_factory))


def embedding_provider(settings: Role, client_factory: ClientFactory = plain_client) -> EmbeddingProvider:
    """The embedding provider of a role's settings; as `chat_provider`."""
    _check("embedder", settings)
    if settings.provider == "embedded":
        return EmbeddedEmbedder()
    return HostedEmbedder(_connection("embedder", settings, client_factory))


def identity_of(role: str, settings: Role) -> ModelIdentity:
    """Which model plays a role. Needs no secret, opens nothing and contacts nobody."""
    _check(role, settings)
    if settings.provider != "embedded":
        return Site(role, settings).identity
    return EmbeddedEmbedder().identity if role == "embedder" else EmbeddedChat(role).identity


def _connection(role: str, settings: Role, client_factory: ClientFactory) -> Connection:
    site = Site(role, settings)
    return Connection(site, credential_of(site), client_factory)


def _check(role: str, settings: Role) -> None:
    found = problems(role, settings)
    if found:
        raise SettingsError("; ".join(found))
