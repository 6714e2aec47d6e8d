"""`raftline erase`: a planted string is in no byte of the home afterwards, and everything else goes on."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import dagster as dg
import pyarrow.parquet as pq
import pypdfium2
import pytest

from orchestration.settings import load_settings
from orchestration.wiring import build_resources
from tests.end_to_end.conftest import ROOT, raftline, raftline_here, succeeded
from tests.end_to_end.homes import batches, instance_of, rows
from tests.end_to_end.pdfs import make_pdf

PLANTED = ("Ardle", "crossing costs", "gate closes", "harbour office", "$7.25", "ferry.pdf")


def traces(home: Path, needles: tuple[str, ...] = PLANTED) -> list[tuple[str, str]]:
    """Every file that holds one of the strings: in its bytes, or in what its Parquet columns or PDF pages decode to."""
    found = []
    for path in sorted(home.rglob("*")):
        if path.is_file():
            text = _decoded(path)
            names = [needle for needle in needles if needle.lower().encode() in text]
            found += [(path.relative_to(home).as_posix(), needle) for needle in names]
    return found


def _decoded(path: Path) -> bytes:
    data = path.read_bytes()
    text = data.lower()
    if path.suffix == ".parquet":
        text += json.dumps(pq.read_table(path).to_pylist(), default=str, ensure_ascii=False).lower().encode()
    if data.startswith(b"%PDF"):
        document = pypdfium2.PdfDocument(data)
        pages = (" ".join(page.get_textpage().get_text_range().split()) for page in document)
        text += " ".join(pages).lower().encode()
    return text


@pytest.fixture
def home(small_home, copy_of) -> Path:
    """The small home without the questions of its user, in which the ferry's name stands."""
    home = copy_of(small_home)
    (home / "questions" / "harbour.jsonl").unlink()
    return home


def test_after_an_erasure_the_document_is_in_no_byte_and_the_others_are_untouched(home) -> None:
    assert len({path.split("/")[0] for path, _ in traces(home)}) >= 5
    [batch] = batches(home)
    before = rows(home, "qa_pairs", batch)

    said = succeeded(raftline_here(home, "erase", "ferry.pdf", "--yes"))

    assert traces(home) == []
    assert "1 student marked as having learned from it, or perhaps" in said.out
    kept = rows(home, "qa_pairs", batch)
    assert kept == [row for row in before if "Ardle" not in json.dumps(row)]
    assert {row["uri"] for row in rows(home, "raw_pdfs", batch)} == {"cards.pdf", "travel-money.pdf"}
    [student] = rows(home, "model_registry")
    assert student["stamp"] == "it learned from a document that was erased"
    with sqlite3.connect(home / "ledger.db") as ledger:
        [(paid, emptied)] = ledger.execute("select count(*), count(erased_at) from calls").fetchall()
    assert 0 < emptied < paid

    again = succeeded(raftline_here(home, "erase", "ferry.pdf", "--yes"))
    assert "was erased before: nothing to do" in again.out


@pytest.mark.slow
def test_a_refresh_makes_the_rest_again_and_does_not_let_the_bytes_back(home, tmp_path) -> None:
    bytes_before = (home / "documents" / "ferry.pdf").read_bytes()
    succeeded(raftline_here(home, "erase", "ferry.pdf", "--yes"))
    (home / "documents" / "renamed.pdf").write_bytes(bytes_before)

    said = succeeded(raftline(home, "refresh"))

    assert "ingest_batch" not in said.out
    assert {row["uri"] for row in rows(home, "corpus")} == {"cards.pdf", "travel-money.pdf"}
    [new] = [row for row in rows(home, "model_registry") if not row["stamp"]]
    assert rows(home, "fine_tuned_model", "raft-embedded")[0]["model_id"] == new["model_id"]
    (home / "documents" / "renamed.pdf").unlink()
    assert traces(home) == []
    outside = tmp_path / "ferry.pdf"
    outside.write_bytes(bytes_before)
    refused = raftline_here(home, "add", str(outside))
    assert refused.code == 1
    assert "were erased from this home" in refused.err
    assert "everything is up to date" in succeeded(raftline(home, "refresh")).out


def test_what_is_still_there_is_shown_as_made_in_the_ui(home) -> None:
    succeeded(raftline_here(home, "erase", "ferry.pdf", "--yes"))
    [batch] = batches(home)

    with instance_of(home) as instance:
        [record] = instance.fetch_materializations(dg.AssetKey("chunks"), limit=5).records
        assert record.partition_key == batch
        assert instance.fetch_materializations(dg.AssetKey("corpus"), limit=5).records == []


def test_an_erasure_asks_first_and_an_unknown_name_is_an_error(home) -> None:
    unconfirmed = raftline(home, "erase", "ferry.pdf")
    assert unconfirmed.code == 1
    assert "To be erased for good, in all versions: ferry.pdf" in unconfirmed.out
    assert traces(home)

    unknown = raftline_here(home, "erase", "no such.pdf", "--yes")
    assert unknown.code == 1
    assert "no document 'no such.pdf' is known here" in unknown.err


@pytest.mark.slow
def test_an_erasure_that_was_held_up_is_finished_by_the_same_command(home) -> None:
    with closing(sqlite3.connect(home / "dagster" / "history" / "runs" / "index.db")) as reader:
        reader.execute("begin")
        reader.execute("select count(*) from asset_keys").fetchone()

        held_up = raftline_here(home, "erase", "ferry.pdf", "--yes")

    assert held_up.code == 1
    assert "index.db cannot be compacted" in held_up.err
    succeeded(raftline_here(home, "erase", "ferry.pdf", "--yes"))
    assert traces(home) == []


def test_a_document_outside_the_home_is_left_to_its_owner(tmp_path) -> None:
    home, documents = tmp_path / "home", tmp_path / "documents"
    documents.mkdir()
    make_pdf(documents / "ferry.pdf", title="Ferry to Ardle", pages=[["# Fares", "A crossing costs $7.25."]])
    settings = load_settings(ROOT).model_copy(update={"home": home, "documents": str(documents)})
    build_resources(settings)["corpus"].scan(10)

    said = succeeded(raftline_here(home, "erase", "ferry.pdf", "--yes", RAFTLINE_DOCUMENTS=str(documents)))

    assert f"{documents / 'ferry.pdf'} is your own and still there" in said.out
    assert (documents / "ferry.pdf").exists()
