"""A stage at work: what its fingerprint depends on, and that rows and fingerprint never contradict each other."""

from typing import Any

import dagster as dg
import pytest

from resources.errors import LakeError
from resources.lake.lake import Lake
from resources.lake.stage import SETTINGS, Stage, Versions, fingerprint
from resources.lake.tables import CHUNKS, QUESTION_GROUPS, RAW_PDFS
from resources.options import ChunkOptions, PipelineOptions

CHUNK_SPEC = dg.AssetSpec("chunks", deps=["markdown_pages"], code_version="1", metadata={SETTINGS: "chunks"})
CORPUS_SPEC = dg.AssetSpec("corpus", deps=["raw_pdfs"], code_version="1")


def document(name: str) -> dict[str, Any]:
    return {
        "document_id": name, "version": "v", "uri": name, "title": name, "bytes": 1, "page_count": 1, "status": "ok",
        "error": None, "tombstone": False,
    }  # fmt: skip


def run(lake: Lake, rows: list[dict[str, Any]], code: str) -> dg.ExecuteInProcessResult:
    @dg.asset(name="question_groups", code_version=code)
    def made(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        """Groups."""
        return Stage(context, lake).finish(QUESTION_GROUPS, rows, {"kept": len(rows)})

    return dg.materialize([made], raise_on_error=False)


def test_code_the_settings_it_reads_and_the_same_partition_upstream_decide_a_batch(lake) -> None:
    made = fingerprint(Versions(lake), CHUNK_SPEC, "b1", PipelineOptions(), {})
    other_limit = PipelineOptions(chunks=ChunkOptions(max_tokens=100))
    assert set(made) == {"code", "settings chunks", "markdown_pages"}
    assert fingerprint(Versions(lake), CHUNK_SPEC, "b1", other_limit, {}) != made
    assert fingerprint(Versions(lake), CHUNK_SPEC, "b1", PipelineOptions(), {"files": "x"}) != made
    assert fingerprint(Versions(lake), CORPUS_SPEC, "all", other_limit, {}) == fingerprint(
        Versions(lake), CORPUS_SPEC, "all", None, {}
    )


def test_another_batch_upstream_changes_a_fan_in_and_no_batch(lake) -> None:
    lake.write(RAW_PDFS, [document("a")], "b1")
    markdown = dg.AssetSpec("markdown_pages", deps=["raw_pdfs"])
    corpus, pages = (fingerprint(Versions(lake), spec, "b1", None, {}) for spec in (CORPUS_SPEC, markdown))
    lake.write(RAW_PDFS, [document("b")], "b2")
    assert fingerprint(Versions(lake), CORPUS_SPEC, "b1", None, {}) != corpus
    assert fingerprint(Versions(lake), markdown, "b1", None, {}) == pages


def test_a_finished_stage_leaves_rows_fingerprint_counts_and_samples(lake) -> None:
    result = run(lake, [{"group": "<b>g</b>", "split": "train"}], "1")
    [event] = result.asset_materializations_for_node("question_groups")
    assert event.metadata["dagster/row_count"].value == 1
    assert event.metadata["kept"].value == 1
    sample = event.metadata["sample"]
    assert isinstance(sample, dg.TableMetadataValue)
    assert sample.records[0].data["group"] == "<b>g</b>"
    assert event.tags is not None
    assert event.tags["dagster/data_version"] == (lake.version(QUESTION_GROUPS) or "")[:16]
    assert lake.fingerprint("question_groups") == {"code": "1"}


def test_an_empty_table_is_finished_like_any_other(lake) -> None:
    result = run(lake, [], "1")
    [event] = result.asset_materializations_for_node("question_groups")
    assert event.metadata["dagster/row_count"].value == 0
    assert "sample" not in event.metadata


def test_rows_that_cannot_be_written_leave_no_fingerprint_to_trust(lake) -> None:
    run(lake, [{"group": "g", "split": "train"}], "1")
    result = run(lake, [{"group": "g"}], "2")
    assert not result.success
    assert lake.fingerprint("question_groups") is None
    assert lake.rows(QUESTION_GROUPS) == [{"group": "g", "split": "train"}]


def test_stopped_between_rows_and_fingerprint_new_rows_never_pass_for_old_ones(lake, monkeypatch) -> None:
    run(lake, [{"group": "g", "split": "train"}], "1")

    def killed(*_: object) -> None:
        raise OSError("the disk is gone")

    with monkeypatch.context() as patch:
        patch.setattr(lake, "put_fingerprint", killed)
        assert not run(lake, [{"group": "g", "split": "test"}], "2").success
    assert lake.rows(QUESTION_GROUPS) == [{"group": "g", "split": "test"}]
    assert lake.fingerprint("question_groups") != {"code": "1"}


def test_a_partition_of_one_table_is_not_read_as_that_of_another(lake) -> None:
    lake.write(CHUNKS, [], "b1")
    with pytest.raises(LakeError, match="raw_pdfs"):
        lake.rows(RAW_PDFS, "b1")


def test_the_version_of_a_partition_is_read_once_however_many_assets_depend_on_it(lake) -> None:
    for batch in ("b1", "b2"):
        lake.write(CHUNKS, [], batch)
    read: list[tuple[str, str]] = []

    class Counting(Lake):
        def version(self, table, partition="all"):
            read.append((str(table), partition))
            return super().version(table, partition)

    versions = Versions(Counting(lake.root))
    first = versions.of_input("corpus", "chunks", "all")
    assert versions.of_input("coverage", "chunks", "all") == first
    assert versions.of_input("qa_pairs", "chunks", "b1") == lake.version(CHUNKS, "b1")
    assert sorted(read) == [("chunks", "b1"), ("chunks", "b2")]
