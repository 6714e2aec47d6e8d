"""The whole graph with every role on a hosted model's emulator: Azure OpenAI v1, then a plain compatible server."""

import hashlib
import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from assets.documents.rendering import View, render
from resources.llm.raft_text import parse_answer
from resources.options import TranscriptionOptions
from tests.end_to_end.conftest import SAMPLE
from tests.end_to_end.hosted.conftest import FERRY, MODELS, TRAMWAY, Home

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Ran:
    """A home after a refresh, and what the emulator saw of it."""

    provider: str
    home: Home
    served: list[dict[str, Any]]
    violations: list[dict[str, Any]]
    calls_of_second_refresh: int


@pytest.fixture(scope="module", params=["azure_openai", "openai_compatible"])
def ran(request, emulator_process, make_home, recipes) -> Ran:
    """Two documents; on the plain server every page is shown to the transcriber besides."""
    emulator_process.reset()
    plain = request.param == "openai_compatible"
    settings = {
        "recipes": str(recipes),
        "judge": {"limit": 2},
        "generation": {"per_chunk": 8 if plain else 4},
        "transcription": {"pages": "all" if plain else "flagged"},
    }
    home = make_home(emulator_process, *MODELS, provider=request.param, **settings)
    if plain:
        home.write(TRAMWAY, "tramway.pdf", "Tramway of Ardle")
        emulator_process.configure(transcriptions=_transcriptions(home.path / "documents"))
    else:
        shutil.copyfile(SAMPLE / "first" / "cards.pdf", home.path / "documents" / "cards.pdf")
    home.refresh()
    served, violations = emulator_process.served(), emulator_process.violations()
    again = home.refresh()
    assert again.out.startswith("everything is up to date")
    return Ran(request.param, home, served, violations, emulator_process.requests() - len(served))


def _transcriptions(documents: Path) -> dict[str, str]:
    """What a model would read on each page but the ferry's last, by the hash of the picture that it is sent."""
    read = {}
    for name, pages in (("ferry.pdf", FERRY[:-1]), ("tramway.pdf", TRAMWAY)):
        for index, lines in enumerate(pages):
            pictures = render((documents / name).read_bytes(), index, View(TranscriptionOptions().longest_side))
            assert isinstance(pictures, list)
            read[hashlib.sha256(pictures[0]).hexdigest()] = "\n\n".join(lines)
    return read


@pytest.fixture(scope="module")
def recipes(request, tmp_path_factory) -> Path:
    """The demo's recipe alone."""
    folder = tmp_path_factory.mktemp("recipes")
    [recipe, *_] = sorted((request.config.rootpath / "recipes").glob("*.yaml"))
    shutil.copyfile(recipe, folder / recipe.name)
    return folder


def test_every_role_was_played_over_http_on_the_providers_own_addresses(ran: Ran) -> None:
    root = "/openai/v1" if ran.provider == "azure_openai" else "/v1"
    assert {entry["status"] for entry in ran.served} == {200}
    assert {entry["path"] for entry in ran.served} == {f"{root}/chat/completions", f"{root}/embeddings"}
    with sqlite3.connect(ran.home.path / "ledger.db") as connection:
        roles = {role for (role,) in connection.execute("select distinct role from calls where real = 0")}
    assert roles >= {*MODELS} - ({"transcriber"} if ran.provider == "azure_openai" else set())


def test_a_page_that_a_model_read_well_is_kept_and_others_fall_back_and_say_so(ran: Ran) -> None:
    if ran.provider == "azure_openai":
        pytest.skip("no page of these documents needs a model to read it")
    read = {row["markdown"] for row in ran.home.last("markdown_pages") if row["method"] == "vision"}
    assert read == {"\n\n".join(lines) for lines in (*FERRY[:-1], *TRAMWAY)}
    pages = len(FERRY) + len(TRAMWAY)
    outcome = ran.home.metadata("markdown_pages")["pages transcribed"]
    assert outcome == {"chosen": pages, "accepted": pages - 1, "fell back": 1}


def test_no_request_breaks_the_services_descriptions(ran: Ran) -> None:
    assert ran.violations == []


def test_questions_are_accepted_with_verbatim_quotes(ran: Ran) -> None:
    pairs = [row for row in ran.home.last("qa_pairs") if row["accepted"]]
    chunks = {row["chunk_id"]: row["text"] for row in ran.home.last("chunks")}
    assert len(pairs) >= 5
    for row in pairs:
        assert row["quotes"]
        for quote in row["quotes"]:
            assert quote["text"] in chunks[row["chunk_id"]]
            assert quote["text"] in parse_answer(row["answer"]).quotes


def test_the_report_is_there_and_says_that_no_real_model_took_part(ran: Ran) -> None:
    [report] = (ran.home.path / "reports").glob("*.html")
    assert "not a real model" in report.read_text(encoding="utf-8").casefold()


def test_every_asset_that_asked_a_model_says_that_it_was_not_real(ran: Ran) -> None:
    for asset in ("contextualized_chunks", "qa_pairs", "chunk_embeddings"):
        assert "not a real model" in ran.home.metadata(asset), asset


def test_a_second_refresh_calls_nobody(ran: Ran) -> None:
    assert ran.calls_of_second_refresh == 0
