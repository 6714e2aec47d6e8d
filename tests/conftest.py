"""Fixtures that every folder of tests shares: a clean environment, a lake, settings of a temporary home, emulators."""

import base64
import itertools
import json
import os
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import obstore
import pytest
import yaml
from obstore.store import from_url

from orchestration.settings import Settings, load_settings
from resources.lake.lake import Lake

ROOT = Path(__file__).resolve().parent.parent


def pytest_itemcollected(item: pytest.Item) -> None:
    """Tests that share a costly home stay together when the run is divided over processes; others go by file."""
    fixtures = getattr(item, "fixturenames", ())
    home = next((name for name in ("demos", "small_home") if name in fixtures), str(item.path))
    item.add_marker(pytest.mark.xdist_group(home))


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
