"""AWS seen from training and serving: reading calls that may be repeated, and orders that are given once."""

import os
import threading
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from resources.egress.policy import EgressOptions, admit, host_of
from resources.llm.providers.headers import EMULATOR
from resources.training.base import TrainingUnreachable
from resources.training.sagemaker_jumpstart.faults import CredentialsRefused, asked
from resources.training.sagemaker_jumpstart.options import (
    SECTION,
    SageMakerTrainerOptions,
    extra_needed,
    require_configured,
)

if TYPE_CHECKING:
    from boto3.session import Session

_READS = 4
"""Times that a reading call is tried."""

_PAGES = 500
"""Most pages of one answer: some services send empty ones, and a broken one sends them for ever."""

_CONNECT_SECONDS = 10
_OPENING = threading.Lock()
"""boto3's session is not to be used by two threads at once; its clients are."""


def aws_of(options: SageMakerTrainerOptions, egress: EgressOptions) -> "Aws":
    """The services as these settings and the environment's AWS variables name them: one set of clients per process.

    Opening a client costs tens of milliseconds, and trainers and deployers come and go with every look of a sensor.
    """
    variables = tuple(sorted((name, value) for name, value in os.environ.items() if name.startswith("AWS_")))
    return _opened(options.model_dump_json(), egress.model_dump_json(), variables)


@lru_cache(maxsize=8)
def _opened(options: str, egress: str, _variables: tuple[tuple[str, str], ...]) -> "Aws":
    return Aws(SageMakerTrainerOptions.model_validate_json(options), EgressOptions.model_validate_json(egress))


class Aws:
    """The services of one region. Imports boto3 and opens anything at the first call only."""

    def __init__(self, options: SageMakerTrainerOptions, egress: EgressOptions):
        self.options = options
        self.emulated: bool | None = None
        """Whether an emulator answered; None before the first answer."""
        self._egress = egress
        self._session: Session | None = None
        self._clients: dict[tuple[str, int], Any] = {}

    def read(self, service: str, operation: str, **request: Any) -> dict[str, Any]:
        """The answer to a call that changes nothing; busy moments are waited out."""
        return self._asked(service, operation, _READS, request)

    def order(self, service: str, operation: str, **request: Any) -> dict[str, Any]:
        """The same for a call that changes something: sent once, whatever comes of it."""
        return self._asked(service, operation, 1, request)

    def pages(self, service: str, operation: str, **request: Any) -> Iterator[dict[str, Any]]:
        """The answers to a reading call, page by page."""
        action = f"{service} {operation}"
        pages = iter(self.client(service, _READS).get_paginator(_snake(operation)).paginate(**request))
        for _ in range(_PAGES):
            with self._renewing():
                page = asked(action, lambda: next(pages, None))
            if page is None:
                return
            yield page
        raise TrainingUnreachable(f"{action}: AWS sent {_PAGES} pages and there is no end of them")

    def client(self, service: str, attempts: int = _READS) -> Any:
        """boto3's client. Raises `SettingsError` if nothing is configured, `EgressDenied` if its host is not allowed."""
        require_configured(self.options)
        with _OPENING:
            if (service, attempts) not in self._clients:
                self._clients[service, attempts] = self._open(service, attempts)
            return self._clients[service, attempts]

    def address(self, service: str) -> str:
        """Where a service is asked: a URL."""
        return str(self.client(service).meta.endpoint_url)

    def host(self, service: str) -> str:
        """The same as host and port."""
        return urlsplit(self.address(service)).netloc

    def credentials(self) -> Any:
        """The credentials of this moment, renewed if they can be; None if there are none."""
        self.client("sagemaker")
        found = self._session.get_credentials() if self._session else None
        with self._renewing():
            return found and asked("credentials", found.get_frozen_credentials)

    def forget(self) -> None:
        """Lets go of clients and credentials: the next call looks for credentials again."""
        with _OPENING:
            self._session, self._clients = None, {}

    @property
    def is_aws(self) -> bool:
        """Whether the services are Amazon's own, as far as their addresses tell."""
        host = host_of(self.options.endpoint_url or os.environ.get("AWS_ENDPOINT_URL", ""))
        return not host or host.endswith((".amazonaws.com", ".amazonaws.com.cn", ".api.aws"))

    def _asked(self, service: str, operation: str, attempts: int, request: Mapping[str, Any]) -> dict[str, Any]:
        method = getattr(self.client(service, attempts), _snake(operation))
        with self._renewing():
            return asked(f"{service} {operation}", method, **request)

    @contextmanager
    def _renewing(self) -> Generator[None]:
        """Credentials that AWS refused are looked up anew at the next call: somebody may have renewed them in a file."""
        try:
            yield
        except CredentialsRefused:
            self.forget()
            raise

    def _open(self, service: str, attempts: int) -> Any:
        with extra_needed():
            from botocore.config import Config

        options = self.options
        self._session = self._session or asked("boto3 session", _open_session, region=options.region)
        client = asked(
            f"boto3 client {service}",
            self._session.client,
            service_name=service,
            endpoint_url=options.endpoint_url or None,
            verify=self._egress.ca_bundle,
            config=Config(
                retries={"mode": "standard", "total_max_attempts": attempts},
                connect_timeout=_CONNECT_SECONDS,
                read_timeout=options.ask_seconds,
                user_agent_extra="raftline",
            ),
        )
        setting = f"{SECTION}.{'endpoint_url' if options.endpoint_url else 'region'}"
        admit(str(client.meta.endpoint_url), "training", setting, self._egress)
        client.meta.events.register("after-call.*.*", self._note)
        return client

    def _note(self, http_response: Any, **_: Any) -> None:
        self.emulated = bool(self.emulated) or EMULATOR in http_response.headers


def _open_session(region: str) -> "Session":
    import boto3
    import botocore.session

    core = botocore.session.Session()
    descriptions = _descriptions()
    core.register_component("data_loader", descriptions)
    session = boto3.session.Session(botocore_session=core, region_name=region)
    # Each session adds boto3's folder to the shared list.
    descriptions.search_paths[:] = dict.fromkeys(descriptions.search_paths)
    return session


@cache
def _descriptions() -> Any:
    """boto3's descriptions of the services: megabytes of JSON, read once per process."""
    import botocore.session

    return botocore.session.Session().get_component("data_loader")


def _snake(operation: str) -> str:
    from botocore import xform_name

    return xform_name(operation)
