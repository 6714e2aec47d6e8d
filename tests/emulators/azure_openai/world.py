"""The emulator's memory: its configuration, what it served, files, batches, jobs and deployments, quotas, its clock."""

import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from azure_openai.configuration import Configuration
from azure_openai.faults import Dice
from azure_openai.quota import Window
from azure_openai.tokens import PromptCache

if TYPE_CHECKING:
    from azure_openai.hosting import Hosted

CREATED = 1_760_000_000
"""When everything says that it was made: runs are alike."""


@dataclass
class Exchange:
    """One request and what became of it. `paid`: tokens were spent; `delivered`: a whole, sound answer left.

    `status` is 0 if the connection was broken off. A line of a batch has the method BATCH. `model` is what the
    deployment had been told to load.
    """

    number: int
    method: str
    path: str
    deployment: str
    headers: dict[str, str]
    body: Any = None
    model: str = ""
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
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    tuned: dict[str, str] = field(default_factory=dict)
    """What was tuned here, and from which base model."""
    hosted: "list[Hosted]" = field(default_factory=list)
    """Every deployment that there ever was, in the order of creation."""
    operations: "dict[str, Hosted]" = field(default_factory=dict)
    started: float = field(default_factory=time.time)
    hours: float = 0.0
    """How far a test advanced the clock."""
    in_flight: int = 0
    peak_in_flight: int = 0
    created: int = 0

    @property
    def now(self) -> float:
        """The emulator's time in seconds since 1970: it stands still unless a test advances it."""
        return self.started + 3600 * self.hours

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
            "created_at": int(self.now) if purpose.startswith("fine-tune") else CREATED,
            "filename": filename,
            "purpose": purpose,
            "status": status,
            **({"status_details": None} if self.configuration.dialect == "observed" else {}),
        }
        return self.files[name]
