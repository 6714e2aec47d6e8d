"""A request's address: which dialect it speaks, which operation it wants, and of which deployment."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from azure_openai.configuration import ENTRA_PREFIX, Configuration
from azure_openai.errors import not_found, unauthorized

_DEPLOYMENT = re.compile(r"/openai/deployments/([^/]+)(/.+)")


@dataclass(frozen=True)
class Route:
    """`path` is the operation's path in the services' descriptions. `deployment` is set by legacy addresses only."""

    path: str
    plain: bool = False
    legacy: bool = False
    deployment: str = ""


def read_route(path: str, query: Mapping[str, str]) -> Route:
    """The route of an address. Raises `ServiceError` where Azure would know no such resource."""
    if path.startswith("/openai/v1/"):
        return Route(path.removeprefix("/openai/v1"))
    if path.startswith("/v1/"):
        return Route(path.removeprefix("/v1"), plain=True)
    if path.startswith("/openai/") and "api-version" in query:
        named = _DEPLOYMENT.fullmatch(path)
        if named:
            return Route(named[2], legacy=True, deployment=named[1])
        return Route(path.removeprefix("/openai"), legacy=True)
    raise not_found()


def check_key(headers: Mapping[str, str], plain: bool, configuration: Configuration) -> None:
    """Lets the accepted key and Entra tokens in. `echo_key` makes the refusal repeat the key, as careless servers do."""
    bearer = headers.get("authorization", "").removeprefix("Bearer ")
    given = (headers.get("api-key") or "") if not plain and headers.get("api-key") else bearer
    entra = not plain and bearer.startswith(ENTRA_PREFIX) and not configuration.expired_tokens
    if given == configuration.key or entra:
        return
    raise unauthorized(plain, given if configuration.echo_key else "")
