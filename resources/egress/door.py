"""The door: what every request passes on its way out, whoever sends it.

Default deny: a client reaches the one address it was made for. Documents above the class that a destination receives
stay here; identifiers are replaced; each departure is logged before it happens.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from resources.egress.classification import DocumentClasses, exceeds
from resources.egress.client import open_client
from resources.egress.log import Departure, EgressLog
from resources.egress.payload import texts_of
from resources.egress.policy import EgressDenied, EgressOptions, IdentifierFound, admit
from resources.egress.redaction import PLACEHOLDER, Redactor, restore
from resources.egress.secret import placeholder_key
from resources.llm.request import Completion, Message, ModelIdentity, Request

if TYPE_CHECKING:
    import httpx2


def _no_documents() -> DocumentClasses:
    return DocumentClasses(EgressOptions().classification, list)


@dataclass(frozen=True)
class Door:
    """The way out for one run. Without a `folder` nothing is logged and placeholders have no key."""

    options: EgressOptions = field(default_factory=EgressOptions)
    classes: DocumentClasses = field(default_factory=_no_documents)
    folder: Path | None = None
    run_id: str = ""
    _carried: dict[int, tuple[str, ...]] = field(default_factory=dict, repr=False)

    def client_factory(self, purpose: str, endpoint: str, setting: str = "") -> "Callable[[float], httpx2.AsyncClient]":
        """Makes the HTTP clients of a role, given a timeout in seconds. Raises `EgressDenied` if its host is not allowed.

        `setting` names where the endpoint comes from, if not from a role. A client contacts its endpoint's origin only,
        follows no redirect, and heeds HTTP_PROXY, HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE, REQUESTS_CA_BUNDLE and
        `egress.ca_bundle`.
        """
        setting = setting or f"roles.{purpose}.endpoint"
        admit(endpoint, purpose, setting, self.options)
        allowed = _origin(endpoint)

        async def leave(request: "httpx2.Request") -> None:
            if _origin(str(request.url)) != allowed:
                host = request.url.host
                self._log(Departure(purpose, host, refused="another host"))
                raise EgressDenied(
                    f"{purpose} may not contact {host}: only the host of {setting} is allowed, "
                    "and redirects to others are not followed"
                )
            self._inspect(purpose, request.url.host, await request.aread(), request.headers.get("content-type", ""))

        return lambda timeout: open_client(timeout, leave, self.options.ca_bundle)

    def screen(self, request: Request, witness_text: str | None = None) -> Request:
        """The request as it may leave: redacted, or with the reason why it may not.

        `witness_text` is the text layer of the page that its images show; None if there is none. Images are not
        redacted: `egress.images` decides whether they leave.
        """
        host = _host(request.model)
        if host is None:
            return request
        reason = self._withheld(request, host) or self._unseen(request, host, witness_text)
        if reason:
            self._log(Departure(request.role, host, 0, tuple(self.classes.named(request.sources)), 0, reason[0]))
            return replace(request, refusal=reason[1])
        if self.options.redacts(host):
            redacted = self._redactor.redact([message.content for message in request.messages])
            messages = tuple(
                Message(message.role, text, message.images)
                for message, text in zip(request.messages, redacted.texts, strict=True)
            )
            request = replace(request, messages=messages, restorations=redacted.restorations)
        self._remember((message.content for message in request.messages if message.role != "system"), request.sources)
        return request

    def screen_texts(self, model: ModelIdentity, texts: Sequence[str], sources: Sequence[tuple[str, ...]]) -> list[str]:
        """Texts to embed, as they may leave. Raises `EgressDenied` if one comes from a document that must stay here.

        A chunk without a vector could not be found, so there is nothing to go on with: the stage stops instead.
        """
        host = _host(model)
        if host is None:
            return list(texts)
        ceiling, setting = self.options.ceiling("embedder", host)
        versions = {version for origin in sources for version in origin}
        known = sorted((uri or version, name) for version in versions for name, uri in [self.classes.of(version)])
        barred = [f"{uri} ({name})" for uri, name in known if exceeds(name, ceiling)]
        if barred:
            self._log(Departure("embedder", host, refused="class"))
            more = f" and {len(barred) - 3} more" if len(barred) > 3 else ""
            raise EgressDenied(
                f"embedder at {host} receives documents up to {ceiling}; {', '.join(barred[:3])}{more} would be sent. "
                f"Nothing was. Raise {setting}, withdraw the documents, or set roles.embedder.provider to embedded"
            )
        sent = list(texts)
        if self.options.redacts(host):
            sent = [self._redactor.redact_text(text) for text in texts]
        for text, origin in zip(sent, sources, strict=False):
            self._remember([text], origin)
        return sent

    def release(self, purpose: str, address: str, body: bytes, content_type: str, setting: str) -> None:
        """Lets one body leave for an address that another library contacts: call it right before. Logs the departure.

        `setting` names where the address comes from. Raises `EgressDenied` if the host is not allowed, and
        `IdentifierFound` if the body still holds what should have been redacted.
        """
        admit(address, purpose, setting, self.options)
        self._inspect(purpose, (urlsplit(address).hostname or "").lower(), body, content_type)

    @staticmethod
    def restored(request: Request, completion: Completion) -> Completion:
        """The answer with originals in place of placeholders, so that quotes can be verified against the document."""
        text = restore(completion.text, request.restorations, in_json=request.schema is not None)
        return completion if text == completion.text else replace(completion, text=text)

    @property
    def _redactor(self) -> Redactor:
        return Redactor(placeholder_key(self.folder), self.options.kinds)

    def _withheld(self, request: Request, host: str) -> tuple[str, str] | None:
        """Rule and reason if a document of the request is too sensitive for its destination."""
        ceiling, setting = self.options.ceiling(request.role, host)
        for version in request.sources:
            name, uri = self.classes.of(version)
            if exceeds(name, ceiling):
                document = f"{uri} is" if uri else f"document version {version[:12]} counts as"
                words = f"{document} {name}; {request.role} at {host} receives up to {ceiling} ({setting})"
                return "class", f"not sent: {words}"
        return None

    def _unseen(self, request: Request, host: str, witness_text: str | None) -> tuple[str, str] | None:
        """Rule and reason if the request's images may show what must not leave."""
        pictured = any(message.images for message in request.messages)
        if not pictured or self.options.images == "allow" or not self.options.redacts(host):
            return None
        if self.options.images == "refuse":
            return "image", "not sent: egress.images is refuse"
        if witness_text is None or not witness_text.strip():
            words = "the page has no text layer that could show whether its image holds identifiers"
        elif self._redactor.holds_identifier(witness_text):
            words = "the page holds an identifier, which cannot be redacted in its image"
        else:
            return None
        return "image", f"not sent: {words} (egress.images: allow sends it anyway)"

    def _inspect(self, purpose: str, host: str, body: bytes, content_type: str) -> None:
        """The last look at what leaves: refuses a body that still holds an identifier, and logs it."""
        texts = texts_of(body, content_type)
        classes = {name for text in texts for name in self._carried.get(hash(text), ())}
        redactions = sum(len(PLACEHOLDER.findall(text)) for text in texts)
        departure = Departure(purpose, host, len(body), tuple(sorted(classes)), redactions)
        if self.options.redacts(host) and any(self._redactor.holds_identifier(text) for text in texts):
            self._log(replace(departure, bytes=0, refused="identifier"))
            raise IdentifierFound(f"not sent: the request to {host} still held an identifier (egress.redact)")
        self._log(departure)

    def _remember(self, texts: Iterable[str], sources: Sequence[str]) -> None:
        """Notes by hash which classes a text carries, for the log: the request itself does not say."""
        if sources:
            classes = tuple(self.classes.named(sources))
            for text in texts:
                self._carried[hash(text)] = classes

    def _log(self, departure: Departure) -> None:
        if self.folder is not None:
            EgressLog(self.folder).append(departure, self.run_id)


def _host(model: ModelIdentity) -> str | None:
    """The host that a model runs on; None for the embedded provider, which runs here."""
    if model.provider == "embedded":
        return None
    return (urlsplit(f"//{model.endpoint}").hostname or "").lower()


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or (443 if parts.scheme == "https" else 80)
