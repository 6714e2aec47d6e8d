"""`raftline estimate`: what the next refresh would send to models, what it would cost and how long it would take.

Batches that are cut already are reckoned from their chunks; documents that are new are parsed and cut in memory, which
costs nothing and writes nothing. What the ledger answers is free.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from assets.chunks.packing import chunk_document
from assets.documents.assets import EXTRACTOR
from assets.documents.extraction import extract_many
from assets.documents.ocr import recognized_by, scans_by
from assets.documents.pages import KnownPages, page_rows
from assets.documents.parsing import Page
from assets.documents.readers import read_by, reader_of
from assets.evaluation.arms import BASE_ARMS, TUNED_ARMS, applicable
from assets.evaluation.expected import Examinee, students_estimates
from assets.raft.generation import sample_chunks
from assets.raft.recipe_files import valid_recipes
from assets.raft.recipes import Recipe
from assets.spending import (
    CONTEXT_TOKENS,
    contexts_estimate,
    embedding_estimate,
    judging_estimate,
    teaching_estimates,
    transcription_estimate,
)
from resources.corpus.manifest import Entry, Manifest, document_id
from resources.corpus.resource import CorpusResource
from resources.errors import SettingsError, UnreadableDocument
from resources.folders import FoldersResource
from resources.lake.lake import Lake
from resources.lake.tables import CHUNKS, CONTEXTUALIZED_CHUNKS, EVALUATION_SET, RAW_PDFS
from resources.llm.estimate import StageEstimate
from resources.llm.models import Models
from resources.llm.resource import ModelsResource
from resources.options import PipelineOptions
from resources.training.resource import TrainersResource

_LINE = "context " * CONTEXT_TOKENS
"""Stands for a context line that is not written yet."""

Row = Mapping[str, Any]


@dataclass
class Material:
    """What models would be asked about: chunks, their titles, texts to embed, and pages that were just parsed."""

    chunks: list[Row] = field(default_factory=list)
    titles: dict[str, str] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)
    pages: list[Page] = field(default_factory=list)
    documents: int = 0
    unreadable: list[str] = field(default_factory=list)


def estimate(resources: Mapping[str, Any], *, evaluates: bool = True) -> tuple[list[StageEstimate], Material]:
    """Every stage that calls a model, in the order in which data flows, and what it rests on.

    `evaluates` is whether the refresh would answer and judge a snapshot at all.
    """
    lake: Lake = resources["lake"].open()
    options: PipelineOptions = resources["options"]
    models: ModelsResource = resources["models"]
    material = _material(lake, resources["corpus"], options, scans=bool(scans_by(models, options.extraction)))
    with models.open() as opened:
        items = lake.rows_or_empty(EVALUATION_SET) if evaluates else []
        students = _students(resources["folders"], resources["trainers"])
        return list(_stages(opened, models, items, students, material, options)), material


def _students(folders: FoldersResource, trainers: TrainersResource) -> list[Examinee]:
    """Whose answers the evaluation compares, by the recipes."""
    found = []
    for recipe in valid_recipes(folders.recipes_path).values() or [Recipe(name="base")]:
        with suppress(SettingsError):  # a backend that is not known: its recipe's run says so
            trainer = trainers.get(recipe.training.backend)
            base, tuned = (
                tuple(arm for arm in arms if applicable(arm, trainer.capabilities)) for arms in (BASE_ARMS, TUNED_ARMS)
            )
            found.append(Examinee(recipe.training.backend, not trainer.runs_here, base, tuned))
    return found


def _stages(
    opened: Models,
    models: ModelsResource,
    items: Sequence[Row],
    students: Sequence[Examinee],
    material: Material,
    options: PipelineOptions,
) -> Iterator[StageEstimate]:
    if models.plays("transcriber"):
        yield transcription_estimate(opened.chat("transcriber"), material.pages, options.transcription)
    placed = options.contextualization.within(options.chunks.max_tokens)
    yield contexts_estimate(opened.chat("contextualizer"), material.chunks, material.titles, placed)
    yield embedding_estimate(opened.embedder(), material.texts)
    sampled = sample_chunks(material.chunks, options.questions.chunk_sampling_rate)
    yield from teaching_estimates(opened.chat("teacher"), sampled, material.titles, options.questions.per_chunk)
    if models.plays("judge"):
        arms = max((len(student.meeting) for student in students), default=0)
        yield judging_estimate(opened.chat("judge"), items, options.judge, arms)
    if items:
        yield from students_estimates(items, students)


def _material(lake: Lake, corpus: CorpusResource, options: PipelineOptions, *, scans: bool) -> Material:
    found = Material()
    manifests = [*corpus.manifests().load(), *corpus.pending(options.batches.max_documents)]
    for manifest in manifests:
        if lake.version(CHUNKS, manifest.key) is None:
            _parse(found, manifest, lake, corpus, options, scans=scans)
        else:
            _read(found, manifest.key, lake)
    return found


def _read(found: Material, batch: str, lake: Lake) -> None:
    """A batch that is cut already."""
    titles = {row["document_id"]: row["title"] for row in lake.rows(RAW_PDFS, batch)}
    chunks = lake.rows(CHUNKS, batch)
    placed = lake.version(CONTEXTUALIZED_CHUNKS, batch) is not None
    rows = lake.rows(CONTEXTUALIZED_CHUNKS, batch) if placed else []
    texts = {row["chunk_id"]: row["contextual_text"] for row in rows}
    found.titles |= titles
    found.chunks += chunks
    found.texts += [texts.get(chunk["chunk_id"], _LINE + chunk["text"]) for chunk in chunks]
    found.documents += len({chunk["document_id"] for chunk in chunks})


def _parse(
    found: Material, manifest: Manifest, lake: Lake, corpus: CorpusResource, options: PipelineOptions, *, scans: bool
) -> None:
    """A batch that nobody has cut yet: parsed and cut as its run will do, but kept nowhere."""
    reader = reader_of(options.extraction)
    inspect = reader.inspect(scans=scans)
    entries = [entry for entry in manifest.entries if not (entry.tombstone or entry.duplicate_of)]
    documents = list(_documents(found, entries, lake, corpus))
    known = KnownPages(lake, {"code": EXTRACTOR, **read_by(options.extraction), **recognized_by(options.extraction)})
    sources = ((entry.uri, data) for entry, data in documents)
    results = extract_many(sources, known, inspect=inspect, reader=reader, objects=known.objects)
    for (entry, data), result in zip(documents, results, strict=True):
        if result.error:
            found.unreadable.append(str(result.error))
            continue
        owner = document_id(entry.uri)
        with suppress(UnreadableDocument):
            found.titles[owner] = inspect(data, entry.uri).title or entry.uri.rsplit("/", 1)[-1].rsplit(".", 1)[0]
        row = {"document_id": owner, "version": entry.version, "page_count": len(result.pages)}
        pages = page_rows(row, result)
        chunks = chunk_document(owner, entry.version, pages, options.chunks.max_tokens, found.titles[owner])
        found.pages += result.pages
        found.chunks += chunks
        found.texts += [_LINE + chunk["text"] for chunk in chunks]
        found.documents += 1


def _documents(
    found: Material, entries: Iterable[Entry], lake: Lake, corpus: CorpusResource
) -> Iterator[tuple[Entry, bytes]]:
    """The bytes of every entry that can still be had."""
    source = corpus.source()
    for entry in entries:
        try:
            if entry.refusal:
                raise UnreadableDocument(entry.uri, entry.refusal)
            stored = entry.version and lake.has_blob(entry.version)
            data = lake.get_blob(entry.version) if stored else source.read(entry)
            yield replace(entry, version=hashlib.sha256(data).hexdigest()), data
        except UnreadableDocument as problem:
            found.unreadable.append(str(problem))


def as_dict(stages: Sequence[StageEstimate], material: Material) -> dict[str, Any]:
    """The estimate for machines. `cost_usd` is null where a price is not set, `seconds` where a batch decides."""
    return {
        "documents": material.documents,
        "chunks": len(material.chunks),
        "unreadable": material.unreadable,
        "stages": [
            {
                "stage": stage.stage,
                "model": stage.model,
                "calls": stage.load.calls,
                "recorded": stage.load.recorded,
                "prompt_tokens": stage.load.prompt_tokens,
                "completion_tokens": stage.load.completion_tokens,
                "cost_usd": stage.cost,
                "seconds": stage.seconds,
                "basis": stage.basis,
            }
            for stage in stages
        ],
        "cost_usd": None if any(stage.cost is None for stage in stages) else sum(stage.cost or 0.0 for stage in stages),
    }


def show_estimate(stages: Sequence[StageEstimate], material: Material, *, evaluates: bool = True) -> None:
    """The estimate for people: a table, the sum, and what it rests on. `evaluates` as in `estimate`."""
    from orchestration.console import counted, say, table

    say(f"{counted(material.documents, 'document')}, {counted(len(material.chunks), 'chunk')}")
    for reason in material.unreadable:
        say(f"not counted: {reason}", "yellow")
    table(
        ("stage", "model", "calls", "in the ledger", "prompt tokens", "completion tokens", "USD", "time"),
        [
            (
                stage.stage,
                stage.model,
                f"{stage.load.calls:,}",
                f"{stage.load.recorded:,}",
                f"{stage.load.prompt_tokens:,}",
                f"{stage.load.completion_tokens:,}",
                "price not set" if stage.cost is None else f"{stage.cost:,.4f}" if stage.cost else "0",
                "a batch" if stage.seconds is None else _clock(stage.seconds),
            )
            for stage in stages
        ],
    )
    known = sum(stage.cost or 0.0 for stage in stages)
    open_ended = "and what has no price" if any(stage.cost is None for stage in stages) else "in all"
    say(f"{known:,.4f} USD {open_ended}. Nothing was sent.", "bold")
    for basis in sorted({f"{stage.stage}: {stage.basis}" for stage in stages if stage.load.calls and stage.basis}):
        say(f"  {basis}", "dim")
    if evaluates and any(stage.stage.startswith("judge") and not stage.load.calls for stage in stages):
        say("  judge: scores: not counted before the first snapshot: up to 17 calls per item and arm", "dim")


def _clock(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
