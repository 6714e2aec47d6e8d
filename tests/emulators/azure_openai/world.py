"""The emulator's memory: its configuration, what it served, files and batches, quotas and prompt caches."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from azure_openai.configuration import Configuration
from azure_openai.faults import Dice
from azure_openai.quota import Window
from azure_openai.tokens import PromptCache

CREATED = 1_760_000_000
"""When everything says that it was made: runs are alike."""


@dataclass
class Exchange:
    """One request and what became of it. `paid`: tokens were spent; `delivered`: a whole, sound answer left.

    `status` is 0 if the connection was broken off. A line of a batch has the method BATCH.
    """

    number: int
    method: str
    path: str
    deployment: str
    headers: dict[str, str]
    body: Any = None
    request_id: str = ""
    status: int = 0
    fault: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    answer: str = ""
    paid: bool = False
    delivered: bool = False


@dataclass
class World:
    """Everything that `reset` forgets."""

    configuration: Configuration
    exchanges: list[Exchange] = field(default_factory=list)
    violations: list[dict[str, Any]] = field(default_factory=list)
    dice: Dice = field(default_factory=Dice)
    windows: dict[str, Window] = field(default_factory=lambda: defaultdict(Window))
    caches: dict[str, PromptCache] = field(default_factory=lambda: defaultdict(PromptCache))
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)
    batches: dict[str, dict[str, Any]] = field(default_factory=dict)
    waiting: dict[str, list[Exchange]] = field(default_factory=dict)
    """What each output file of a batch answers, until it is fetched."""
    in_flight: int = 0
    peak_in_flight: int = 0
    created: int = 0

    def enter(self) -> None:
        self.in_flight += 1
        self.peak_in_flight = max(self.peak_in_flight, self.in_flight)

    def leave(self) -> None:
        self.in_flight -= 1

    def next_id(self, prefix: str) -> str:
        """An identifier like the service's, counted so that runs are alike."""
        self.created += 1
        return f"{prefix}{self.created:032x}"

    def keep(self, filename: str, purpose: str, content: bytes, status: str = "processed") -> dict[str, Any]:
        """Stores a file and describes it."""
        name = self.next_id("file-")
        self.contents[name] = content
        self.files[name] = {
            "id": name,
            "object": "file",
            "bytes": len(content),
            "created_at": CREATED,
            "filename": filename,
            "purpose": purpose,
            "status": status,
            "status_details": None,
        }
        return self.files[name]
