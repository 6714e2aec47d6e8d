"""Object stores as sources: S3 and Azure Blob Storage through obstore, with the credentials of the environment."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import obstore
from obstore.exceptions import BaseError, InvalidPathError, PermissionDeniedError, PreconditionError
from obstore.exceptions import UnauthenticatedError as Unauthenticated
from obstore.store import ObjectStore, from_url

from resources.corpus.manifest import Listed
from resources.corpus.source import (
    LARGEST,
    TRIED_AGAIN,
    AccessDenied,
    Listing,
    SourceUnavailable,
    Withheld,
    changed,
    gone,
    refuse_larger,
)
from resources.errors import without_password

if TYPE_CHECKING:
    from obstore import GetOptions

_PATIENCE = timedelta(seconds=20)
_ATTEMPTS = 3
_CHUNK = 4 * 1024**2
_PAGE = 1000
_FAILURES = (BaseError, OSError, ValueError)
_DENIED = (PermissionDeniedError, Unauthenticated)


@dataclass(frozen=True)
class _Words:
    """How a store calls its things, for messages."""

    container: str
    to_list: str
    to_read: str
    variables: str


_WORDS: Mapping[str, _Words] = {
    "s3": _Words("bucket", "s3:ListBucket", "s3:GetObject", "AWS_*"),
    "azure": _Words("container", "Storage Blob Data Reader", "Storage Blob Data Reader", "AZURE_*"),
}


class BucketSource:
    """PDF objects below a prefix. Their stamp is the etag of the store; their bytes are known once they were read."""

    def __init__(self, url: str, limit: int = LARGEST):
        self._url = url.rstrip("/")
        self._limit = limit
        self._words = _WORDS["azure" if obstore.parse_scheme(url) == "azure" else "s3"]

    def list(self) -> Listing:
        documents = []
        try:
            for page in obstore.list(self._open(), chunk_size=_PAGE):
                for found in page:
                    name = str(found["path"])
                    if name.lower().endswith(".pdf"):
                        documents.append(Listed(name, _stamp(found), found["size"]))
        except _FAILURES as error:
            return Listing(None, self._problem(error))
        return Listing(sorted(documents, key=lambda one: one.uri))

    def read(self, document: Listed) -> bytes:
        """Streams the object, and goes on where a broken connection left off: it is still the version that was listed."""
        refuse_larger(document, document.size, self._limit)
        store = self._open()
        data = bytearray()
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                self._receive(store, document, data)
                break
            except FileNotFoundError as error:
                raise gone(document) from error
            except PreconditionError as error:
                raise changed(document) from error
            except _DENIED as error:
                raise self._denied(document, error) from error
            except _FAILURES as error:
                if attempt == _ATTEMPTS:
                    raise SourceUnavailable(
                        f"{self.where(document.uri)} could not be read ({reason_of(error)}): `raftline refresh` "
                        "goes on when the store is back"
                    ) from error
        if len(data) != document.size:
            raise changed(document)
        return bytes(data)

    def readable(self, document: Listed) -> bool:
        if document.size > self._limit:
            return False
        try:
            first: GetOptions = {"range": (0, 1)} if document.size else {}
            obstore.get(self._open(), document.uri, options=first).bytes()
        except _FAILURES:
            return False
        return True

    def where(self, uri: str) -> str:
        return f"{self._url}/{uri}"

    def forget(self) -> None:
        """Nothing is remembered here."""

    def _open(self) -> ObjectStore:
        # No client options: they would replace those that the environment sets, such as AWS_ALLOW_HTTP.
        return from_url(self._url, retry_config={"max_retries": _ATTEMPTS, "retry_timeout": _PATIENCE})

    def _receive(self, store: ObjectStore, document: Listed, data: bytearray) -> None:
        """Adds the rest of the object to `data`. Raises `UnreadableDocument` if it is not the listed version."""
        options: GetOptions = {"range": {"offset": len(data)}} if data else {}
        if not document.etag.startswith(_MODIFIED):
            options["if_match"] = _quoted(document.etag)
        answer = obstore.get(store, document.uri, options=options)
        if answer.meta["size"] != document.size or _stamp(answer.meta).strip('"') != document.etag.strip('"'):
            raise changed(document)
        for chunk in answer.stream(min_chunk_size=_CHUNK):
            data += chunk
            refuse_larger(document, len(data), self._limit)

    def _denied(self, document: Listed, error: Exception) -> Withheld:
        reason = reason_of(error)
        if "InvalidObjectState" in reason:
            return Withheld(document.uri, "it is archived", f"restore it; {TRIED_AGAIN}")
        hint = f"the credentials in {self._words.variables} need {self._words.to_read}; {TRIED_AGAIN}"
        return AccessDenied(document.uri, f"the store denies reading it: {reason}", hint)

    def _problem(self, error: Exception) -> str:
        place, words, reason = without_password(self._url), self._words, reason_of(error)
        if reason.startswith(("401", "403")):
            rights = " and ".join(dict.fromkeys([words.to_list, words.to_read]))
            advice = f"give the credentials in {words.variables} {rights} on this {words.container}"
        elif isinstance(error, InvalidPathError):
            advice = "rename or delete the object of that name"
        elif reason.startswith("404"):
            advice = f"create the {words.container}"
        else:
            advice = f"look at the connection, the {words.container}'s name and the credentials in {words.variables}"
        return (
            f"{place} cannot be listed ({reason}), so nothing is taken in and nothing withdrawn: {advice}, "
            "or change `documents`"
        )


_MODIFIED = "modified "


def _stamp(found: Any) -> str:
    """The etag; for a store that gives none, the time of the last change."""
    return found["e_tag"] or f"{_MODIFIED}{found['last_modified'].isoformat()}"


def _quoted(etag: str) -> str:
    """An etag as a request header carries it: Azure lists it without its quotes."""
    return etag if etag.startswith(('"', "W/")) else f'"{etag}"'


def reason_of(error: Exception) -> str:
    """The cause of a store's error in a few words. Addresses are left out: a SAS token is part of them."""
    text = str(error)
    status = re.search(r"status code: (\d{3}[A-Za-z ]*)", text)
    code = re.search(r"<Code>(\w+)</Code>", text)
    if status:
        return " ".join(found[1].strip() for found in (status, code) if found)
    first = " ".join(text.split("\n\nDebug source")[0].split())
    return re.sub(r"https?://\S+", "the store", first.rsplit(" - ", 1)[-1])[:300]
