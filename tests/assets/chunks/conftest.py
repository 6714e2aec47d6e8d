"""A contextualizer that is reached over HTTP, and a document cut into chunks."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from assets.chunks.packing import chunk_document
from resources.llm.models import ChatModel
from resources.llm.resource import ModelsResource
from resources.llm.roles import Role

SUBJECTS = ("Everyday", "Student", "Savings", "Travel")


@pytest.fixture
def contextualizer(emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., ChatModel]]:
    """Opens the contextualizer's role on the emulator: `contextualizer(context_window=4096)`."""
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", emulator.key)
    with ExitStack() as stack:

        def open_role(**settings: Any) -> ChatModel:
            role = Role(
                provider="azure_openai",
                model="gpt-4o-2024-08-06",
                deployment="gpt-4o",
                endpoint=emulator.url,
                **settings,
            )
            resource = ModelsResource(ledger_url=f"sqlite:///{tmp_path / 'ledger.db'}", roles={"contextualizer": role})
            return stack.enter_context(resource.open("run")).chat("contextualizer")

        yield open_role


@pytest.fixture
def embedded_contextualizer(tmp_path: Path) -> Iterator[ChatModel]:
    """The deterministic contextualizer behind the gateway."""
    with ModelsResource(ledger_url=f"sqlite:///{tmp_path / 'embedded.db'}").open("run") as opened:
        yield opened.chat("contextualizer")


@pytest.fixture
def pages() -> list[str]:
    """The Markdown of a guide to four accounts, a page each, with two sections of several sentences on every page."""
    return [
        "\n\n".join(
            [
                f"# {subject} account",
                "## Fees",
                " ".join(f"The {subject} account asks {number} dollars for service {number}." for number in range(20)),
                "## Opening",
                " ".join(f"Step {number} of opening a {subject} account is form {number}." for number in range(20)),
            ]
        )
        for subject in SUBJECTS
    ]


@pytest.fixture
def chunks_of() -> Callable[[list[str]], list[dict[str, Any]]]:
    """The chunks of a document with these pages."""

    def cut(pages: list[str], max_tokens: int = 120) -> list[dict[str, Any]]:
        rows = [{"page": number, "markdown": markdown} for number, markdown in enumerate(pages)]
        return chunk_document("guide", "v1", rows, max_tokens, "Guide to accounts")

    return cut
