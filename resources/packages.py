"""The installed packages, as one hash: what a model was trained with, besides our own code."""

from functools import cache
from importlib.metadata import distributions

from resources.hashing import content_hash


@cache
def lock_hash() -> str:
    """sha256 over name and version of every installed distribution."""
    return content_hash(sorted({(one.name.lower().replace("_", "-"), one.version) for one in distributions()}))
