"""A lake with small batches, and a way to run the SQL project over it as Dagster does."""

from collections.abc import Callable
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest

from dbt_like_sql.engine import Source, Subject, query
from dbt_like_sql.project import build_sql_assets, build_sql_checks, load_checks, load_models
from dbt_like_sql.relations import axis_of
from resources.hashing import short_id
from resources.lake.lake import WHOLE, Lake
from resources.lake.resource import LakeResource
from resources.lake.tables import (
    BATCH_MARKERS,
    CHUNK_EMBEDDINGS,
    CHUNKS,
    CONTEXTUALIZED_CHUNKS,
    MARKDOWN_PAGES,
    QA_PAIRS,
    RAW_PDFS,
    TABLES,
)

Rows = list[dict[str, Any]]
MARKED = ("raw_pdfs", "markdown_pages", "chunks", "contextualized_chunks", "qa_pairs")


class House:
    """A temporary lake that is filled batch by batch and queried as the platform does."""

    def __init__(self, url: str):
        self.url = url
        self.lake = Lake(url)

    def add(self, sequence: int, *documents: dict[str, Any], complete: bool = True) -> str:
        """Writes a batch of documents as `document(...)` describes them; returns its key."""
        batch = f"{sequence:06d}-{short_id(sequence)[:8]}"
        pages = [page for item in documents for page in item["pages"]]
        chunks = [chunk for item in documents for chunk in item["chunks"]]
        plain = [{name: chunk[name] for name in CHUNKS.schema.names} for chunk in chunks]
        self.lake.write(RAW_PDFS, [item["row"] for item in documents], batch)
        self.lake.write(MARKDOWN_PAGES, pages, batch)
        self.lake.write(CHUNKS, plain, batch)
        self.lake.write(CONTEXTUALIZED_CHUNKS, chunks, batch)
        vectors = [{"chunk_id": chunk["chunk_id"], "model": "m", "vector": [0.5, 1.0]} for chunk in chunks]
        self.lake.write(CHUNK_EMBEDDINGS, vectors, batch)
        self.lake.write(QA_PAIRS, [qa for item in documents for qa in item["questions"]], batch)
        if complete:
            self.mark(sequence, batch, len(documents), len(chunks))
        return batch

    def mark(self, sequence: int, batch: str, documents: int = 1, chunks: int = 1) -> None:
        marker = {
            "sequence": sequence,
            "table_name": list(MARKED),
            "data_version": [self.lake.version(name, batch) for name in MARKED],
            "documents": documents,
            "chunks": chunks,
        }
        self.lake.write(BATCH_MARKERS, [marker], batch)

    def build(self, *wanted: str, providers: dict[str, Callable[[], pa.Table]] | None = None) -> None:
        """Runs models, upstream first, without Dagster."""
        models = load_models()
        source = Source(self.lake, {model.name: model.table for model in models}, providers or {})
        for model in models:
            if not wanted or model.name in wanted:
                self.lake.write(model.table, query(model.file, source))

    def rows(self, name: str) -> Rows:
        tables = {model.name: model.table for model in load_models()}
        return self.lake.rows(TABLES.get(name) or tables[name])

    def corpus(self) -> Rows:
        self.build("complete_batches", "corpus")
        return self.rows("corpus")

    def offending(self, asset: str, rule: str, partition: str = WHOLE) -> Rows:
        """The rows that one rule returns, without Dagster."""
        (file,) = (file for file in load_checks() if file.name == f"{asset}__{rule}")
        source = Source(self.lake, {model.name: model.table for model in load_models()})
        return query(file, source, Subject(asset, partition)).to_pylist()

    def check(self, asset: str, rule: str, partition: str | None = None) -> dg.AssetCheckEvaluation:
        """Runs one check behind its asset, whose table is in the lake already, and returns its evaluation."""
        axes = {name: dg.DynamicPartitionsDefinition(name=name) for name in ("batch", "recipe")}
        key = dg.AssetCheckKey(dg.AssetKey(asset), rule)
        (check,) = (check for check in build_sql_checks(axes) if check.check_key == key)
        axis = axis_of(asset)

        @dg.asset(name=asset, partitions_def=axes[axis] if axis else None)
        def written_before() -> None: ...

        with dg.DagsterInstance.ephemeral() as instance:
            if axis and partition:
                instance.add_dynamic_partitions(axis.value, [partition])
            result = dg.materialize(
                [written_before, check],
                instance=instance,
                partition_key=partition,
                resources={"lake": LakeResource(url=self.url)},
                raise_on_error=False,
            )
            (evaluation,) = result.get_asset_check_evaluations()
            return evaluation

    def materialize(self, *names: str) -> dg.ExecuteInProcessResult:
        chosen = [asset for asset in build_sql_assets() if asset.key.to_user_string() in names]
        return dg.materialize(chosen, resources={"lake": LakeResource(url=self.url)})


@pytest.fixture
def house(tmp_path) -> House:
    return House(str(tmp_path / "lake"))


@pytest.fixture
def document() -> Callable[..., dict[str, Any]]:
    """Makes one document version: `document("a.pdf", "v1", "The fee is $5.")` has one page and chunk per text."""
    return _document


def _document(uri: str, version: str, *texts: str, status: str = "ok", **changes: Any) -> dict[str, Any]:
    identity: dict[str, Any] = {"document_id": short_id("document", uri), "version": version}
    row = {
        **identity, "uri": uri, "title": f"Title of {uri}", "bytes": 9, "page_count": len(texts), "status": status,
        "error": None if status == "ok" else "it is broken", "tombstone": False, **changes,
    }  # fmt: skip
    pages = [
        {
            **identity, "page": page, "markdown": text, "method": "layout", "page_sha": short_id(text), "object_sha": "",
            "word_recall": 1.0, "number_recall": 1.0, "width": 1.0, "height": 1.0, "boxes": [], "links": [],
            "error": None,
        }
        for page, text in enumerate(texts)
    ]  # fmt: skip
    chunks: list[dict[str, Any]] = [
        {
            **identity, "chunk_id": short_id(uri, text), "page_start": page, "page_end": page, "char_start": 0,
            "char_end": len(text), "heading_path": ["Fees"], "text": text, "tokens": 3, "context": "Title > Fees",
            "contextual_text": f"Title > Fees\n\n{text}",
        }
        for page, text in enumerate(texts)
    ]  # fmt: skip
    questions: list[dict[str, Any]] = [
        {
            **identity, "question_id": short_id("question", chunk["chunk_id"]), "chunk_id": chunk["chunk_id"],
            "page": chunk["page_start"], "language": "en", "question": "What?", "answer": "Because.",
            "quotes": [{"text": chunk["text"][:4], "start": 0, "end": 4}], "final_answer": "5", "kind": "number",
            "origin": "generated", "accepted": True, "gate": None, "reason": None,
        }
        for chunk in chunks
    ]  # fmt: skip
    return {"row": row, "pages": pages, "chunks": chunks, "questions": questions}
