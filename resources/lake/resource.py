"""The lake as a Dagster resource."""

from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from typing import Any

import dagster as dg
import obstore
from obstore.exceptions import BaseError
from obstore.store import from_url
from pydantic import Field

from resources.egress.policy import EgressOptions, admit
from resources.errors import SettingsError, without_password
from resources.lake.lake import Lake
from resources.lake.tables import RAW_PDFS

_PATIENCE = timedelta(seconds=5)


class LakeResource(dg.ConfigurableResource):
    """Where tables and blobs live: a folder or any obstore URL."""

    url: str = Field(description="Folder or object-store URL that holds `tables/` and `blobs/`.")
    egress: EgressOptions = EgressOptions()

    def open(self) -> Lake:
        """The lake. Raises `SettingsError` if the folder cannot be made or the store cannot be reached."""
        admit(self.url, "the lake", "lake_url", self.egress)
        try:
            _reach(self.url)
            return Lake(self.url)
        except (BaseError, OSError, ValueError) as error:
            reason = str(error).strip().split("\n")[0]
            raise SettingsError(without_password(f"lake_url {self.url} cannot be used: {reason}")) from error


def arrivals(lake: Lake) -> Iterator[dict[str, Any]]:
    """Path, version and tombstone of everything that ever arrived, oldest batch first."""
    for batch in lake.partitions(RAW_PDFS):
        yield from lake.read(RAW_PDFS, batch, ["uri", "version", "tombstone"]).to_pylist()


@cache
def _reach(url: str) -> None:
    """Asks a remote store for something, once per process: it would be waited for minutes in the midst of a run."""
    if "://" not in url or url.startswith("file:"):
        return
    # No client options: they would replace those that the environment sets, such as AWS_ALLOW_HTTP.
    store = from_url(url, retry_config={"max_retries": 1, "retry_timeout": _PATIENCE})
    next(iter(obstore.list(store, prefix="tables", chunk_size=1)), None)
