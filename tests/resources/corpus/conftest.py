"""Places that hold documents: a folder, an S3 bucket and an Azure container, all used the same way."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from resources.corpus.manifest import Listed
from resources.corpus.resource import CorpusResource
from resources.corpus.source import DocumentSource


@dataclass
class Place:
    """Somewhere that documents lie, with the corpus over it."""

    kind: str
    corpus: CorpusResource
    put: Callable[[str, bytes], Any]
    delete: Callable[[str], Any]

    @property
    def source(self) -> DocumentSource:
        return self.corpus.source()

    def listed(self) -> list[Listed]:
        documents = self.source.list().documents
        assert documents is not None
        return list(documents)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty document folder."""
    made = tmp_path / "pdfs"
    made.mkdir()
    return made


@pytest.fixture
def corpus(folder: Path, tmp_path: Path) -> CorpusResource:
    """The corpus over that folder."""
    return CorpusResource(documents=str(folder), state=str(tmp_path / "state"))


@pytest.fixture(params=["folder", "s3", "az"])
def place(request: pytest.FixtureRequest, tmp_path: Path, folder: Path) -> Place:
    """Each kind of source in turn."""
    state = str(tmp_path / "state")
    if request.param != "folder":
        bucket = request.getfixturevalue("make_bucket")(request.param)
        return Place(request.param, CorpusResource(documents=bucket.url, state=state), bucket.put, bucket.delete)

    def put(name: str, data: bytes) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)

    corpus = CorpusResource(documents=str(folder), state=state)
    return Place("folder", corpus, put, lambda name: (folder / name).unlink())
