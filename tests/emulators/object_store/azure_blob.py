"""Azure Blob Storage as far as reading documents needs it: containers, blobs with etags, listing in pages, ranges.

Written after the REST reference. As in the service, etags stand for a moment of writing, not for content, and a listing
gives them without the quotes that headers have. Signatures are not verified; a request without one is refused.
"""

import itertools
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

PAGE = 3
"""Blobs in a page of a listing: few, so that every listing has several."""


@dataclass(frozen=True)
class Blob:
    content: bytes
    etag: str
    changed: str


@dataclass
class AzureBlob:
    """The WSGI application."""

    containers: dict[str, dict[str, Blob]] = field(default_factory=dict)
    clock: Any = field(default_factory=lambda: itertools.count(0x8DE20B8A00000))
    lock: Any = field(default_factory=threading.Lock)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        size = int(environ.get("CONTENT_LENGTH") or 0)
        content = environ["wsgi.input"].read(size) if size else b""
        path = environ["PATH_INFO"].encode("latin-1").decode("utf-8")
        container, _, name = path.lstrip("/").partition("/")
        query = {key: value[0] for key, value in parse_qs(environ["QUERY_STRING"], keep_blank_values=True).items()}
        with self.lock:
            status, headers, body = self._answer(environ, container, name, query, content)
        head = environ["REQUEST_METHOD"] == "HEAD"
        start_response(status, [*headers.items(), *([] if head else [("Content-Length", str(len(body)))])])
        return [] if head else [body]

    def _answer(
        self, environ: dict[str, Any], container: str, name: str, query: dict[str, str], content: bytes
    ) -> tuple[str, dict[str, str], bytes]:
        method = environ["REQUEST_METHOD"]
        if "HTTP_AUTHORIZATION" not in environ:
            return _error("401 Unauthorized", "NoAuthenticationInformation")
        if method == "PUT" and not name:
            self.containers.setdefault(container, {})
            return "201 Created", {}, b""
        if container not in self.containers:
            return _error("404 Not Found", "ContainerNotFound")
        blobs = self.containers[container]
        if not name:
            return "200 OK", {"Content-Type": "application/xml"}, _listing(blobs, query)
        if method == "PUT":
            changed = format_datetime(datetime.now(UTC), usegmt=True)
            blobs[name] = Blob(content, f"0x{next(self.clock):X}", changed)
            return "201 Created", {"ETag": f'"{blobs[name].etag}"', "Last-Modified": changed}, b""
        if name not in blobs:
            return _error("404 Not Found", "BlobNotFound")
        if method == "DELETE":
            del blobs[name]
            return "202 Accepted", {}, b""
        return _blob(blobs[name], environ)


def _blob(blob: Blob, environ: dict[str, Any]) -> tuple[str, dict[str, str], bytes]:
    wanted = environ.get("HTTP_IF_MATCH")
    if wanted not in (None, "*", f'"{blob.etag}"'):
        return _error("412 Precondition Failed", "ConditionNotMet")
    headers = {"ETag": f'"{blob.etag}"', "Last-Modified": blob.changed, "x-ms-blob-type": "BlockBlob"}
    asked = environ.get("HTTP_RANGE") or environ.get("HTTP_X_MS_RANGE")
    if asked is None:
        return "200 OK", headers, blob.content
    first, _, last = asked.removeprefix("bytes=").partition("-")
    start, end = int(first), min(int(last or len(blob.content) - 1), len(blob.content) - 1)
    headers["Content-Range"] = f"bytes {start}-{end}/{len(blob.content)}"
    return "206 Partial Content", headers, blob.content[start : end + 1]


def _listing(blobs: dict[str, Blob], query: dict[str, str]) -> bytes:
    names = [name for name in sorted(blobs) if name.startswith(query.get("prefix", ""))]
    rest = [name for name in names if name >= query.get("marker", "")]
    page, following = rest[:PAGE], rest[PAGE : PAGE + 1]
    found = "".join(
        f"<Blob><Name>{escape(name)}</Name><Properties><Last-Modified>{blobs[name].changed}</Last-Modified>"
        f"<Etag>{blobs[name].etag}</Etag><Content-Length>{len(blobs[name].content)}</Content-Length>"
        "<Content-Type>application/pdf</Content-Type><BlobType>BlockBlob</BlobType></Properties></Blob>"
        for name in page
    )
    marker = f"<NextMarker>{escape(following[0])}</NextMarker>" if following else "<NextMarker />"
    return f'<?xml version="1.0" encoding="utf-8"?><EnumerationResults><Blobs>{found}</Blobs>{marker}</EnumerationResults>'.encode()


def _error(status: str, code: str) -> tuple[str, dict[str, str], bytes]:
    body = f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code></Error>'
    return status, {"Content-Type": "application/xml", "x-ms-error-code": code}, body.encode()
