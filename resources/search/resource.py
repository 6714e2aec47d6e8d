"""The search index as a Dagster resource."""

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
