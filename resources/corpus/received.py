"""What a batch's documents turned out to be, once their bytes were here: one file per batch, beside its manifest."""

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from resources.errors import RaftlineError
from resources.files import write_whole
from resources.hashing import canonical_json


@dataclass(frozen=True)
class Received:
    """The sha256 of a document's bytes, and the document with the same bytes that counts instead, if there is one.

    `withheld` says why the source did not hand the document out, though it may later.
    """

    version: str
    duplicate_of: str = ""
    withheld: str = ""


class Receipts:
    """The receipts of a home, by sequence number. Without them documents are downloaded again, and nothing is lost."""

    def __init__(self, folder: Path):
        self._folder = folder

    def load(self) -> dict[int, dict[str, Received]]:
        """All receipts. Raises `RaftlineError` naming a file that cannot be read."""
        return {int(path.stem): self._read(path) for path in sorted(self._folder.glob("[0-9]*.json"))}

    def of(self, sequence: int) -> dict[str, Received]:
        """What was received of one batch so far."""
        path = self._path(sequence)
        return self._read(path) if path.is_file() else {}

    def write(self, sequence: int, received: Mapping[str, Received]) -> None:
        """Records what came of one batch."""
        self._folder.mkdir(parents=True, exist_ok=True)
        content = {uri: asdict(one) for uri, one in received.items()}
        write_whole(self._path(sequence), canonical_json(content).encode())

    def forget(self, uris: Collection[str]) -> None:
        """Takes erased documents out of every receipt."""
        for sequence, received in self.load().items():
            kept = {uri: one for uri, one in received.items() if uri not in uris}
            if kept != received:
                self.write(sequence, kept)

    def _path(self, sequence: int) -> Path:
        return self._folder / f"{sequence:06d}.json"

    @staticmethod
    def _read(path: Path) -> dict[str, Received]:
        try:
            return {uri: Received(**one) for uri, one in json.loads(path.read_text(encoding="utf-8")).items()}
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise RaftlineError(f"{path} cannot be read ({error}); delete it: its documents are read again") from error
