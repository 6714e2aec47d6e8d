"""The search index as a Dagster resource."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

from resources.search import index_files
from resources.search.index import SearchIndex


class IndexResource(dg.ConfigurableResource):
    """The folder of the one current index. Its files are hashed, and swapped in one step."""

    folder: str = Field(description="Folder that holds the index files.")

    def publish(self, index: SearchIndex) -> list[dict[str, Any]]:
        """Makes an index current; returns a row for each of its files."""
        index.save(Path(self.folder))
        return index_files.listing(Path(self.folder))

    def load(self) -> SearchIndex:
        """The current index. Raises `UnusableIndex` if there is none or it is damaged."""
        return SearchIndex.load(Path(self.folder))

    def check(self) -> None:
        """Raises `UnusableIndex` as `load` does, but reads files only if they changed since this process read them."""
        _loads(self.folder, index_files.stamps(Path(self.folder)))


@lru_cache(maxsize=8)
def _loads(folder: str, stamps: tuple[tuple[str, ...], ...]) -> None:
    """Loads an index once for each state of its files; a failure is not remembered."""
    SearchIndex.load(Path(folder))
