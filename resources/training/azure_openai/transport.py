"""The HTTP under the management SDK: as other clients here, it trusts added authorities and spares loopback the proxy."""

from typing import TYPE_CHECKING, Any

from resources.egress.client import trusted

if TYPE_CHECKING:
    from azure.core.pipeline.transport import RequestsTransport


_CONNECT_SECONDS = 15.0


def open_transport(ca_bundle: str | None, proxied: bool, timeout: float) -> "RequestsTransport":
    """A transport that trusts what `resources.egress.client` trusts, and heeds proxies if it is to be `proxied`."""
    from azure.core.pipeline.transport import RequestsTransport

    transport = RequestsTransport(
        use_env_settings=proxied, connection_timeout=min(timeout, _CONNECT_SECONDS), read_timeout=timeout
    )
    transport.open()
    authorities, session = trusted(ca_bundle), transport.session
    assert session is not None
    adapter: Any = type(session.get_adapter("https://"))

    class Trusting(adapter):
        """Connections with our authorities, through a proxy too."""

        def init_poolmanager(self, *values: Any, **named: Any) -> None:
            super().init_poolmanager(*values, **named, ssl_context=authorities)

        def proxy_manager_for(self, proxy: str, **named: Any) -> Any:
            return super().proxy_manager_for(proxy, **named, ssl_context=authorities)

    session.mount("https://", Trusting())
    return transport
