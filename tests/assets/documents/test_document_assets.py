"""Documents as assets, with and without a transcriber: what arrives, what is read how, and what makes it out of date."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from assets.chunks.assets import chunks, contextualized_chunks
from assets.documents.assets import markdown_pages, raw_pdfs
from assets.documents.ocr import ocr_of
from assets.documents.rendering import View
from assets.partitions import document_batches
from orchestration.wiring import build_resources
from resources.lake.tables import CONTEXTUALIZED_CHUNKS, MARKDOWN_PAGES, RAW_PDFS
from resources.options import ExtractionOptions

TEXT = """# Fees of the Basic account

It costs 4 dollars a month and is closed free of charge."""
NEEDED = ("lake", "corpus", "models", "options")


class House:
    """The first two stages over a folder with one scan."""

    def __init__(self, resources: dict[str, Any]):
        self.resources = {name: resources[name] for name in NEEDED}
        resources["corpus"].scan(500)
        [manifest] = resources["corpus"].manifests().load()
        self.batch = manifest.key

    def make(self) -> dg.ExecuteInProcessResult:
        with dg.DagsterInstance.ephemeral() as instance:
            instance.add_dynamic_partitions(document_batches.name or "", [self.batch])
            return dg.materialize(
                [raw_pdfs, markdown_pages, chunks, contextualized_chunks],
                resources=self.resources,
                partition_key=self.batch,
                instance=instance,
            )

    def rows(self, table) -> list[dict[str, Any]]:
        return self.resources["lake"].open().rows(table, self.batch)

    def metadata(self, made: dg.ExecuteInProcessResult, asset: str) -> dict[str, Any]:
        [event] = made.asset_materializations_for_node(asset)
        return {name: value.value for name, value in event.metadata.items()}


@pytest.fixture
def scan(make_pdf, scan_of) -> bytes:
    lines = [(72, 90, "Fees of the Basic account", 18, "hebo")]
    return scan_of(
        make_pdf([*lines, (72, 130, "It costs 4 dollars a month and is closed free of charge.", 11, "helv")])
    )


@pytest.fixture
def house_of(project, emulator, monkeypatch, tmp_path: Path, scan) -> Callable[..., House]:
    """A house whose settings are these."""
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", emulator.key)
    role = {"provider": "azure_openai", "model": "gpt-4o-2024-08-06", "deployment": "gpt-4o", "endpoint": emulator.url}

    def build(*roles: str, **settings: Any) -> House:
        loaded = project(roles=dict.fromkeys(roles, role), **settings)
        loaded.documents_folder.mkdir(parents=True, exist_ok=True)
        (loaded.documents_folder / "fees.pdf").write_bytes(scan)
        return House(build_resources(loaded))

    return build


def test_a_scan_is_unreadable_without_a_transcriber(house_of):
    house = house_of()
    made = house.make()
    [document] = house.rows(RAW_PDFS)
    assert document["status"] == "unreadable"
    assert house.metadata(made, "raw_pdfs")["rejected"] == {"no text layer": 1}
    assert "configure a transcriber" in document["error"]


def test_a_scan_becomes_contextualized_chunks_with_a_transcriber(house_of, says, scan, emulator):
    says(scan, View(1024), TEXT)
    says(scan, View(1024, halves=True), TEXT, "(no text)")
    house = house_of("transcriber", "contextualizer")
    made = house.make()
    [page] = house.rows(MARKDOWN_PAGES)
    assert (page["method"], page["markdown"], page["error"]) == ("vision", TEXT, None)
    assert len(page["boxes"]) == 1
    [chunk] = house.rows(CONTEXTUALIZED_CHUNKS)
    assert chunk["context"] == "fees > Fees of the Basic account"
    seen = house.metadata(made, "markdown_pages")
    assert seen["pages transcribed"] == {"accepted": 1, "chosen": 1, "fell back": 0}
    assert seen["by method"] == {"vision": 1}
    assert [(row.data["document"], row.data["flagged pages"]) for row in seen["fidelity"].records] == [
        ("fees.pdf", "none")
    ]
    assert "emulator" in seen["not a real model"]
    served = emulator.requests()
    house.make()
    assert emulator.requests() == served


def test_a_transcriber_that_reads_nothing_leaves_the_reason_with_the_page(house_of):
    house = house_of("transcriber")
    made = house.make()
    [page] = house.rows(MARKDOWN_PAGES)
    assert (page["method"], page["markdown"]) == ("layout", "")
    assert page["error"] == "not transcribed: the model declined"
    assert house.metadata(made, "markdown_pages")["left as they were, because"] == {"the model declined": 1}


def test_pages_that_were_seen_in_other_pictures_are_read_again(house_of, says, scan, emulator):
    says(scan, View(1024), TEXT)
    says(scan, View(1024, halves=True), TEXT, "(no text)")
    house_of("transcriber").make()
    house = house_of("transcriber", transcription={"longest_side": 1536})
    says(scan, View(1536), TEXT)
    says(scan, View(1536, halves=True), TEXT, "(no text)")
    served = emulator.requests()
    made = house.make()
    assert house.metadata(made, "markdown_pages")["pages reused"] == 0
    assert emulator.requests() == served + 3


def test_a_scan_that_may_not_leave_is_not_sent_and_says_why(house_of, emulator):
    house = house_of("transcriber", egress={"redact": "always"})
    house.make()
    [page] = house.rows(MARKDOWN_PAGES)
    assert page["error"].startswith("not transcribed: not answered: not sent: the page has no text layer")
    assert emulator.requests() == 0


def test_a_scan_is_read_by_ocr_flagged_and_not_read_again(house_of):
    if ocr_of(ExtractionOptions(ocr="auto")) is None:
        pytest.skip("Tesseract's data for English is not installed (Debian: tesseract-ocr-eng)")
    house = house_of(extraction={"ocr": "auto"})
    shown = house.metadata(house.make(), "markdown_pages")
    [page] = house.rows(MARKDOWN_PAGES)
    assert page["method"] == "ocr"
    assert "costs 4 dollars a month" in page["markdown"]
    assert (shown["flagged pages"], shown["pages read by OCR, unconfirmed"]) == (1, 1)
    again = house.metadata(house.make(), "markdown_pages")
    assert (again["pages reused"], again["pages read by OCR, unconfirmed"]) == (1, 0)
    assert house.rows(MARKDOWN_PAGES) == [page]


def test_the_permissive_extractor_needs_no_other(house_of, make_pdf):
    house = house_of(extraction={"extractor": "permissive"})
    assert house.metadata(house.make(), "raw_pdfs")["rejected"] == {"no text layer": 1}
    [row] = house.rows(RAW_PDFS)
    assert "the permissive extractor has no OCR" in row["error"]
