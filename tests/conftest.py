"""Fixtures that every folder of tests shares: a clean environment, a lake, settings of a temporary home, emulators."""

import base64
import itertools
import json
import os
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import obstore
import pytest
import yaml
from obstore.store import from_url
from xdist.scheduler import LoadScopeScheduling

from orchestration.settings import Settings, load_settings
from resources.egress.policy import EgressOptions
from resources.lake.lake import Lake
from resources.training.options import JobOptions, TrainerOptions
from tests.folder_cloud import Cloud, FolderTrainers
from tests.folder_jobs import JobBackend, JobCloud, JobTrainers

ROOT = Path(__file__).resolve().parent.parent


TOGETHER = {
    "tests/end_to_end/test_demo.py": "demos",
    "tests/end_to_end/test_changes.py": "demos",
    "tests/end_to_end/champion/": "champion",
    "tests/resources/training/contract/": "contract",
}
"""Files that share what is costly to make."""


class FilesTogether(LoadScopeScheduling):
    """Divides a run over processes by files, so that what a file makes once is made once."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        return next((scope for start, scope in TOGETHER.items() if file.startswith(start)), file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadScopeScheduling:
    return FilesTogether(config, log)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test depends on the shell it was started from."""
    for name in list(os.environ):
        if name.startswith("RAFTLINE_") or name == "DAGSTER_HOME":
            monkeypatch.delenv(name)


@pytest.fixture
def root() -> Path:
    """The folder of the repository."""
    return ROOT


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """An empty lake."""
    return Lake(tmp_path / "lake")


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., Settings]:
    """Makes settings for a project of its own: `project(port=3001)` writes that raftline.yaml and loads it."""
    folder = tmp_path / "project"
    folder.mkdir()

    def load(**content: object) -> Settings:
        (folder / "raftline.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
        return load_settings(folder)

    return load


class Emulator:
    """An Azure OpenAI emulator, as a process of its own that outlives its clients. Not a real model."""

    key = "emulator-key"
    management: Mapping[str, str] = {
        "subscription": "00000000-0000-4000-8000-000000000001",
        "resource_group": "emulated-group",
        "account": "emulated-account",
    }
    """The one account whose deployments can be managed."""

    def __init__(self, url: str):
        self.url = url
        self.v1 = f"{url}/openai/v1/"
        self.compatible = f"{url}/v1"

    def configure(self, **settings: object) -> None:
        """Changes the named settings; deployments are added to those there are."""
        self._call("configure", settings)

    def reset(self) -> None:
        """Forgets everything: settings, files, quotas, and what was served."""
        self._call("reset", {})

    def served(self) -> list[dict[str, Any]]:
        """Every request since the reset, in order of arrival, with what became of it."""
        return self._call("served")

    def requests(self) -> int:
        return self._call("stats")["requests"]

    def peak_in_flight(self) -> int:
        return self._call("stats")["peak_in_flight"]

    def stats(self) -> dict[str, Any]:
        """Requests, requests in flight, and the tokens that each deployment's windows counted."""
        return self._call("stats")

    def trainer(self, **more: Any) -> dict[str, Any]:
        """The section `trainers.azure_openai` of raftline.yaml for this emulator, without waiting where nothing changes."""
        quick = {"second_look_seconds": 0, "polling_seconds": 0.01, "retries": 0}
        return {"endpoint": self.url, "management": {"endpoint": self.url, **self.management}, **quick, **more}

    def advance(self, hours: float) -> None:
        """Lets time pass at the service: deployments bill, and die of age."""
        self._call("advance", {"hours": hours})

    def files(self) -> list[dict[str, Any]]:
        """Every uploaded or written file."""
        return self._call("files")

    def jobs(self) -> list[dict[str, Any]]:
        """Every fine-tuning job in the order of creation, without moving any."""
        return self._call("jobs")

    def deployments(self) -> list[dict[str, Any]]:
        """Every deployment there ever was: name, model, loaded, sku, tags, state, alive, hours, cost_usd."""
        return self._call("deployments")

    def cost_usd(self) -> float:
        """What all deployments have cost by the emulator's clock."""
        return sum(one["cost_usd"] for one in self.deployments())

    def violations(self) -> list[dict[str, Any]]:
        """What broke the services' own descriptions. Skips the test where there are none to check against."""
        answer = self._call("violations")
        if not answer["checked"]:
            pytest.skip("the services' OpenAPI descriptions are not here")
        return answer["violations"]

    def _call(self, action: str, content: object = None) -> Any:
        data = None if content is None else json.dumps(content).encode()
        request = urllib.request.Request(f"{self.url}/__emulator/{action}", data, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.load(response)


@pytest.fixture(scope="session")
def emulator_process() -> Iterator[Emulator]:
    """The one emulator of this test session."""
    command = [sys.executable, str(ROOT / "tests" / "emulators" / "azure_openai"), "--port", "0", "--with-parent"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Emulator(process.stdout.readline().removeprefix("listening on ").strip())
        finally:
            process.terminate()


@pytest.fixture
def emulator(emulator_process: Emulator) -> Emulator:
    """The emulator, freshly reset."""
    emulator_process.reset()
    return emulator_process


@pytest.fixture
def azure_environment(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the shell holds for the emulator: its key, and a managed identity for everything that wants Entra ID."""
    for name in ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_SECRET", "AZURE_OPENAI_AD_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", emulator.key)
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "ManagedIdentityCredential")
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{emulator.url}/msi")
    monkeypatch.setenv("IDENTITY_HEADER", "x")


class SageMaker:
    """A SageMaker emulator, as a process of its own that outlives its clients. Nothing in it is a real model."""

    role_arn = "arn:aws:iam::123456789012:role/raftline"
    bucket = "raftline-training"
    gated = "meta-textgeneration-llama-3-2-1b-instruct/1.10.0"
    open = "huggingface-llm-open-reader-1b/2.0.1"
    short = "huggingface-llm-open-reader-short/1.0.0"

    def __init__(self, url: str):
        self.url = url
        self.prefix = f"s3://{self.bucket}/raftline"

    def trainer(self, **more: Any) -> dict[str, Any]:
        """The section `trainers.sagemaker_jumpstart` of settings that train and serve here."""
        return {
            "region": "us-east-1",
            "role_arn": self.role_arn,
            "prefix": self.prefix,
            "endpoint_url": self.url,
            "usd_per_training_hour": 2.0,
            "usd_per_endpoint_hour": 1.5,
            "polling_seconds": 0.01,
            **more,
        }

    def configure(self, **settings: Any) -> None:
        """Changes the named settings (tests/emulators/sagemaker/configuration.py has them)."""
        self._call("configure", settings)

    def reset(self) -> None:
        """Forgets everything: settings, jobs, endpoints, objects, and what was served."""
        self._call("reset")

    def advance(self, **span: float) -> None:
        """Moves the emulator's clock: `advance(hours=3)`."""
        self._call("advance", {"seconds": timedelta(**span).total_seconds()})

    def state(self) -> dict[str, Any]:
        """Jobs, models, configs and endpoints with what each was told to load; `gone` are deleted endpoints."""
        return self._call("state")

    def served(self, operation: str = "") -> list[dict[str, Any]]:
        """Every request since the reset, or those of an operation, in order of arrival, with what became of it."""
        return [one for one in self._call("served") if operation in ("", one["operation"])]

    def cost(self) -> dict[str, float]:
        """USD so far, of `training` and of `endpoints`, on the emulator's clock."""
        return self._call("cost")

    def objects(self, uri: str) -> list[str]:
        """The keys below an S3 address."""
        return self._call("objects", {"uri": uri})

    def read(self, uri: str) -> str:
        return self._call("read", {"uri": uri})

    def remove(self, uri: str) -> None:
        """Deletes every object below an S3 address."""
        self._call("remove", {"uri": uri})

    def _call(self, action: str, content: object = None) -> Any:
        data = json.dumps(content or {}).encode()
        request = urllib.request.Request(f"{self.url}/__emulator/{action}", data, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.load(response)


@pytest.fixture(scope="session")
def sagemaker_process() -> Iterator[SageMaker]:
    """The one SageMaker emulator of this test session."""
    command = [sys.executable, str(ROOT / "tests" / "emulators" / "sagemaker"), "--port", "0", "--with-parent"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield SageMaker(process.stdout.readline().removeprefix("listening on ").strip())
        finally:
            process.terminate()


@pytest.fixture
def sagemaker(sagemaker_process: SageMaker, monkeypatch: pytest.MonkeyPatch) -> SageMaker:
    """The SageMaker emulator, freshly reset, with credentials in the environment that it accepts."""
    sagemaker_process.reset()
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEMULATOR")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "emulator-secret-key")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    return sagemaker_process


class Bucket:
    """A bucket or container of its own in the object store emulator, and what goes wrong with it."""

    names = (f"documents-{number}" for number in itertools.count())

    def __init__(self, scheme: str, host: str):
        self.host = host
        self.name = next(self.names)
        self.url = f"{scheme}://{self.name}/in"
        self.call("reset")
        self.send("PUT", "")

    def put(self, name: str, data: bytes, **more: Any) -> None:
        """Uploads an object; `use_multipart` with a `chunk_size` sends it in parts."""
        obstore.put(from_url(self.url), name, data, **more)

    def delete(self, name: str) -> None:
        self.send("DELETE", f"/in/{urllib.parse.quote(name)}")

    def send(self, method: str, path: str, data: bytes | None = None) -> None:
        """A bare request for a path below the bucket, under whatever name."""
        signed = {"authorization": "AWS4-HMAC-SHA256 Credential=key/20260101/us-east-1/s3/aws4_request"}
        request = urllib.request.Request(f"{self.host}/{self.name}{path}", data, signed, method=method)
        urllib.request.urlopen(request, timeout=60).close()

    def fail(self, kind: str, **more: Any) -> None:
        """Lets requests fail: those whose `METHOD path?query` holds `match`, `after` so many, so many `times`."""
        self.call("fail", {"kind": kind, **more})

    def served(self) -> list[str]:
        """Every request since the reset, as `METHOD path?query`."""
        return self.call("served")

    def call(self, action: str, content: object = None) -> Any:
        request = urllib.request.Request(f"{self.host}/__emulator/{action}", json.dumps(content).encode())
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.load(response)


@pytest.fixture(scope="session")
def object_stores() -> Iterator[dict[str, str]]:
    """The addresses of an S3 and an Azure Blob emulator, by the scheme of their URLs."""
    command = [sys.executable, str(ROOT / "tests" / "emulators" / "object_store")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            s3, azure = process.stdout.readline().removeprefix("listening on ").split()
            yield {"s3": s3, "az": azure}
        finally:
            process.terminate()


@pytest.fixture
def make_bucket(object_stores: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Bucket]:
    """Makes a bucket (`s3`) or a container (`az`) that the environment gives access to."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", object_stores["s3"])
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-so-secret")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AZURE_STORAGE_ENDPOINT", object_stores["az"])
    monkeypatch.setenv("AZURE_ALLOW_HTTP", "true")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", base64.b64encode(b"not-so-secret").decode())
    return lambda scheme: Bucket(scheme, object_stores[scheme])


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    """A hosted training service in a folder; `cloud_trainers` knows it as the backend `cloud`."""
    return Cloud(tmp_path / "cloud")


@pytest.fixture
def trainers_with(tmp_path: Path) -> Callable[..., FolderTrainers]:
    """Trainers that book in a ledger of their own and wait for nothing: `trainers_with(azure_openai=cloud)`."""
    return lambda **clouds: FolderTrainers(
        folder=str(tmp_path / "models"),
        ledger_url=f"sqlite:///{tmp_path / 'ledger.db'}",
        options=TrainerOptions(jobs=JobOptions(poll_seconds=0.001)),
        clouds={name: str(cloud.folder) for name, cloud in clouds.items()},
    )


@pytest.fixture
def cloud_trainers(trainers_with: Callable[..., FolderTrainers], cloud: Cloud) -> FolderTrainers:
    """Trainers with one hosted service, the backend `cloud`."""
    return trainers_with(cloud=cloud)


@pytest.fixture
def job_cloud(tmp_path: Path) -> JobCloud:
    """A hosted service in a folder that trains; `job_trainers` knows it as the backend `azure_openai`."""
    return JobCloud(tmp_path / "cloud")


@pytest.fixture
def job_backend(job_cloud: JobCloud) -> JobBackend:
    """The trainer on that service."""
    return JobBackend(folder=str(job_cloud.folder), name="azure_openai")


@pytest.fixture
def job_trainers(tmp_path: Path, job_cloud: JobCloud) -> Callable[..., JobTrainers]:
    """Makes trainers with that service, which book in a ledger of their own: `job_trainers(in_run_minutes=0)`."""
    return lambda egress=None, **jobs: JobTrainers(
        folder=str(tmp_path / "models"),
        ledger_url=f"sqlite:///{tmp_path / 'ledger.db'}",
        options=TrainerOptions(jobs=JobOptions(**{"poll_seconds": 0.001, **jobs})),
        egress=egress or EgressOptions(),
        egress_folder=str(tmp_path / "egress"),
        clouds={"azure_openai": str(job_cloud.folder)},
    )
