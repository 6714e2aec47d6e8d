"""The search index as a Dagster resource."""

import hashlib
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

from resources.search.index import SearchIndex


class IndexResource(dg.ConfigurableResource):
    """The folder of the one current index. Its files are hashed, and swapped in one step."""

    folder: str = Field(description="Folder that holds the index files.")

    def publish(self, index: SearchIndex) -> list[dict[str, Any]]:
        """Makes an index current; returns a row for each of its files."""
        folder = Path(self.folder)
        build = folder / index.save(folder)[:16]
        return [
            {"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "bytes": path.stat().st_size}
            for path in sorted(build.iterdir())
            if path.is_file()
        ]

    def load(self) -> SearchIndex:
        """The current index. Raises `UnusableIndex` if there is none or it is damaged."""
        return SearchIndex.load(Path(self.folder))
