"""A base model on disk: a Hugging Face folder, or a snapshot of the hub at a commit. Safetensors only, no code of others."""

import json
import os
import re
import struct
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import Any

from resources.errors import RaftlineError
from resources.files import file_sha256

HUB_NAME = re.compile(r"(?P<repository>[\w.-]+/[\w.-]+)@(?P<commit>[0-9a-f]{40})")
NOTE = "raftline.json"
"""The file beside a model's config in which raftline says what the weights are; `random_weights` marks an untrained one."""

_USED = ("*.json", "*.safetensors", "*.jinja", "tokenizer.model", "merges.txt", "vocab.txt", "LICEN[SC]E*", "README.md")
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")
_HEADER_LIMIT = 100_000_000


class NoSuchBase(RaftlineError):
    """A base model that is not there, or not named so that it can be found again."""


@dataclass(frozen=True)
class BaseModel:
    """A folder of weights, tokenizer and chat template. `name` is the recipe's, `revision` a commit where there is one."""

    name: str
    folder: Path
    revision: str = ""

    def files(self) -> dict[str, str]:
        """The sha256 of every file that loading may read, by name."""
        paths = {path for pattern in _USED for path in self.folder.glob(pattern) if path.is_file()}
        return {path.name: sha256_of(path) for path in sorted(paths) if path.name != "README.md"}

    @property
    def config(self) -> dict[str, Any]:
        return _json(self.folder / "config.json")

    @property
    def random_weights(self) -> bool:
        """Whether the weights were drawn at random: no such model knows anything, whatever it is trained on."""
        return bool(_json(self.folder / NOTE).get("random_weights"))

    @property
    def positions(self) -> int:
        """Tokens that prompt and answer may have together; 0 if the config does not say."""
        text = self.config.get("text_config")
        return int((text if isinstance(text, dict) else self.config).get("max_position_embeddings") or 0)

    @property
    def ties_embeddings(self) -> bool:
        return bool(self.config.get("tie_word_embeddings"))

    @property
    def weight_bytes(self) -> int:
        return sum(path.stat().st_size for path in self.folder.glob("*.safetensors"))

    def parameters(self) -> int:
        """How many weights there are. Raises `ValueError` for a file of weights that is torn."""
        return sum(prod(shape) for shape in self._tensors().values())

    def modules(self) -> frozenset[str]:
        """The names that layers have in it, such as `q_proj`. Raises `ValueError` for a file of weights that is torn."""
        return frozenset(part for name in self._tensors() for part in name.split(".")[:-1])

    def licence(self) -> str:
        """What the folder says of its licence: the model card's words and the licence file's name; empty if nothing."""
        card = self.folder / "README.md"
        front = card.read_text("utf-8", "replace").split("---")[1:2] if card.is_file() else []
        words = [
            line.partition(":")[2].strip() for text in front for line in text.split("\n") if line.startswith("license:")
        ]
        found = [path.name for path in sorted(self.folder.glob("LICEN[SC]E*"))]
        return ", ".join([*words, *found])

    def faults(self) -> list[str]:
        """Why it cannot be trained or served, a line each."""
        wrong = [f"base model {self.name}: {fault}" for fault in (*self._missing(), *self._weights())]
        if "auto_map" in self.config or "auto_map" in _json(self.folder / "tokenizer_config.json"):
            wrong.append(f"base model {self.name}: needs code from its own repository, which is never run here")
        if "quantization_config" in self.config:
            wrong.append(f"base model {self.name}: is quantized; take the weights as they were published, unquantized")
        return wrong

    def _tensors(self) -> dict[str, list[int]]:
        return {name: shape for path in self.folder.glob("*.safetensors") for name, shape in _shapes(path).items()}

    def _missing(self) -> list[str]:
        missing = []
        if not self.config.get("model_type"):
            missing.append("config.json is missing or names no model_type")
        if not any((self.folder / name).is_file() for name in ("tokenizer.json", "tokenizer.model", "vocab.json")):
            missing.append("tokenizer.json is missing")
        inline = _json(self.folder / "tokenizer_config.json").get("chat_template")
        if not inline and not (self.folder / "chat_template.jinja").is_file():
            missing.append("has no chat template; take the model's instruct variant")
        return missing

    def _weights(self) -> list[str]:
        index = _json(self.folder / "model.safetensors.index.json").get("weight_map")
        needed = sorted(set(index.values())) if isinstance(index, dict) else ["model.safetensors"]
        missing = [name for name in needed if not (self.folder / name).is_file()]
        if missing and any(True for pattern in _PICKLES for _ in self.folder.glob(pattern)):
            return ["holds its weights as pickles, which are never loaded; convert them to safetensors"]
        if missing:
            return [f"{', '.join(missing[:3])} is missing"]
        try:
            self.parameters()
        except ValueError as error:
            return [str(error)]
        return []


def locate(base_model: str, models_folder: str, download: bool = False, token: str | None = None) -> BaseModel:
    """The base of this name: below `models_folder`, at a path, or a hub snapshot that is here or, if asked, fetched.

    `token` is what the hub is given for a gated model.

    Raises `NoSuchBase` with what to do.
    """
    folder = Path(models_folder) / base_model if models_folder else Path(base_model)
    if folder.is_dir() and (models_folder or folder.is_absolute()):
        return BaseModel(base_model, folder)
    hub = HUB_NAME.fullmatch(base_model)
    if hub:
        return BaseModel(base_model, _snapshot(hub["repository"], hub["commit"], download, token), hub["commit"])
    if re.fullmatch(r"[\w.-]+/[\w.-]+(@[\w./-]+)?", base_model):
        raise NoSuchBase(
            f"base model {base_model}: is no folder{_below(models_folder)}; a model of the hub is named with the commit "
            "it is pinned to, as org/name@<40 hexadecimal digits>"
        )
    raise NoSuchBase(
        f"base model {base_model}: is no folder{_below(models_folder)}; give its path, its name below "
        "trainers.local.models_folder, or org/name@<commit>"
    )


def sha256_of(path: Path) -> str:
    """The hash of a file, remembered while its size and time of change stay."""
    stat = path.stat()
    return _sha256(str(path), stat.st_size, stat.st_mtime_ns, stat.st_ino)


@lru_cache(maxsize=4096)
def _sha256(path: str, size: int, changed: int, inode: int) -> str:
    return file_sha256(Path(path))


def _below(models_folder: str) -> str:
    return f" in {models_folder}" if models_folder else ""


def _snapshot(repository: str, commit: str, download: bool, token: str | None) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    # Read here rather than by the library, which only looks at them once, when it is imported.
    offline = os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")
    try:
        return Path(
            snapshot_download(
                repository,
                revision=commit,
                allow_patterns=list(_USED),
                cache_dir=os.environ.get("HF_HUB_CACHE"),
                endpoint=os.environ.get("HF_ENDPOINT"),
                token=token or False,
                local_files_only=offline or not download,
            )
        )
    except LocalEntryNotFoundError as error:
        why = "HF_HUB_OFFLINE is set" if offline else "the hub cannot be reached" if download else "not downloaded yet"
        raise NoSuchBase(
            f"base model {repository}@{commit}: is not in the cache of the hub and {why}; fetch it where there is "
            f"access with `hf download {repository} --revision {commit}`"
        ) from error
    except (HfHubHTTPError, OSError, ValueError) as error:
        raise NoSuchBase(
            f"base model {repository}@{commit}: the hub does not give it out ({type(error).__name__}); check name and "
            "commit, accept its terms there, and set trainers.local.hub_token_variable for a gated model"
        ) from error


def _shapes(path: Path) -> dict[str, list[int]]:
    """The shapes of a file of weights by name, from its header. Raises `ValueError` if the file is not whole."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else _HEADER_LIMIT + 1
        if length > min(_HEADER_LIMIT, size):
            raise ValueError(f"{path.name} is no file of weights, or torn")
        header = json.loads(file.read(length))
    tensors = {name: entry for name, entry in header.items() if name != "__metadata__"}
    end = max((entry["data_offsets"][1] for entry in tensors.values()), default=0)
    if 8 + length + end != size:
        raise ValueError(f"{path.name} is torn: {size} bytes of {8 + length + end}")
    return {name: entry["shape"] for name, entry in tensors.items()}


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
