"""What a scan decides, as a table of lives: each is decided by the pure functions and by the sensor on a real folder.

The week (tests/end_to_end/test_week.py) leads them all side by side under a daemon. The table is lives.yaml.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import dagster as dg
import pytest
import yaml

from orchestration.jobs import INGEST
from orchestration.planning import AssetState, RefreshState, phase_runs
from orchestration.sensors import build_sensors
from orchestration.settings import Settings
from orchestration.wiring import build_resources
from resources.corpus.batches import current_entries, plan_batches
from resources.corpus.manifest import Entry, Listed, Manifest
from resources.corpus.source import SourceUnavailable
from resources.errors import RaftlineError, UnreadableDocument
from resources.lake.tables import BATCH_MARKERS

Day = Mapping[str, str] | None
Decision = list[list[str]]
LIMIT = 3

LIVES = [
    pytest.param(life["days"], life["decisions"], id=name)
    for name, life in yaml.safe_load((Path(__file__).parent / "lives.yaml").read_text(encoding="utf-8")).items()
]


def words(manifest: Manifest) -> list[str]:
    return [_word(entry) for entry in manifest.entries]


def _word(entry: Entry) -> str:
    name = entry.uri.removesuffix(".pdf")
    if entry.duplicate_of:
        return f"{name}={entry.duplicate_of.removesuffix('.pdf')}"
    return f"-{name}" if entry.tombstone else f"+{name}"


@pytest.mark.parametrize(("days", "expected"), LIVES)
def test_the_decision_depends_on_what_is_known_and_what_is_listed(days: list[Day], expected: list[Decision]) -> None:
    frozen: list[Manifest] = []
    for day, decision in zip(days, expected, strict=True):
        listed = None if day is None else [Listed(f"{name}.pdf", text, 1, text) for name, text in day.items()]
        planned = plan_batches(listed, current_entries(frozen), len(frozen) + 1, LIMIT)
        assert [words(manifest) for manifest in planned] == decision
        frozen += planned


class Life:
    """A home whose sensor ticks once a day; batches are done at once, save those that fail."""

    def __init__(self, settings: Settings, instance: dg.DagsterInstance):
        self.settings, self.instance = settings, instance
        self.resources = build_resources(settings)
        self.folder = settings.home_folder.parent / "pdfs"
        self.clock = 1_700_000_000

    def dawn(self, day: Day, seconds: int) -> None:
        """Makes the folder look like this; its clock moves by so many seconds, which may be back."""
        self.clock += seconds
        away = self.folder.with_name("unmounted")
        if day is None:
            self.folder.rename(away)
            return
        if away.exists():
            away.rename(self.folder)
        for path in self.folder.iterdir():
            path.unlink()
        for name, text in day.items():
            path = self.folder / f"{name}.pdf"
            path.write_text(text)
            os.utime(path, (self.clock, self.clock))

    def tick(self) -> list[dg.RunRequest]:
        [sensor] = [one for one in build_sensors(self.settings) if one.name == "document_sensor"]
        try:
            result = sensor(dg.build_sensor_context(instance=self.instance))
        except RaftlineError as error:
            assert "cannot be listed" in str(error)
            return []
        return list(result.run_requests) if isinstance(result, dg.SensorResult) else []

    def manifests(self) -> list[Manifest]:
        return self.resources["corpus"].manifests().load()

    def finish(self, batch: str) -> None:
        self.resources["lake"].open().write(BATCH_MARKERS, [], batch)


@pytest.fixture
def life(project: Callable[..., Settings]) -> Iterator[Life]:
    settings = project(documents="pdfs", batches={"max_documents": LIMIT})
    with dg.DagsterInstance.ephemeral() as instance:
        made = Life(settings, instance)
        made.folder.mkdir()
        yield made


@pytest.mark.parametrize("seconds", [86_400, -86_400], ids=["clock forwards", "clock backwards"])
@pytest.mark.parametrize(("days", "expected"), LIVES)
def test_the_sensor_decides_the_same_whatever_the_clock_says(
    life: Life, days: list[Day], expected: list[Decision], seconds: int
) -> None:
    seen = 0
    for day, decision in zip(days, expected, strict=True):
        life.dawn(day, seconds)
        requests = life.tick()
        new = life.manifests()[seen:]
        assert [words(manifest) for manifest in new] == decision
        assert [request.partition_key for request in requests] == [manifest.key for manifest in new]
        for manifest in new:
            life.finish(manifest.key)
        seen += len(new)
    assert life.tick() == []
    assert life.instance.get_dynamic_partitions("document_batches") == [one.key for one in life.manifests()]
    assert [one.sequence for one in life.manifests()] == list(range(1, seen + 1))


def test_a_batch_that_fails_is_asked_for_under_its_old_key_and_holds_up_no_other(life: Life) -> None:
    life.dawn({"a": "1"}, 1)
    [failing] = life.tick()
    life.dawn({"a": "1", "b": "2"}, 1)
    requests = life.tick()
    assert [request.run_key for request in requests] == [one.key for one in life.manifests()]
    assert requests[0].run_key == failing.run_key, "Dagster makes one run for each key"
    life.finish(requests[1].partition_key or "")
    assert [request.run_key for request in life.tick()] == [failing.run_key]


def test_a_document_that_changes_while_its_batch_runs_is_a_batch_of_its_own(life: Life) -> None:
    keys = []
    for text in "123":
        life.dawn({"a": text}, 1)
        keys.append([request.run_key for request in life.tick()])
    first, second, third = (manifest.key for manifest in life.manifests())
    assert keys == [[first], [first, second], [first, second, third]]
    [listed] = life.manifests()[1].entries
    with pytest.raises(RaftlineError, match="changed since it was listed"):
        life.resources["corpus"].source().read(listed)


def test_a_folder_that_goes_away_while_its_batch_runs_is_no_fault_of_its_documents(life: Life) -> None:
    life.dawn({"a": "1"}, 1)
    life.tick()
    [listed] = life.manifests()[0].entries
    life.dawn(None, 1)
    with pytest.raises(SourceUnavailable, match="cannot be listed"):
        life.resources["corpus"].source().read(listed)
    life.dawn({}, 1)
    with pytest.raises(UnreadableDocument, match="gone from the source"):
        life.resources["corpus"].source().read(listed)


def test_ticks_at_once_and_a_scan_by_hand_ask_for_the_same_run(life: Life) -> None:
    life.dawn({"a": "1"}, 1)
    asked = [life.tick(), life.tick()]
    assert life.resources["corpus"].scan(LIMIT) == []
    assert len({request.run_key for requests in asked for request in requests}) == 1


STAGES = INGEST.assets
KEYS = ("000001-a", "000002-b", "000003-c")


def ingested(stale: tuple[str, ...], batches: tuple[str, ...]) -> RefreshState:
    """Three batches of which some were made by older code of some stages."""
    old, new = {"code": "1"}, {"code": "2"}
    assets = {
        (stage, key): AssetState(new, old if stage in stale and key in batches else new)
        for stage in STAGES
        for key in KEYS
    }
    return RefreshState(KEYS, (), assets, {})


@pytest.mark.parametrize(
    ("stale", "made_by_it", "expected"),
    [
        pytest.param((), (), [], id="nothing changed"),
        pytest.param(("chunks",), KEYS, list(KEYS), id="one stage, every batch"),
        pytest.param(("chunks",), KEYS[1:], list(KEYS[1:]), id="a backfill that got as far as the first batch"),
        pytest.param(("chunks", "qa_pairs"), KEYS, list(KEYS), id="two stages, one run for each batch"),
        pytest.param(("batch_markers",), KEYS[:1], list(KEYS[:1]), id="a marker alone"),
    ],
)
def test_a_backfill_runs_the_batches_that_older_code_made(stale, made_by_it, expected) -> None:
    runs = phase_runs(INGEST, ingested(stale, made_by_it))
    assert [run.partition for run in runs] == expected
    assert all(run.assets == STAGES[STAGES.index(stale[0]) :] for run in runs), "that stage and what follows it"
    assert all(run.reason == f"{stale[0]}: code has changed" for run in runs)
