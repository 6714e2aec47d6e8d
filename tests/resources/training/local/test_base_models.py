"""Base models on disk: found by name, whole, safetensors only, no code of others, pinned where they come from a hub."""

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from resources.egress.policy import EgressDenied, EgressOptions
from resources.egress.telemetry import TELEMETRY_OFF
from resources.training.local.base_models import BaseModel, NoSuchBase, locate
from resources.training.local.options import LocalTrainerOptions
from resources.training.local.preflight import disk_faults, find_base

COMMIT = "0123456789abcdef0123456789abcdef01234567"
HUB_NAME = f"harbour/tiny@{COMMIT}"


@pytest.fixture
def base(tiny_base, tmp_path) -> BaseModel:
    """A copy of the tiny base, to be damaged."""
    return BaseModel("tiny", Path(shutil.copytree(tiny_base / "tiny", tmp_path / "bases" / "tiny")))


def test_a_whole_base_has_no_faults(base) -> None:
    assert base.faults() == []
    assert base.positions == 256
    assert base.parameters() == 112_192
    assert base.random_weights
    assert base.licence() == "LICENSE"
    assert {"config.json", "model.safetensors", "tokenizer.json", "chat_template.jinja"} <= set(base.files())


def _drop(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def _remote_code(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "auto_map": {"AutoModel": "code.Model"}}))


def _quantized(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "quantization_config": {"bits": 4}}))


def _pickled(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def _torn(folder: Path) -> None:
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(content[: len(content) // 2])


def _no_weights(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"<html>not found</html>")


def _missing_shard(folder: Path) -> None:
    index = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    (folder / "model.safetensors").rename(folder / "model-1.safetensors")
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (_drop("config.json"), "config.json is missing"),
        (_drop("tokenizer.json"), "tokenizer.json is missing"),
        (_drop("chat_template.jinja"), "no chat template"),
        (_drop("model.safetensors"), "model.safetensors is missing"),
        (_remote_code, "code from its own repository"),
        (_quantized, "is quantized"),
        (_pickled, "as pickles"),
        (_torn, "is torn"),
        (_no_weights, "no file of weights"),
        (_missing_shard, "model-2.safetensors is missing"),
    ],
)
def test_what_is_wrong_with_a_base_is_told(base, damage: Callable[[Path], None], reason: str) -> None:
    damage(base.folder)
    assert any(reason in fault for fault in base.faults())


def test_a_changed_file_has_another_hash(base) -> None:
    before = base.files()
    content = bytearray((base.folder / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (base.folder / "model.safetensors").write_bytes(content)
    changed = base.files()
    assert [name for name in before if before[name] != changed[name]] == ["model.safetensors"]


def test_the_model_card_names_the_licence(base) -> None:
    (base.folder / "README.md").write_text("---\nlanguage: en\nlicense: apache-2.0\n---\n# A model\n")
    assert base.licence() == "apache-2.0, LICENSE"


@pytest.mark.parametrize(
    ("name", "folder", "advice"),
    [
        ("harbour/tiny", "", "pinned to, as org/name@<40"),
        ("harbour/tiny@main", "", "pinned to, as org/name@<40"),
        ("gone", "", "its name below trainers.local.models_folder"),
        ("relative", "somewhere", "is no folder in somewhere"),
    ],
)
def test_a_base_that_cannot_be_found_again_is_refused(name: str, folder: str, advice: str) -> None:
    with pytest.raises(NoSuchBase, match=advice):
        locate(name, folder)


def test_a_base_is_found_by_path_and_below_the_folder_of_models(base) -> None:
    assert locate(str(base.folder), "").folder == base.folder
    assert locate("tiny", str(base.folder.parent)).folder == base.folder


class _Hub(BaseHTTPRequestHandler):
    """A hub that gives out one model at one commit, and remembers who asked with which token."""

    folder: Path
    asked: list[tuple[str, str, str]]

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        self.asked.append((self.command, self.path, self.headers.get("authorization", "")))
        if self.path.startswith("/api/models/harbour/tiny/"):
            names = sorted(path.name for path in self.folder.iterdir())
            listing = {"id": "harbour/tiny", "sha": COMMIT, "siblings": [{"rfilename": name} for name in names]}
            tree = [
                {"type": "file", "path": name, "size": (self.folder / name).stat().st_size, "oid": "0" * 40}
                for name in names
            ]
            self._send(json.dumps(tree if "/tree/" in self.path else listing).encode(), "application/json")
            return
        self._send((self.folder / self.path.rpartition("/")[2]).read_bytes(), "application/octet-stream")

    def _send(self, content: bytes, kind: str) -> None:
        self.send_response(200)
        for name, value in {
            "content-type": kind, "content-length": len(content), "x-repo-commit": COMMIT, "etag": f'"{len(content)}"',
        }.items():  # fmt: skip
            self.send_header(name, str(value))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@pytest.fixture
def hub(base, tmp_path, monkeypatch) -> Iterator[type[_Hub]]:
    """A hub on loopback with the tiny base and something that is not wanted, and an empty cache."""
    (base.folder / "pytorch_model.bin").write_bytes(b"a pickle")
    (base.folder / "modeling_tiny.py").write_text("raise SystemExit")
    handler = type("Hub", (_Hub,), {"folder": base.folder, "asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setenv("GATED", "hub-token")
    yield handler
    server.shutdown()
    server.server_close()


def found(download: bool, **egress: object) -> BaseModel:
    options = LocalTrainerOptions(hub_token_variable="GATED")
    return find_base(HUB_NAME, options, EgressOptions.model_validate(egress), download)


def test_a_base_of_the_hub_is_fetched_once_without_code_and_pickles(hub, root) -> None:
    with pytest.raises(NoSuchBase, match="not downloaded yet"):
        found(download=False)
    assert hub.asked == []
    # The library reads its environment when it is imported, as it is in a process of raftline: with telemetry off.
    program = (
        "import sys\n"
        "from resources.egress.policy import EgressOptions\n"
        "from resources.training.local.options import LocalTrainerOptions\n"
        "from resources.training.local.preflight import find_base\n"
        "options = LocalTrainerOptions(hub_token_variable='GATED')\n"
        "find_base(sys.argv[1], options, EgressOptions(), download=True)\n"
    )
    subprocess.run(
        [sys.executable, "-c", program, HUB_NAME], cwd=root, env={**os.environ, **TELEMETRY_OFF}, check=True,
        capture_output=True,
    )  # fmt: skip
    assert all(COMMIT in path and token == "Bearer hub-token" for _, path, token in hub.asked)
    hub.asked.clear()
    base = found(download=True)
    assert hub.asked == [], "it is here now"
    assert (base.revision, base.faults()) == (COMMIT, [])
    assert not list(base.folder.glob("*.py")) + list(base.folder.glob("*.bin"))


def test_nothing_is_fetched_where_the_hub_is_off_limits(hub, monkeypatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(NoSuchBase, match=f"HF_HUB_OFFLINE is set.*hf download harbour/tiny --revision {COMMIT}"):
        found(download=True)
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setenv("HF_ENDPOINT", "https://hub.example.com")
    with pytest.raises(EgressDenied, match=r"may not contact hub\.example\.com"):
        found(download=True, allow=["models.example.com"])
    assert hub.asked == []


def test_a_full_disk_is_told_before_a_job_fills_it() -> None:
    assert disk_faults(free=30_000_000_000, weight_bytes=15_000_000_000) == []
    [fault] = disk_faults(free=20_000_000_000, weight_bytes=15_000_000_000)
    assert fault.startswith("20.0 GB are free")
