"""How `raftline doctor` looks at roles and training backends: every configured model really asked, services only read."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence

from resources.errors import RaftlineError
from resources.llm.probe import Finding, probe_roles, roles_to_probe
from resources.llm.resource import ModelsResource
from resources.training.resource import TrainersResource

Row = tuple[str, str, str]

PATIENCE = 30.0
"""Seconds that a training service is waited for; its own limits are made for jobs, and far longer."""


def role_rows(models: ModelsResource) -> Iterator[Row]:
    """One row per role that somebody plays, and one that says what asking took if anything was asked."""
    started = time.perf_counter()
    with models.open() as opened:
        findings = probe_roles(opened, roles_to_probe(models.roles))
    seconds = time.perf_counter() - started
    yield from (_row(finding) for finding in findings)
    hosted = [role for role, settings in models.roles.items() if settings.provider != "embedded"]
    if hosted:
        cost = sum(finding.cost for finding in findings)
        yield "ok", "hosted roles", f"{len(hosted)} asked in {seconds:.1f} s for {cost:.6f} USD"


def training_rows(trainers: TrainersResource, patience: float = PATIENCE) -> Iterator[Row]:
    """Two rows per hosted backend that has settings, one for this machine's; none where none has. Nothing is changed.

    All are looked at together. One that gives no answer in so many seconds is left to itself.
    """
    begun: list[tuple[list[str], list[Row], threading.Thread]] = []
    for backend in trainers.configured():
        names = [backend, f"{backend} endpoints"] if backend in trainers.hosted() else [backend]
        rows: list[Row] = []
        thread = threading.Thread(target=_look_at, args=(trainers, backend, names, rows), daemon=True)
        thread.start()
        begun.append((names, rows, thread))
    deadline = time.monotonic() + patience
    for names, rows, thread in begun:
        thread.join(max(0.0, deadline - time.monotonic()))
        answered = list(rows)
        yield from answered
        for name in names[len(answered) :]:
            yield "FAILED", name, f"no answer within {patience:g} seconds; is its address right, and may it be reached?"


def _look_at(trainers: TrainersResource, backend: str, names: Sequence[str], rows: list[Row]) -> None:
    """Adds a row for each name. In a thread of its own: what nobody foresaw is a row too."""
    looks: tuple[Callable[[], str], ...] = (
        lambda: trainers.get(backend).probe(),
        lambda: _endpoints(trainers, backend),
    )
    for name, look in zip(names, looks, strict=False):
        try:
            rows.append(("ok", name, look()))
        except RaftlineError as error:
            rows.append(("FAILED", name, str(error)))
        except Exception as error:
            rows.append(("FAILED", name, f"{type(error).__name__}: {error}"))


def _endpoints(trainers: TrainersResource, backend: str) -> str:
    """What the service lists as ours."""
    names = [endpoint.name for endpoint in trainers.deployer(backend).list_owned()]
    told = f"{len(names)} of owner {trainers.options.jobs.owner}"
    return f"{told}: {', '.join(names)}" if names else told


def _row(finding: Finding) -> Row:
    return "ok" if finding.works else "FAILED", finding.role, finding.found
