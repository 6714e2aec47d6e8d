"""A trainer and a deployer on the emulator, a small specification, and rows to train with."""

import asyncio
import contextlib
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import openai
import pytest

from resources.training.azure_openai.deployer import AzureDeployer
from resources.training.azure_openai.options import AzureTrainerOptions
from resources.training.azure_openai.trainer import AzureTrainer
from resources.training.base import JobHandle, JobState, TrainingData, TrainingSpec
from resources.training.serving import StudentModel

BASE = "gpt-4o-mini-2024-07-18"


@pytest.fixture(autouse=True)
def _environment(azure_environment: None) -> None:
    """Every test has a key and an identity."""
    pytest.importorskip("azure.mgmt.cognitiveservices", reason="needs the azure extra")


@pytest.fixture
def options(emulator) -> Callable[..., AzureTrainerOptions]:
    """The settings for the emulator, with changes: `options(auth="entra")`."""
    return lambda **changes: AzureTrainerOptions(**emulator.trainer(**changes))


@pytest.fixture
def make_trainer(options) -> Callable[..., AzureTrainer]:
    """A trainer as a new process would make it."""
    return lambda **changes: AzureTrainer(options=options(**changes))


@pytest.fixture
def trainer(make_trainer) -> AzureTrainer:
    return make_trainer()


def _row(number: int) -> dict[str, Any]:
    return {
        "messages": [
            {"role": "system", "content": "Answer from the documents."},
            {"role": "user", "content": f"What is the fee of account {number}?"},
            {"role": "assistant", "content": f"<ANSWER>: {number} euros"},
        ]
    }


@pytest.fixture
def rows() -> Callable[..., bytes]:
    """Training rows as a file: `rows(12)`, or `rows(12, start=100)` for others."""

    def write(count: int, start: int = 0) -> bytes:
        return b"".join(json.dumps(_row(start + number)).encode() + b"\n" for number in range(count))

    return write


@pytest.fixture
def data(rows) -> TrainingData:
    return TrainingData((), (), {"train.jsonl": rows(12), "validation.jsonl": rows(10, 100)})


@pytest.fixture
def spec() -> TrainingSpec:
    return TrainingSpec("azure_openai", BASE, "d1", (("n_epochs", 2),), seed=7)


@dataclass(frozen=True)
class Tls:
    """The emulator over TLS, and the authority that signed for it."""

    url: str
    authority: Path


@pytest.fixture
def tls(emulator, tmp_path) -> Iterator[Tls]:
    """The emulator behind a TLS terminator whose certificate no public authority knows."""
    certificate = tmp_path / "authority.pem"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, _self_signed(certificate))
    port = int(emulator.url.rsplit(":", 1)[1])
    loop = asyncio.new_event_loop()

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner, outer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(forward(reader, outer), forward(inner, writer))

    server = loop.run_until_complete(asyncio.start_server(accept, "127.0.0.1", 0, ssl=context))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield Tls(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}", certificate)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()


def _self_signed(place: Path) -> Path:
    """Writes a certificate for 127.0.0.1; where its key is."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "house authority")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    place.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    where = place.with_suffix(".key")
    where.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return where


@pytest.fixture
def client_of(emulator) -> Callable[[], openai.OpenAI]:
    """The SDK's own client, for what somebody else does to the resource."""
    return lambda: openai.OpenAI(base_url=emulator.v1, api_key=emulator.key, max_retries=0)


@pytest.fixture
def follow() -> Callable[[AzureTrainer, JobHandle], list[JobState]]:
    """Polls a job until it is over; the states seen."""

    def poll(trainer: AzureTrainer, handle: JobHandle) -> list[JobState]:
        states = [trainer.poll(handle)]
        while not states[-1].terminal:
            assert len(states) < 30
            states.append(trainer.poll(handle))
        return states

    return poll


@pytest.fixture
def make_deployer(options) -> Callable[..., AzureDeployer]:
    """A deployer as a new process would make it."""
    return lambda **changes: AzureDeployer(options=options(**changes), owner="house")


@pytest.fixture
def deployer(make_deployer) -> AzureDeployer:
    return make_deployer()


@pytest.fixture
def student(trainer, spec, data, follow) -> StudentModel:
    """A model that was trained at the emulator."""
    handle = trainer.submit(spec, data, {})
    follow(trainer, handle)
    artifact = trainer.artifact(handle)
    return StudentModel("azure_openai", BASE, spec.idem(), artifact.location, provenance=artifact.provenance)


@pytest.fixture
def base_student() -> StudentModel:
    return StudentModel("azure_openai", BASE)


@pytest.fixture
def soon() -> datetime:
    """When an evaluation's deployment is to end."""
    return datetime.now(UTC).replace(microsecond=0) + timedelta(hours=2)
