"""The HTTP client that the door hands out: proxies, private certificate authorities, and a hook on everything sent."""

import os
import ssl
from collections.abc import Awaitable, Callable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from resources.errors import SettingsError

if TYPE_CHECKING:
    import httpx2

_LOOPBACK = ("all://localhost", "all://127.0.0.1", "all://[::1]")
_CONNECT_SECONDS = 15.0


def open_client(
    timeout: float,
    leave: "Callable[[httpx2.Request], Awaitable[None]] | None" = None,
    ca_bundle: str | None = None,
) -> "httpx2.AsyncClient":
    """A client that calls `leave` before each request. It follows no redirect; loopback never goes through a proxy.

    It opens a connection for every call in flight: how many there may be is the gateway's decision.
    """
    import httpx2

    return httpx2.AsyncClient(
        timeout=httpx2.Timeout(timeout, connect=min(timeout, _CONNECT_SECONDS)),
        limits=httpx2.Limits(max_connections=None, max_keepalive_connections=256),
        verify=trusted(ca_bundle),
        mounts=dict.fromkeys(_LOOPBACK),
        event_hooks={"request": [leave] if leave else []},
        follow_redirects=False,
    )


def trusted(ca_bundle: str | None) -> ssl.SSLContext:
    """The certificate authorities: the system's (or SSL_CERT_FILE's), REQUESTS_CA_BUNDLE's and the setting's.

    Raises `SettingsError` naming the bundle that cannot be read.
    """
    sources = {
        "SSL_CERT_FILE": os.environ.get("SSL_CERT_FILE"),
        "REQUESTS_CA_BUNDLE": os.environ.get("REQUESTS_CA_BUNDLE"),
    }
    sources["egress.ca_bundle"] = ca_bundle
    for name, path in sources.items():
        if path and not Path(path).exists():
            raise SettingsError(f"{name} names {path}, which does not exist")
    try:
        return _context(os.environ.get("SSL_CERT_DIR"), *(_version_of(path) for path in sources.values()))
    except (ssl.SSLError, OSError) as error:
        named = ", ".join(f"{name}={path}" for name, path in sources.items() if path)
        raise SettingsError(f"no certificate authorities can be read from {named}: {error}") from error


def _version_of(path: str | None) -> tuple[str, int] | None:
    """A bundle, and when it last changed."""
    return (path, Path(path).stat().st_mtime_ns) if path else None


@lru_cache(maxsize=8)
def _context(_folder: str | None, _system: tuple[str, int] | None, *added: tuple[str, int] | None) -> ssl.SSLContext:
    """The system's authorities and the added bundles. Reading them takes tens of milliseconds, each client needs them."""
    import httpx2

    context = httpx2.create_ssl_context()
    for path, _ in filter(None, added):
        context.load_verify_locations(**{"capath" if Path(path).is_dir() else "cafile": path})
    return context
