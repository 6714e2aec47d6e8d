"""`raftline doctor`: every precondition looked at, each with what to do if it fails."""

import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version

from orchestration.console import table
from orchestration.home import prepare_home
from orchestration.settings import Settings, load_settings
from orchestration.wiring import build_resources
from resources.errors import RaftlineError
from resources.lake.tables import SEARCH_INDEX

PACKAGES = ("dagster", "duckdb", "pymupdf", "bm25s", "scipy")


def examine() -> bool:
    """Prints one line per check; whether all passed. The ledger's cache is not used: the embedder is really asked."""
    rows: list[tuple[str, str, str]] = []

    def check(name: str, look: Callable[[], str]) -> bool:
        try:
            rows.append(("ok", name, look()))
        except (RaftlineError, PackageNotFoundError, OSError) as error:
            rows.append(("FAILED", name, str(error)))
            return False
        return True

    check("python", lambda: sys.version.split()[0])
    check("packages", lambda: ", ".join(f"{name} {version(name)}" for name in PACKAGES))
    if check("settings", lambda: str(load_settings().root)):
        _home(load_settings(), check)
    table(("", "check", "found"), rows)
    return all(row[0] == "ok" for row in rows)


def _home(settings: Settings, check: Callable[[str, Callable[[], str]], bool]) -> None:
    resources = build_resources(settings)
    if not check("home", lambda: str(prepare_home(settings))):
        return
    check("documents", lambda: f"{len(resources['corpus'].source().list() or [])} in {settings.documents_folder}")
    found = check("lake", lambda: resources["lake"].open().root)
    check("ledger", lambda: f"{resources['models'].spend().num_rows} models were called so far")
    check("embedder", lambda: _embedder(resources["models"]))
    check("recipes", lambda: _recipes(settings))
    if found and resources["lake"].open().version(SEARCH_INDEX):
        check("search index", lambda: f"{len(resources['index'].load())} chunks")


def _embedder(models) -> str:
    import asyncio

    with models.open() as opened:
        embedder = opened.embedder()
        [vector] = asyncio.run(embedder.provider.embed(["raftline doctor"]))
        return f"{embedder.model}, {len(vector)} dimensions"


def _recipes(settings: Settings) -> str:
    from assets.raft.recipes import load_recipes

    good, bad = load_recipes(settings.recipes_folder)
    if bad:
        raise RaftlineError("; ".join(problem.reason for problem in bad))
    return ", ".join(sorted(good)) or f"none in {settings.recipes_folder}: nothing will be trained"
