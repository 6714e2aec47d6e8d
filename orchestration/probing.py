"""How `raftline doctor` looks at the roles: every configured model really asked, all at once."""

import time
from collections.abc import Iterator

from resources.llm.probe import Finding, probe_roles, roles_to_probe
from resources.llm.resource import ModelsResource

Row = tuple[str, str, str]


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


def _row(finding: Finding) -> Row:
    return "ok" if finding.works else "FAILED", finding.role, finding.found
