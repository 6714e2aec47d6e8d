"""Servers on this machine that stand for others: one that records, one with a private certificate, one proxy."""

import datetime
import http.server
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest


@dataclass
class Recorder:
    """A running server: where it listens and what reached it."""

    url: str
    bodies: list[bytes] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)


def _serve(handler: type[http.server.BaseHTTPRequestHandler], context: ssl.SSLContext | None = None) -> tuple:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    return server, f"{'https' if context else 'http'}://127.0.0.1:{server.server_address[1]}"


@pytest.fixture
def serve() -> Iterator[Callable[..., Recorder]]:
    """Starts a recording server: `serve(redirect=URL, context=TLS, proxy=True)`; as a proxy it relays or tunnels."""
    running = []

    def start(redirect: str = "", context: ssl.SSLContext | None = None, proxy: bool = False) -> Recorder:
        recorder = Recorder("")

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                recorder.lines.append(self.requestline)
                recorder.bodies.append(self.rfile.read(int(self.headers.get("content-length", 0))))
                self.send_response(307 if redirect else 200)
                if redirect:
                    self.send_header("location", redirect)
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def do_CONNECT(self) -> None:
                recorder.lines.append(self.requestline)
                host, port = self.path.rsplit(":", 1)
                target = running[0][0].server_address if host.endswith(".example") else (host, int(port))
                with socket.create_connection(target) as far:
                    self.send_response(200)
                    self.end_headers()
                    back = threading.Thread(target=_pump, args=(far, self.connection), daemon=True)
                    back.start()
                    _pump(self.connection, far)
                self.close_connection = True

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        server, recorder.url = _serve(Handler, context)
        running.append((server, recorder))
        assert not proxy or len(running) > 1
        return recorder

    yield start
    for server, _ in running:
        server.shutdown()
        server.server_close()


def _pump(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return


@dataclass(frozen=True)
class Authority:
    """A private certificate authority: its bundle, and a server's TLS context under it."""

    bundle: Path
    context: ssl.SSLContext


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    folder = tmp_path_factory.mktemp("authority")
    start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)

    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    def certificate(subject: str, key, signer) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(name(subject))
            .issuer_name(name("House CA"))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + datetime.timedelta(days=30))
        )

    root_key, own_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
    root = (
        certificate("House CA", root_key, root_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(root_key.public_key()), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    names = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("models.example")]
    own = (
        certificate("models.example", own_key, root_key)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    (folder / "ca.pem").write_bytes(root.public_bytes(pem))
    (folder / "own.pem").write_bytes(
        own.public_bytes(pem) + own_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "own.pem")
    return Authority(folder / "ca.pem", context)
