"""Addresses of object stores as they may be configured."""

from urllib.parse import urlsplit

import obstore

_FORMS = "s3://bucket/prefix, az://container/prefix or abfss://container@account.dfs.core.windows.net/prefix"


def url_problems(url: str) -> list[str]:
    """What is wrong with the URL of a document source, without repeating it: it may hold a secret."""
    parts = urlsplit(url)
    if parts.password or parts.query or parts.fragment:
        return ["the URL must not hold credentials, a query or a fragment: credentials come from the environment"]
    try:
        known = obstore.parse_scheme(url)
    except (obstore.exceptions.BaseError, ValueError):
        known = "unknown"
    if known not in ("s3", "azure") or not parts.netloc:
        return [f"must be a folder or the URL of an object store: {_FORMS}"]
    return []
