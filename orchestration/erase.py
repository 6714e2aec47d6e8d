"""`raftline erase DOCUMENT`: every byte derived from a document goes, and what learned from it is marked.

What belongs to the document alone (its bytes, pages, chunks, questions, recorded model calls) is taken out where it
lies. What is made from all documents together (corpus, index, bank, datasets, evaluation, reports) is removed whole;
`raftline refresh` makes it again without the document. A killed erasure is finished by the same command: the names by
which it finds its way go last.
"""

import shutil
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg

from assets.evaluation.champion import current
from assets.raft.completeness import marker_rows
from orchestration.console import counted
from orchestration.erase_history import erase_history
from orchestration.erase_services import erase_at_services
from orchestration.erase_students import Target, clean_datasets, drop, erase_students
from orchestration.jobs import PHASES
from orchestration.settings import Settings
from orchestration.wiring import build_resources
from resources.corpus.erased import Erased
from resources.corpus.manifest import document_id
from resources.errors import RaftlineError
from resources.lake.lake import WHOLE, Lake
from resources.lake.stage import Versions
from resources.lake.tables import (
    BATCH_MARKERS,
    BATCHED,
    BY_RECIPE,
    CHAMPION_MODEL,
    CHUNK_EMBEDDINGS,
    CHUNKS,
    FINE_TUNED_MODEL,
    RAFT_DATASET,
    RAW_PDFS,
    TABLES,
)
from resources.training.endpoints import EndpointBook
from resources.training.resource import TrainersResource
from resources.training.serving import BASE

_KEPT = frozenset({"model_registry", "champion_model", "recipes", "spend_by_stage", "egress", "complete_batches"})
"""Assets over all documents that hold no text of theirs, and could not be made again or need not be."""


def find_target(name: str, resources: Mapping[str, Any]) -> Target | None:
    """The document that a path or id names; None if it was erased before.

    Raises `RaftlineError` if there is none or if several fit.
    """
    versions = _versions_by_uri(resources)
    uris = sorted({uri for uri in versions if name in (uri, document_id(uri))})
    uris = uris or sorted(uri for uri in versions if uri.endswith(f"/{name}"))
    if len(uris) > 1:
        raise RaftlineError(f"{name} fits several documents; name one of them: {', '.join(uris)}")
    if not uris:
        erased = {one.document_id for one in resources["corpus"].erased().load()}
        if erased & {name, document_id(name)}:
            return None
        raise RaftlineError(f"no document {name!r} is known here; `raftline status` lists them by path")
    found, known = set(uris), set(versions[uris[0]])
    while True:  # copies of one version may have versions of their own
        more = {uri for uri, held in versions.items() if held & known}
        if more <= found:
            stamps = _stamps_by_uri(resources)
            return Target(
                tuple(sorted(found)), tuple(sorted(known)), {uri: tuple(sorted(stamps.get(uri, ()))) for uri in found}
            )
        found |= more
        known |= {version for uri in more for version in versions[uri]}


def erase(settings: Settings, instance: dg.DagsterInstance, target: Target) -> list[str]:
    """Erases a document; returns what was done and what is left to the user, one line each."""
    resources = build_resources(settings)
    lake, corpus = resources["lake"].open(), resources["corpus"]
    today = datetime.now(UTC).date().isoformat()
    corpus.erased().add(Erased(document_id(uri), target.versions, today, target.stamps[uri]) for uri in target.uris)
    notes = [f"{counted(len(target.versions), 'version')} of {', '.join(target.uris)} on the list of erased documents"]
    calls = resources["models"].erase(target.versions)
    notes.append(f"{counted(calls.calls, 'recorded model call')} emptied; their key, cost and date stay")
    notes += erase_at_services(lake, resources["trainers"], clean_datasets(lake, target).values())
    notes += erase_students(lake, target, Path(resources["trainers"].folder))
    notes += _still_served(lake, resources["trainers"])
    _erase_joint_tables(lake, settings)
    batches = _erase_batches(lake, target)
    notes.append(
        f"{counted(len(batches), 'batch')} rewritten without it; index, datasets, evaluation and report removed"
    )
    for version in target.versions:
        lake.delete_blob(version)
    runs = erase_history(instance, lake, settings.home_folder / "dagster", batches)
    notes.append(f"{counted(runs, 'run')} with samples of it deleted from Dagster's history")
    notes += _erase_sources(settings, corpus, target)
    corpus.source().forget()
    corpus.receipts().forget(target.uris)
    corpus.manifests().forget(target.uris)
    return notes


def _still_served(lake: Lake, trainers: TrainersResource) -> list[str]:
    """Says if an endpoint serves a model that has just been retired."""
    if not trainers.hosted():
        return []
    with closing(EndpointBook(trainers.ledger())) as book:
        serving = book.serving()
    if serving is None or serving.model_id == (current(lake.rows_or_empty(CHAMPION_MODEL)) or BASE):
        return []
    return [f"endpoint {serving.name} still serves {serving.model_id}: `raftline refresh` takes it down"]


def _versions_by_uri(resources: Mapping[str, Any]) -> dict[str, set[str]]:
    """Every version that a manifest or a table names, by path; a table outlives its manifest in a killed erasure."""
    found: dict[str, set[str]] = {}
    received = resources["corpus"].receipts().load()
    for manifest in resources["corpus"].manifests().load():
        for entry in manifest.entries:
            receipt = received.get(manifest.sequence, {}).get(entry.uri)
            found.setdefault(entry.uri, set()).update({entry.version, receipt.version if receipt else ""})
    lake = resources["lake"].open()
    for batch in lake.partitions(RAW_PDFS):
        for row in lake.read(RAW_PDFS, batch, ["uri", "version"]).to_pylist():
            found.setdefault(row["uri"], set()).add(row["version"])
    return {uri: versions - {""} for uri, versions in found.items()}


def _stamps_by_uri(resources: Mapping[str, Any]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for manifest in resources["corpus"].manifests().load():
        for entry in manifest.entries:
            found.setdefault(entry.uri, set()).add(entry.etag)
    return found


def _erase_joint_tables(lake: Lake, settings: Settings) -> None:
    """Removes every table that is made from all documents together, with the files beside it."""
    for asset in {asset for phase in PHASES for asset in phase.assets} - BATCHED - _KEPT:
        if asset not in (RAFT_DATASET.name, FINE_TUNED_MODEL.name):
            for partition in lake.partitions(asset) if asset in BY_RECIPE else (WHOLE,):
                drop(lake, asset, partition)
    for folder in (settings.home_folder / "index", settings.home_folder / "reports"):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)


def _erase_batches(lake: Lake, target: Target) -> list[str]:
    """Rewrites the batches that the document came in, as if they had never held it; returns them.

    The fingerprints follow, so that nothing else of the batch is made or paid for again.
    """
    batches = [
        batch
        for batch in lake.partitions(RAW_PDFS)
        if {row["document_id"] for row in lake.rows(RAW_PDFS, batch)} & set(target.document_ids)
    ]
    names = [name for name in sorted(BATCHED) if name not in (BATCH_MARKERS.name, RAW_PDFS.name)]
    # Embeddings know chunks only, so they go before the chunks; the rows that name the document go last.
    names = [CHUNK_EMBEDDINGS.name, *(name for name in names if name != CHUNK_EMBEDDINGS.name), RAW_PDFS.name]
    for batch in batches:
        chunks = {
            row["chunk_id"] for row in lake.rows_or_empty(CHUNKS, batch) if row["document_id"] in target.document_ids
        }
        for name in names:
            rows = lake.rows_or_empty(name, batch)
            kept = [
                row
                for row in rows
                if row.get("document_id") not in target.document_ids and row.get("chunk_id") not in chunks
            ]
            if len(kept) < len(rows):
                lake.write(TABLES[name], kept, batch)
        if lake.version(BATCH_MARKERS, batch):
            lake.write(BATCH_MARKERS, marker_rows(lake, batch), batch)
        _renew_fingerprints(lake, batch)
    return batches


def _renew_fingerprints(lake: Lake, batch: str) -> None:
    versions = Versions(lake)
    for asset in BATCHED:
        made = lake.fingerprint(asset, batch)
        if made:
            inputs = {name: versions.of_input(asset, name, batch) for name in made if name in TABLES}
            lake.put_fingerprint(asset, batch, made | inputs)


def _erase_sources(settings: Settings, corpus: Any, target: Target) -> list[str]:
    """Deletes the documents themselves where they lie in the home; says where they lie if it is outside."""
    source, erased = corpus.source(), corpus.erased().marks()
    listing = source.list()
    notes = [listing.problem] if listing.documents is None else []
    for place in sorted(source.where(listed.uri) for listed in listing.documents or () if erased.cover(listed)):
        path = Path(place)
        if "://" not in place and path.resolve().is_relative_to(settings.home_folder):
            path.unlink(missing_ok=True)
        else:
            notes.append(f"{place} is your own and still there: delete it, or it is passed over at every scan")
    decisions = settings.home_folder / "decisions"
    for folder, held in ((settings.questions_folder, "your questions about it"), (decisions, "a reason that names it")):
        for file in sorted(folder.glob("*.jsonl")):
            text = file.read_text(encoding="utf-8", errors="replace")
            if any(Path(uri).name in text for uri in target.uris):
                notes.append(f"{file} holds {held}: edit it yourself")
    return notes
