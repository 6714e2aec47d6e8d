"""The lake as a Dagster resource."""

import dagster as dg
from pydantic import Field

from resources.lake.lake import Lake


class LakeResource(dg.ConfigurableResource):
    """Where tables and blobs live: a folder or any obstore URL."""

    url: str = Field(description="Folder or object-store URL that holds `tables/` and `blobs/`.")

    def open(self) -> Lake:
        return Lake(self.url)
