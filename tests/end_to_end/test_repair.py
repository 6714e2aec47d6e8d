"""Files that are damaged or gone: named by what reads them, and made again by the next refresh, to the same bytes."""

import shutil
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from orchestration.jobs import INGEST
from tests.end_to_end.conftest import Demo, raftline_here, succeeded
from tests.end_to_end.homes import instance_of

pytestmark = pytest.mark.slow


@pytest.fixture
def home(small_home: Demo, copy_of: Callable[[Demo], Path]) -> Path:
    return copy_of(small_home)


@pytest.mark.parametrize("verb", [("status",), ("refresh",), ("ask", "What is the fee?")])
def test_a_damaged_table_is_named_with_the_remedy(home: Path, verb: tuple[str, ...]) -> None:
    table = home / "lake/tables/corpus/all.parquet"
    table.write_bytes(b"garbage")
    outcome = raftline_here(home, *verb)
    assert outcome.code == 1
    assert f"{table} is damaged" in outcome.text and "delete it and run `raftline refresh`" in outcome.text
    assert "Traceback" not in outcome.text


def test_flipped_bytes_are_found_by_doctor(home: Path) -> None:
    [table] = (home / "lake/tables/chunks").glob("*.parquet")
    data = bytearray(table.read_bytes())
    middle = len(data) // 3
    data[middle : middle + 40] = bytes(byte ^ 0xFF for byte in data[middle : middle + 40])
    table.write_bytes(data)
    outcome = raftline_here(home, "doctor")
    assert outcome.code == 1
    assert "FAILED" in outcome.text and f"{table} is damaged" in outcome.text


def test_what_was_deleted_is_made_again_to_the_same_bytes(home: Path, small_home: Demo) -> None:
    [chunks] = (home / "lake/tables/chunks").glob("*.parquet")
    lost = [chunks, home / "lake/tables/corpus/all.parquet", home / "index/manifest.json"]
    for path in lost:
        path.unlink()
    with instance_of(home) as instance:
        before = {run.run_id for run in instance.get_runs()}
    succeeded(raftline_here(home, "refresh"))
    for path in lost:
        assert path.read_bytes() == (small_home.home / path.relative_to(home)).read_bytes()
    assert "up to date" in raftline_here(home, "refresh").text
    with instance_of(home) as instance:
        [run] = [run for run in instance.get_runs(dg.RunsFilter(job_name=INGEST.job)) if run.run_id not in before]
        made = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
    stages = {entry.get_dagster_event().asset_key.to_user_string() for entry in made}
    assert stages == set(INGEST.assets) - {"raw_pdfs", "markdown_pages"}


def test_a_document_folder_that_is_gone_withdraws_nothing(home: Path) -> None:
    shutil.rmtree(home / "documents")
    outcome = raftline_here(home, "refresh")
    assert outcome.code == 1
    assert f"{home / 'documents'} cannot be listed" in outcome.text
    assert not (home / "documents").exists()
    assert "cannot be listed" in raftline_here(home, "status").text


def test_status_tells_of_documents_that_were_not_taken_in(home: Path) -> None:
    name = next((home / "documents").glob("*.pdf")).name
    (home / "documents" / name).unlink()
    text = raftline_here(home, "status").text
    assert "A refresh would take in a new batch: 1 withdrawn" in text
    assert "Everything is up to date" not in text
