"""The openai client of any server that speaks OpenAI's protocol, OpenAI's own included."""

from typing import TYPE_CHECKING, Any

from resources.llm.providers.credentials import Credential
from resources.llm.providers.site import Site

if TYPE_CHECKING:
    import httpx2
    import openai


def open_client(site: Site, credential: Credential, http_client: "httpx2.AsyncClient") -> "openai.AsyncOpenAI":
    """A client without retries. Without a credential it sends no Authorization header."""
    import openai

    headers: dict[str, Any] = {}
    if not site.is_openai:  # these come from variables that are meant for OpenAI itself
        headers |= {"OpenAI-Organization": openai.Omit(), "OpenAI-Project": openai.Omit()}
    if not credential.key:  # the SDK insists on one
        before = http_client.event_hooks["request"]
        http_client.event_hooks = {**http_client.event_hooks, "request": [*before, _without_authorization]}
    return openai.AsyncOpenAI(
        base_url=site.endpoint,
        api_key=credential.key or "none",
        timeout=site.settings.timeout_seconds,
        max_retries=0,
        http_client=http_client,
        default_headers=headers,
    )


async def _without_authorization(request: "httpx2.Request") -> None:
    request.headers.pop("Authorization", None)
