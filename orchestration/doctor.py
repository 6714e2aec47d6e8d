"""`raftline doctor`: every precondition looked at, each with what to do if it fails. Roles and training backends are in probing.py."""

import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version

from assets.training.students import unusable
from orchestration.console import table
from orchestration.home import prepare_home
from orchestration.probing import Row, role_rows, training_rows
from orchestration.settings import Settings, load_settings
from orchestration.wiring import build_resources
from resources.corpus.resource import CorpusResource
from resources.errors import RaftlineError
from resources.lake.lake import Lake
from resources.lake.tables import FINE_TUNED_MODEL, SEARCH_INDEX, TABLES
from resources.options import ExtractionOptions
from resources.training.base import TrainingFailed
from resources.training.resource import TrainersResource

PACKAGES = ("dagster", "duckdb", "pypdfium2", "bm25s", "scipy")


def examine() -> bool:
    """Prints one line per check; whether all passed. Models are really asked: nothing comes from the ledger."""
    rows: list[Row] = []

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
        rows += _home(load_settings(), check)
    table(("", "check", "found"), rows)
    return all(row[0] == "ok" for row in rows)


def _home(settings: Settings, check: Callable[[str, Callable[[], str]], bool]) -> list[Row]:
    """Looks at the home in the order in which things depend on each other; the rows of the roles."""
    resources = build_resources(settings)
    if not check("home", lambda: str(prepare_home(settings))):
        return []
    check("documents", lambda: _documents(settings, resources["corpus"]))
    check("extraction", lambda: _extraction(settings.extraction))
    found = check("lake", lambda: _lake(resources["lake"].open()))
    ledger = check("ledger", lambda: f"{resources['models'].spend().num_rows} models were called so far")
    check("recipes", lambda: _recipes(settings, resources["trainers"]))
    if found and resources["lake"].open().version(SEARCH_INDEX):
        check("search index", lambda: f"{len(resources['index'].load())} chunks")
        check("models", lambda: _models(resources["lake"].open(), resources["trainers"]))
    roles = list(role_rows(resources["models"])) if ledger else []
    return roles + list(training_rows(resources["trainers"]))


def _documents(settings: Settings, corpus: CorpusResource) -> str:
    waiting = sum(len(manifest.entries) for manifest in corpus.pending(settings.batches.max_documents))
    listed = corpus.source().list().documents or []
    refused = [one for one in listed if one.refusal]
    found = [f"{len(listed) - len(refused)} in {settings.documents_place}"]
    found += [f"{waiting} changes not taken in"] if waiting else []
    found += [f"{len(refused)} refused, such as {refused[0].uri}: {refused[0].refusal}"] if refused else []
    return ", ".join(found)


def _extraction(options: ExtractionOptions) -> str:
    """Who reads the documents, and whether scans can be read."""
    from assets.documents.ocr import language_data, ocr_of
    from assets.documents.readers import reader_of

    reader, ocr = reader_of(options), ocr_of(options)
    if ocr:
        return f"{reader.name}, OCR in {ocr.languages} with {ocr.folder}"
    if options.ocr != "off":
        raise RaftlineError(f"extraction.ocr: auto finds no data for {options.ocr_languages}: {language_data(options)}")
    return f"{reader.name}, OCR off"


def _lake(lake: Lake) -> str:
    """Reads every table whole: a damaged one is named."""
    partitions = [(name, partition) for name in TABLES for partition in lake.partitions(name)]
    for name, partition in partitions:
        lake.read(name, partition)
    return f"{len(partitions)} table files in {lake.root}"


def _models(lake: Lake, trainers: TrainersResource) -> str:
    """Loads the model of every recipe, its files checked against their hashes."""
    rows = [row for recipe in lake.partitions(FINE_TUNED_MODEL) for row in lake.rows(FINE_TUNED_MODEL, recipe)]
    broken = [f"{row['recipe']}: {problem}" for row in rows if (problem := unusable(row, trainers))]
    if broken:
        raise TrainingFailed("; ".join(broken))
    return ", ".join(f"{row['recipe']} ({row['model_id']})" for row in rows) or "none yet"


def _recipes(settings: Settings, trainers: TrainersResource) -> str:
    """Whether every file is a recipe, and the service that trains it is set up."""
    from assets.raft.recipes import load_recipes

    good, bad = load_recipes(settings.recipes_folder)
    given = trainers.configured()
    problems = [problem.reason for problem in bad] + [
        f"recipe {name} trains at {backend}, but trainers.{backend} is not set"
        for name, recipe in sorted(good.items())
        if (backend := recipe.training.backend) not in given and not trainers.get(backend).runs_here
    ]
    if problems:
        raise RaftlineError("; ".join(problems))
    return ", ".join(sorted(good)) or f"none in {settings.recipes_folder}: nothing will be trained"
