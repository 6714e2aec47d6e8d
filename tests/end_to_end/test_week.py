"""A week in the life of a home: seven scans by the daemon, an outage, a crash; then it holds what a rebuild would hold.

Beside the documents that the week tells of, all lives of tests/orchestration/lives.yaml are led in it, each in a folder of
its own.
"""

import hashlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from resources.corpus.manifest import Entry, Manifest
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
LIFE = ["# Life", "A birth is told for $1.75."]
LIVES = yaml.safe_load((ROOT / "tests" / "orchestration" / "lives.yaml").read_text(encoding="utf-8"))
MOST = 30
"""Documents in a batch of the week: the first scan makes two."""


class Source:
    """The document folder, and what its versions hold: every PDF made here is known by its hash."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.pages: dict[str, list[tuple[str, ...]]] = {}

    def put(self, name: str, *pages: list[str], title: str = "") -> None:
        """Makes a PDF elsewhere and moves it in, as a careful person would: a scan never sees half of it."""
        draft = make_pdf(self.folder.with_name("draft.pdf"), pages, title)
        self.pages[hashlib.sha256(draft.read_bytes()).hexdigest()] = [tuple(page) for page in pages]
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        draft.replace(self.folder / name)

    @contextmanager
    def away(self) -> Generator[None]:
        """The folder is gone for the time of a block: no scan sees half of the changes in it."""
        place, self.folder = self.folder, self.folder.rename(self.folder.with_name("unmounted"))
        yield
        self.folder = self.folder.rename(place)

    def files(self) -> dict[str, bytes]:
        """The content of every file by its path."""
        found = (path for path in self.folder.rglob("*") if path.is_file())
        return {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in found}

    def move_in(self, name: str, content: bytes) -> None:
        draft = self.folder.with_name("draft.pdf")
        draft.write_bytes(content)
        draft.replace(self.folder / name)


class Lives:
    """The documents of all lives: the days of each are led on days of the week, an outage on its Wednesday."""

    clock = 2_000_000_000
    """The time stamps of the files run backwards, a day with each dawn."""

    def __init__(self, source: Source):
        self._source = source
        self._days = {life: _by_weekday(told["days"]) for life, told in LIVES.items()}
        self._decided: dict[str, list[list[str]]] = {life: [] for life in LIVES}
        self._seen = 0

    def dawn(self, weekday: str) -> None:
        """Makes the folders of the lives look like this day. The source must be away."""
        self.clock -= 86_400
        for life in self._of(weekday):
            folder = self._source.folder / "lives" / life
            wanted = LIVES[life]["days"][self._days[life][weekday]]
            for path in folder.glob("*"):
                path.unlink()
            for name, text in wanted.items():
                self._source.put(f"lives/{life}/{name}.pdf", LIFE, title=f"{life}: {text}")
                os.utime(folder / f"{name}.pdf", (self.clock, self.clock))

    def dusk(self, weekday: str, manifests: list[Manifest]) -> None:
        """Writes down what was decided since the last dusk."""
        entries = [entry for manifest in manifests[self._seen :] for entry in manifest.entries]
        self._seen = len(manifests)
        for life in self._of(weekday):
            start = f"lives/{life}/"
            own = [replace(entry, uri=entry.uri.removeprefix(start)) for entry in entries if start in entry.uri]
            self._decided[life].append([_word(entry) for entry in own])

    def decided(self) -> dict[str, list[list[str]]]:
        return self._decided

    def bury_copies(self) -> None:
        """Removes what ended as a copy: a rebuild might take it for the original."""
        for life, told in LIVES.items():
            for word in [word for batch in told["decisions"][-1] for word in batch if "=" in word]:
                (self._source.folder / "lives" / life / f"{word.split('=')[0]}.pdf").unlink()

    def _of(self, weekday: str) -> list[str]:
        return [life for life, days in self._days.items() if weekday in days]


def _by_weekday(days: list[Any]) -> dict[str, int]:
    """Which day of a life is led on which day of the week."""
    if None not in days:
        return dict(zip(("Monday", "Tuesday", "Thursday"), range(len(days)), strict=False))
    outage = days.index(None)
    return {"Wednesday": outage, "Thursday": outage + 1} | ({"Monday": 0} if outage else {})


def _word(entry: Entry) -> str:
    """An entry as lives.yaml writes it."""
    name = entry.uri.removesuffix(".pdf")
    if entry.duplicate_of:
        return f"{name}={Path(entry.duplicate_of).stem}"
    return f"-{name}" if entry.tombstone else f"+{name}"


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
            "RAFTLINE_BATCHES__MAX_DOCUMENTS": str(MOST),
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
        _wait(lambda: self.corpus.pending(MOST) == [], "a scan")
        return len(self.manifests())

    def manifests(self) -> list[Manifest]:
        return self.corpus.manifests().load()

    @contextmanager
    def source_away(self) -> Generator[None]:
        """The source is gone for the time of a block, at a moment when no run reads from it."""
        listed, lake = len(self.manifests()), Lake(self.home / "lake")
        _wait(lambda: len(lake.partitions(RAW_PDFS)) == listed, "what was listed to be received")
        with self.source.away():
            yield

    def scan_at_once(self) -> None:
        """Two scans by hand at the same moment, beside the daemon's."""
        both = threading.Barrier(2)

        def scan() -> None:
            both.wait()
            self.corpus.scan(MOST)

        scans = [threading.Thread(target=scan) for _ in range(2)]
        for one in scans:
            one.start()
        for one in scans:
            one.join()

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
    source, folder, lives = week.source, week.source.folder, Lives(week.source)
    # Monday: four documents arrive, and the lives begin.
    source.put("fees.pdf", FEES, LIMITS, title="Fees")
    source.put("cards.pdf", CARDS, title="Cards")
    source.put("ferry.pdf", FERRY, title="Ferry")
    source.put("market.pdf", MARKET, LIMITS, title="Market")
    lives.dawn("Monday")
    with week.dev():
        assert week.scanned() == 2
        lives.dusk("Monday", week.manifests())
        # Tuesday: one page of a document changes, another document arrives.
        with week.source_away():
            source.put("fees.pdf", DEARER, LIMITS, title="Fees")
            source.put("loans.pdf", LOANS, title="Loans")
            lives.dawn("Tuesday")
        listed = week.scanned()
        lives.dusk("Tuesday", week.manifests())
        # Wednesday: the source is gone.
        with week.source_away():
            failed = week.failed_scans()
            _wait(lambda: week.failed_scans() > failed, "a scan to fail")
            assert len(week.manifests()) == listed
            lives.dusk("Wednesday", week.manifests())
            # Thursday: a file is renamed, another only gets a new title, a third is removed. Then the machine crashes.
            (source.folder / "cards.pdf").rename(source.folder / "plastic.pdf")
            source.put("ferry.pdf", FERRY, title="Ferry to Ardle")
            (source.folder / "market.pdf").unlink()
            lives.dawn("Thursday")
        thursday = week.scanned()
        lives.dusk("Thursday", week.manifests())
        _wait(lambda: week.at_work_on(thursday), "the run of Thursday's batch")
        week.kill()
    with week.dev():
        # Friday: a copy appears; a newer version cannot be read.
        source.move_in("plastic-too.pdf", (folder / "plastic.pdf").read_bytes())
        last_good = (folder / "loans.pdf").read_bytes()
        source.move_in("loans.pdf", b"%PDF-1.7 and then the disk was full")
        friday = week.scanned()
        # Saturday: what was removed comes back; a document changes, and changes again while its batch runs.
        with week.source_away():
            source.put("market.pdf", MARKET, LIMITS, title="Market")
            source.put("fees.pdf", DEAREST, LIMITS, title="Fees")
        week.scan_at_once()
        assert len(week.manifests()) == friday + 1
        # Sunday: an old state returns; the original of the copy is removed, and so are the copies of the lives.
        with week.source_away():
            source.put("fees.pdf", FEES, LIMITS, title="Fees")
            (source.folder / "plastic.pdf").unlink()
            lives.bury_copies()
        final = source.files() | {"loans.pdf": last_good}
        rebuilt = rebuild(tmp_path / "rebuilt", final, week.settings)  # meanwhile the daemon works
        week.scanned()
        versions = {name: hashlib.sha256(content).hexdigest() for name, content in final.items()}
        _wait(lambda: week.settled(versions), "the week's work to be done")

    assert lives.decided() == {
        life: [[word for batch in day for word in batch] for day in told["decisions"]] for life, told in LIVES.items()
    }
    assert max(len(manifest.entries) for manifest in week.manifests()) == MOST
    inventory = {row["uri"]: row["status"] for row in rows(week.home, "document_inventory")}
    led = {uri: inventory.pop(uri) for uri in list(inventory) if uri.startswith("lives/")}
    assert {uri for uri, status in led.items() if status == "current"} == {uri for uri in final if uri in led}
    assert set(led.values()) == {"current", "withdrawn"}
    assert inventory == {
        "cards.pdf": "withdrawn", "fees.pdf": "current", "ferry.pdf": "current", "loans.pdf": "kept_last_good",
        "market.pdf": "current", "plastic.pdf": "withdrawn", "plastic-too.pdf": "current",
    }  # fmt: skip
    with instance_of(week.home) as instance:
        failures = [run for run in instance.get_runs() if not run.is_success]
    assert failures, "the crash must have hit a run"
    assert all("raftline/killed" in run.tags for run in failures)

    corpora = [Lake(home / "lake").read(CORPUS).drop_columns(list(HISTORY)) for home in (week.home, rebuilt)]
    assert corpora[0].num_rows >= len(final)
    assert corpora[0].equals(corpora[1])

    assert week.pages_parsed() == len(week.pages_received())
    assert {tuple(page) for page in (FEES, DEARER, LIMITS, CARDS, FERRY, MARKET, LOANS, LIFE)} <= week.pages_received()


def rebuild(home: Path, documents: dict[str, bytes], settings: dict[str, str]) -> Path:
    """A home that saw nothing but these documents."""
    for name, content in documents.items():
        path = home / "documents" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    succeeded(raftline_here(home, "refresh", **settings))
    return home


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
        time.sleep(0.25)
