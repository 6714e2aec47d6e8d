"""What may leave, and where to: the section `egress` of raftline.yaml, and the decisions that follow from it."""

import ipaddress
import os
from fnmatch import fnmatchcase
from typing import Literal
from urllib.parse import parse_qs, urlsplit

from pydantic import Field, field_validator

from resources.egress.classification import CLASSES, ClassificationOptions, ClassName
from resources.egress.identifiers import KINDS, IdentifierKind
from resources.errors import without_password
from resources.hashing import short_id
from resources.llm.provider import Misconfigured, Refused
from resources.options import Options


class EgressDenied(Misconfigured):
    """Something was about to leave for a place that the settings do not allow. Nothing was sent."""


class IdentifierFound(Refused):
    """A request still held an identifier when it reached the door. It was not sent."""


class Destination(Options):
    """What one role or host may receive."""

    receives: ClassName = Field("internal", description="Most sensitive class of documents that may be sent there.")


class EgressOptions(Options):
    """What may leave this machine. Loopback and the embedded provider are inside."""

    allow: list[str] | None = Field(
        None,
        description="Hosts that may be contacted, such as *.openai.azure.com; an empty list is loopback alone. If not set: "
        "the hosts of the configured roles, lake and ledger.",
    )
    redact: Literal["hosted", "always", "never"] = Field(
        "hosted",
        description="Replace identifiers by placeholders in what is sent: to other machines, also over loopback, or never.",
    )
    identifiers: list[str] = Field(
        list(KINDS),
        min_length=1,
        description="Kinds that are replaced: api_key, email, iban, national_id, card, phone.",
    )
    images: Literal["clean", "allow", "refuse"] = Field(
        "clean",
        description="Page images, which cannot be redacted: clean sends those whose text layer is known and holds no identifier.",
    )
    classification: ClassificationOptions = ClassificationOptions()
    destinations: dict[str, Destination] = Field(
        default_factory=dict, description="What a role or a host receives; internal for every other hosted one."
    )
    ca_bundle: str | None = Field(
        None, description="PEM file of certificate authorities to trust besides the system's."
    )

    @field_validator("identifiers")
    @classmethod
    def _kinds_exist(cls, value: list[str]) -> list[str]:
        unknown = sorted(set(value) - set(KINDS))
        if unknown:
            raise ValueError(f"unknown kinds {', '.join(unknown)}; there are {', '.join(KINDS)}")
        return value

    @property
    def kinds(self) -> tuple[IdentifierKind, ...]:
        return tuple(kind for kind in KINDS if kind in self.identifiers)

    def redacts(self, host: str) -> bool:
        """Whether texts for a host are redacted."""
        return self.redact == "always" or (self.redact == "hosted" and not is_loopback(host))

    def version(self, purpose: str, host: str) -> str:
        """A hash of what decides which requests leave for a host, and as what; empty for the defaults."""
        parts = [
            [
                options.classification.model_dump(),
                options.ceiling(purpose, host)[0],
                options.redacts(host) and [options.kinds, options.images],
            ]
            for options in (self, EgressOptions())
        ]
        return short_id(parts[0]) if parts[0] != parts[1] else ""

    def ceiling(self, purpose: str, host: str) -> tuple[str, str]:
        """The most sensitive class that goes to a host for a purpose, and the setting that says so."""
        named = {name: self.destinations[name].receives for name in (purpose, host) if name in self.destinations}
        if named:
            name = min(named, key=lambda key: CLASSES.index(named[key]))
            return named[name], f"egress.destinations.{name}.receives"
        return CLASSES[-1] if is_loopback(host) else "internal", f"egress.destinations.{purpose}.receives"


def admit(url: str, purpose: str, setting: str, options: EgressOptions) -> None:
    """Lets a connection to a configured address through. Raises `EgressDenied` if `egress.allow` does not name its host.

    `setting` is where the address was configured; files and sockets of this machine always pass.
    """
    host = host_of(url)
    if is_loopback(host) or options.allow is None or any(fnmatchcase(host, pattern) for pattern in options.allow):
        return
    raise EgressDenied(
        f"{purpose} may not contact {host}: egress.allow does not name it. Add it there, or change {setting}"
    )


def host_of(url: str) -> str:
    """The host behind the address of a model, a store or a database; empty for this machine's files and sockets."""
    parts = urlsplit(url)
    match parts.scheme.split("+")[0]:
        case "http" | "https":
            return (parts.hostname or "").lower()
        case "s3" | "s3a":
            endpoint = _first_set("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
            return host_of(endpoint) if endpoint else "s3.amazonaws.com"
        case "az" | "adl" | "azure" | "abfs" | "abfss":
            endpoint = _first_set("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT")
            if endpoint:
                return host_of(endpoint)
            account = os.environ.get("AZURE_STORAGE_ACCOUNT_NAME", "")
            return (
                (parts.hostname or "").lower() if "." in (parts.hostname or "") else f"{account}.blob.core.windows.net"
            )
        case "gs":
            return "storage.googleapis.com"
        case "postgresql" | "postgres":
            host = parts.hostname or parse_qs(parts.query).get("host", [""])[0]
            return "" if host.startswith("/") else host.lower()
        case "" | "file" | "sqlite" | "memory":
            return ""
    return (parts.hostname or without_password(url)).lower()


def _first_set(*names: str) -> str:
    return next((os.environ[name] for name in names if os.environ.get(name)), "")


def is_loopback(host: str) -> bool:
    """Whether a host is this machine; no name is looked up."""
    if host in ("", "localhost") or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
