"""The openai client of an Azure OpenAI resource: its v1 API, or a legacy api-version where a tenant is held to one."""

from typing import TYPE_CHECKING, Any

from resources.llm.providers.credentials import Credential
from resources.llm.providers.site import Site

if TYPE_CHECKING:
    import httpx2
    import openai


def open_client(site: Site, credential: Credential, http_client: "httpx2.AsyncClient") -> "openai.AsyncOpenAI":
    """A client without retries; a deployment's name is the `model` of a call on both APIs."""
    import openai

    # These headers come from variables that are meant for OpenAI itself.
    headers: dict[str, Any] = {"OpenAI-Organization": openai.Omit(), "OpenAI-Project": openai.Omit()}
    if site.settings.api_version:
        return openai.AsyncAzureOpenAI(
            azure_endpoint=site.endpoint,
            api_version=site.settings.api_version,
            api_key=credential.key or None,
            azure_ad_token_provider=credential.token,
            timeout=site.settings.timeout_seconds,
            max_retries=0,
            http_client=http_client,
            default_headers=headers,
        )
    return openai.AsyncOpenAI(
        base_url=f"{site.endpoint}/openai/v1/",
        api_key=credential.token or credential.key,
        timeout=site.settings.timeout_seconds,
        max_retries=0,
        http_client=http_client,
        default_headers=headers,
    )
