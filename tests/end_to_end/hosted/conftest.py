"""Homes whose models are hosted: every configured role on the emulator, over HTTP, through raftline.yaml."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from resources.tokens import count_tokens
from tests.end_to_end.conftest import Outcome, raftline_here, start
from tests.end_to_end.homes import batches, metadata, rows
from tests.end_to_end.pdfs import make_pdf

KEY_VARIABLE = "PLANTED_KEY"
MODELS = {
    "transcriber": ("gpt-4o", "gpt-4o-2024-08-06"),
    "contextualizer": ("gpt-4o-mini", "gpt-4o-mini-2024-07-18"),
    "teacher": ("gpt-4o-mini", "gpt-4o-mini-2024-07-18"),
    "judge": ("gpt-4o", "gpt-4o-2024-08-06"),
    "embedder": ("text-embedding-3-small", "text-embedding-3-small"),
}
"""Deployment and model that play each role."""

WRITERS = ("contextualizer", "teacher", "embedder")
"""The roles of an ingest."""

FERRY = (
    (
        "# Ferry to Ardle",
        "## Fares",
        "A single crossing costs $7.25 for an adult.",
        "A bicycle costs $2.10 for each trip.",
    ),
    ("## Boarding", "The gate closes 12 minutes before the ferry leaves.", "Dogs travel free in the stern cabin."),
    ("## Lost property", "Lost items are kept for 45 days at the harbour office.", "A search costs $4.50 per item."),
    ("## Groups", "A class of 20 pupils pays $60.00 for one crossing.", "A seat can be booked 14 days ahead."),
    ("## Weather", "Crossings stop when the wind is above 75 km an hour.", "A refund arrives within 5 days."),
)
TRAMWAY = tuple(
    (
        f"## Line {line}",
        f"A ride on line {line} costs ${line}.{line}5 for an adult.",
        f"A child pays $0.{line}8 on line {line} before noon.",
        f"Lost items of line {line} are kept for {line + 20} days in the depot.",
        f"Line {line} carries {line + 300} people in an hour.",
        f"The first car of line {line} leaves {line + 31} minutes after sunrise.",
        f"A season card for line {line} costs ${line + 50}.00 in the kiosk.",
        f"Dogs on line {line} need a ticket of $1.{line}0 each.",
        f"A broken seat on line {line} is mended within {line + 3} weeks.",
    )
    for line in range(1, 5)
)
"""Pages with as many facts as a student needs to learn from."""

QUESTIONS = (
    {"question": "What does it cost to take my bike on the ferry to Ardle?", "answer": "$2.10", "page": 1},
    {"question": "How long are lost items kept at the harbour office?", "answer": "45 days", "page": 3},
)


@dataclass(frozen=True)
class Home:
    """A home and the raftline.yaml it runs with."""

    path: Path
    config: Path
    key: str

    @property
    def _variables(self) -> dict[str, str]:
        return {"RAFTLINE_CONFIG": str(self.config), KEY_VARIABLE: self.key}

    def with_key(self, key: str) -> "Home":
        """The same home, used with another key."""
        return replace(self, key=key)

    def run(self, *args: str, **more: str) -> Outcome:
        """Runs a command in this process."""
        return raftline_here(self.path, *args, **self._variables, **more)

    def start(self, *args: str, **more: str) -> Any:
        """Starts a command in a process of its own."""
        return start(self.path, *args, **self._variables, **more)

    def refresh(self) -> Outcome:
        """Refreshes; raises with everything that was said if that failed."""
        outcome = self.run("refresh")
        assert outcome.code == 0, outcome.text[-4000:]
        return outcome

    def rows(self, table: str, batch: str = "") -> list[dict[str, Any]]:
        return rows(self.path, table, batch) if batch else rows(self.path, table)

    def last(self, table: str) -> list[dict[str, Any]]:
        """The rows of the latest batch."""
        return self.rows(table, batches(self.path)[-1])

    def metadata(self, asset: str) -> dict[str, Any]:
        """What the latest batch's run of an asset said."""
        return metadata(self.path, asset, batches(self.path)[-1])

    def set(self, **settings: object) -> None:
        """Changes settings of raftline.yaml."""
        content = yaml.safe_load(self.config.read_text(encoding="utf-8"))
        self.config.write_text(yaml.safe_dump({**content, **settings}), encoding="utf-8")

    def write(self, pages: Sequence[Sequence[str]], name: str = "ferry.pdf", title: str = "Ferry to Ardle") -> None:
        """Puts a document into the corpus."""
        make_pdf(self.path / "documents" / name, pages, title)


MakeHome = Callable[..., Home]


def role(name: str, emulator: Any, provider: str) -> dict[str, object]:
    """A role's settings on the emulator."""
    deployment, model = MODELS[name]
    common: dict[str, object] = {"provider": provider, "model": model, "api_key_variable": KEY_VARIABLE}
    if provider == "azure_openai":
        return {**common, "endpoint": emulator.url, "deployment": deployment}
    return {**common, "endpoint": emulator.compatible}


@pytest.fixture(scope="session")
def make_home(tmp_path_factory: pytest.TempPathFactory) -> MakeHome:
    """Makes homes with the ferry's document and questions, and the named roles on an emulator."""

    def make(emulator: Any, *names: str, provider: str = "azure_openai", key: str = "", **settings: object) -> Home:
        folder = tmp_path_factory.mktemp("hosted")
        recipes = folder / "recipes"
        recipes.mkdir()
        roles = {name: role(name, emulator, provider) for name in names or WRITERS}
        config = folder / "raftline.yaml"
        content = {"roles": roles, "recipes": str(recipes), **settings}
        config.write_text(yaml.safe_dump(content), encoding="utf-8")
        home = Home(folder / "home", config, key or emulator.key)
        home.write(FERRY)
        questions = home.path / "questions"
        questions.mkdir()
        lines = [json.dumps({**question, "document": "ferry.pdf", "use": "test"}) for question in QUESTIONS]
        (questions / "harbour.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return home

    return make


@pytest.fixture(scope="session")
def tariffs() -> list[dict[str, Any]]:
    """Chunks of invented tariffs as the stages take them: three documents of ten, three facts each."""
    return [_tariff(document, line) for document in range(3) for line in range(10)]


def _tariff(document: int, line: int) -> dict[str, Any]:
    text = (
        f"A ride on line {line} costs ${document + 2}.{line}5 for an adult. "
        f"Lost items of line {line} are kept for {line + 20} days. "
        f"Line {line} carries {line + 300} people in an hour."
    )
    return {
        "chunk_id": f"c{document}-{line}",
        "document_id": f"d{document}",
        "version": f"v{document}",
        "page_start": line,
        "page_end": line,
        "char_start": 0,
        "char_end": len(text),
        "heading_path": ["Tariff", f"Line {line}"],
        "text": text,
        "tokens": count_tokens(text),
    }
