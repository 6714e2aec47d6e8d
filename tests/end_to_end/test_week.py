"""A week in the life of a home: seven scans by the daemon, an outage, a crash; then it holds what a rebuild would hold."""

import hashlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest

from resources.corpus.resource import CorpusResource
from resources.lake.lake import Lake
from resources.lake.tables import CORPUS, RAW_PDFS
from tests.end_to_end.conftest import ROOT, environment, raftline_here, succeeded
from tests.end_to_end.homes import instance_of, rows
from tests.end_to_end.pdfs import make_pdf

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="processes are looked for in /proc"),
]

PATIENCE = 240.0
HISTORY = ("sequence",)
"""Columns of the corpus that say when a document came; they may differ from those of a rebuild."""

FEES = ["# Fees", "A card costs $4.50 a month."]
DEARER = ["# Fees", "A card costs $5.25 a month."]
DEAREST = ["# Fees", "A card costs $6.75 a month."]
LIMITS = ["# Limits", "You may draw $400 a day."]
CARDS = ["# Cards", "A lost card is replaced within 5 days."]
FERRY = ["# Ferry", "A crossing costs $7.25."]
MARKET = ["# Market", "A stall costs $18.50 a day."]
LOANS = ["# Loans", "The rate is 3.9 percent a year."]


class Source:
    """The document folder, and what its versions hold: every PDF made here is known by its hash."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.pages: dict[str, list[tuple[str, ...]]] = {}

    def put(self, name: str, *pages: list[str], title: str = "") -> None:
        """Makes a PDF elsewhere and moves it in, as a careful person would: a scan never sees half of it."""
        draft = make_pdf(self.folder.with_name("draft.pdf"), pages, title)
        self.pages[hashlib.sha256(draft.read_bytes()).hexdigest()] = [tuple(page) for page in pages]
        draft.replace(self.folder / name)

    def move_in(self, name: str, content: bytes) -> None:
        draft = self.folder.with_name("draft.pdf")
        draft.write_bytes(content)
        draft.replace(self.folder / name)


class Week:
    """A home with a daemon over it, watched from outside."""

    def __init__(self, folder: Path):
        self.home = folder / "home"
        self.source = Source(self.home / "documents")
        self.source.folder.mkdir(parents=True)
        self.corpus = CorpusResource(documents=str(self.source.folder), state=str(self.home / "corpus"))
        (folder / "recipes").mkdir()
        self.settings = {
            "RAFTLINE_RECIPES": str(folder / "recipes"),  # empty: nothing is trained, nothing published
            "RAFTLINE_SCAN_SECONDS": "5",
            "RAFTLINE_GENERATION__PER_CHUNK": "1",
        }

    @contextmanager
    def dev(self) -> Generator[None]:
        """`raftline dev` for the time of a block; at its end every process of the home is killed."""
        command = [sys.executable, "-m", "orchestration.cli", "dev", "--port", str(_free_port())]
        with (self.home / "dev.log").open("a") as log:
            server = subprocess.Popen(
                command,
                env=environment(self.home, **self.settings),
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
            try:
                yield
            finally:
                self.kill()
                server.wait(60)

    def kill(self) -> None:
        """kill -9 of `raftline dev`, its daemon, its runs and their parsers, at the same moment."""
        for _ in range(3):  # a process may be giving birth to another
            for process in _processes_of(self.home):
                try:
                    os.kill(process, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            time.sleep(0.1)

    def scanned(self) -> int:
        """Waits until everything in the folder has its batch, one or two for a day; returns how many there are."""
        _wait(lambda: self.corpus.pending(500) == [], "a scan")
        return len(self.corpus.manifests().load())

    def failed_scans(self) -> int:
        with instance_of(self.home) as instance:
            [sensor] = [one for one in instance.all_instigator_state() if one.name == "document_sensor"]
            ticks = instance.get_ticks(sensor.instigator_origin_id, sensor.selector_id)
        return sum(tick.status.value == "FAILURE" for tick in ticks)

    def at_work_on(self, batch: int) -> bool:
        with instance_of(self.home) as instance:
            started = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
        return any(run.tags.get("dagster/partition", "").startswith(f"{batch:06d}-") for run in started)

    def settled(self, versions: dict[str, str]) -> bool:
        """Whether no run is left and the corpus holds these documents in these versions."""
        lake = Lake(self.home / "lake")
        if lake.version(CORPUS) is None:
            return False
        found = {row["uri"]: row["version"] for row in lake.rows(CORPUS)}
        with instance_of(self.home) as instance:
            return found == versions and all(run.is_finished for run in instance.get_runs())

    def pages_parsed(self) -> int:
        """What all materializations of the pages together say that they parsed."""
        with instance_of(self.home) as instance:
            records = instance.fetch_materializations(dg.AssetKey("markdown_pages"), limit=1000).records
        return sum(int(record.asset_materialization.metadata["pages parsed"].value) for record in records)

    def pages_received(self) -> set[tuple[str, ...]]:
        """The distinct pages of all versions that were ever received."""
        lake = Lake(self.home / "lake")
        received = [row for batch in lake.partitions(RAW_PDFS) for row in lake.rows(RAW_PDFS, batch)]
        return {page for row in received if row["status"] == "ok" for page in self.source.pages[row["version"]]}


@pytest.fixture
def week(tmp_path: Path) -> Iterator[Week]:
    made = Week(tmp_path)
    yield made
    made.kill()


def test_after_a_week_of_changes_an_outage_and_a_crash_the_corpus_is_that_of_a_rebuild(
    week: Week, tmp_path: Path
) -> None:
    source, folder = week.source, week.source.folder
    with week.dev():
        # Monday: four documents arrive.
        source.put("fees.pdf", FEES, LIMITS, title="Fees")
        source.put("cards.pdf", CARDS, title="Cards")
        source.put("ferry.pdf", FERRY, title="Ferry")
        source.put("market.pdf", MARKET, LIMITS, title="Market")
        assert week.scanned() >= 1
        # Tuesday: one page of a document changes, another document arrives.
        source.put("fees.pdf", DEARER, LIMITS, title="Fees")
        source.put("loans.pdf", LOANS, title="Loans")
        listed = week.scanned()
        # Wednesday: the source is gone.
        _wait(lambda: len(Lake(week.home / "lake").partitions(RAW_PDFS)) == listed, "what was listed to be received")
        failed = week.failed_scans()
        folder.rename(folder.with_name("unmounted"))
        _wait(lambda: week.failed_scans() > failed, "a scan to fail")
        assert len(week.corpus.manifests().load()) == listed
        folder.with_name("unmounted").rename(folder)
        # Thursday: a file is renamed, another only gets a new title, a third is removed. Then the machine crashes.
        (folder / "cards.pdf").rename(folder / "plastic.pdf")
        source.put("ferry.pdf", FERRY, title="Ferry to Ardle")
        (folder / "market.pdf").unlink()
        thursday = week.scanned()
        _wait(lambda: week.at_work_on(thursday), "the run of Thursday's batch")
        week.kill()
    with week.dev():
        # Friday: a copy appears; a newer version cannot be read.
        source.move_in("plastic-too.pdf", (folder / "plastic.pdf").read_bytes())
        last_good = (folder / "loans.pdf").read_bytes()
        source.move_in("loans.pdf", b"%PDF-1.7 and then the disk was full")
        week.scanned()
        # Saturday: what was removed comes back; a document changes, and changes again while its batch runs.
        source.put("market.pdf", MARKET, LIMITS, title="Market")
        source.put("fees.pdf", DEAREST, LIMITS, title="Fees")
        week.scanned()
        # Sunday: an old state returns; the original of the copy is removed.
        source.put("fees.pdf", FEES, LIMITS, title="Fees")
        (folder / "plastic.pdf").unlink()
        week.scanned()

        final = {path.name: path.read_bytes() for path in folder.iterdir()} | {"loans.pdf": last_good}
        versions = {name: hashlib.sha256(content).hexdigest() for name, content in final.items()}
        _wait(lambda: week.settled(versions), "the week's work to be done")

    assert week.corpus.manifests().load()[-1].sequence >= 6
    inventory = {row["uri"]: row["status"] for row in rows(week.home, "document_inventory")}
    assert inventory == {
        "cards.pdf": "withdrawn", "fees.pdf": "current", "ferry.pdf": "current", "loans.pdf": "kept_last_good",
        "market.pdf": "current", "plastic.pdf": "withdrawn", "plastic-too.pdf": "current",
    }  # fmt: skip
    with instance_of(week.home) as instance:
        failures = [run for run in instance.get_runs() if not run.is_success]
    assert failures, "the crash must have hit a run"
    assert all("raftline/killed" in run.tags for run in failures)

    rebuilt = tmp_path / "rebuilt"
    (rebuilt / "documents").mkdir(parents=True)
    for name, content in final.items():
        (rebuilt / "documents" / name).write_bytes(content)
    succeeded(raftline_here(rebuilt, "refresh", **week.settings))
    corpora = [Lake(home / "lake").read(CORPUS).drop_columns(list(HISTORY)) for home in (week.home, rebuilt)]
    assert corpora[0].num_rows >= len(final)
    assert corpora[0].equals(corpora[1])

    assert week.pages_parsed() == len(week.pages_received())
    assert {tuple(page) for page in (FEES, DEARER, LIMITS, CARDS, FERRY, MARKET, LOANS)} <= week.pages_received()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _processes_of(home: Path) -> list[int]:
    """All processes whose environment names this home."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"RAFTLINE_HOME={home}\0" in (folder / "environ").read_text(errors="replace"):
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def _wait(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.5)
