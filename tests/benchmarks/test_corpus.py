"""The benchmark of many batches, on a few: its generated home is one that planning and SQL take for real."""

from pathlib import Path

import pytest

from benchmarks import corpus
from benchmarks.corpus import grow, measure, settings_of, summary
from benchmarks.corpus_rows import CHUNKS_PER_PAGE, PAGES
from orchestration.catalog import asset_specs
from orchestration.jobs import BUILD
from orchestration.planning import plan_refresh
from orchestration.state import read_state
from orchestration.wiring import build_resources


@pytest.fixture
def settings(tmp_path: Path):
    return settings_of(tmp_path)


def test_a_generated_home_counts_as_ingested_and_its_corpus_holds_every_document(settings, monkeypatch) -> None:
    monkeypatch.setattr(corpus, "SPENT_SECONDS", 0.0)  # nothing here is about the time
    grow(settings, 2, 3)
    grow(settings, 3, 3)
    plan = plan_refresh(read_state(asset_specs(settings), build_resources(settings)))
    assert plan[0].job == BUILD.job
    found = measure(settings, 3)
    assert found["batches"] == 3
    assert found["chunks"] == 3 * 3 * PAGES * CHUNKS_PER_PAGE
    assert all(value >= 0 for value in found.values())


def test_ratios_compare_the_cost_of_a_batch_among_many_with_that_among_few() -> None:
    few = dict.fromkeys(
        ("plan_seconds", "corpus_sql_seconds", "document_sensor_seconds", "refresh_sensor_seconds"), 1.0
    )
    few |= {"batches": 10, "watching_peak_mb": 100.0, "rebuilding_peak_mb": 200.0}
    middle = few | {"batches": 20, "watching_peak_mb": 110.0, "rebuilding_peak_mb": 220.0}
    many = dict.fromkeys(few, 10.0) | {"batches": 100, "watching_peak_mb": 121.0, "rebuilding_peak_mb": 440.0}
    assert summary({10: few, 20: middle, 100: many}) == {
        "plan_seconds": 10.0, "corpus_sql_seconds": 10.0, "tick_seconds": 20.0, "rss_ratio": 1.1, "tick_ratio": 1.0,
        "rebuild_rss_ratio": 2.0, "plan_ratio": 1.0, "corpus_sql_ratio": 1.0,
    }  # fmt: skip
