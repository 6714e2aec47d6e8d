"""A batch whose run failed: asked for again by the sensor if the cause passes, ever more seldom, and not for ever."""

from collections.abc import Callable, Iterator
from typing import Any

import dagster as dg
import pymupdf
import pytest

from orchestration.definitions import build_defs
from orchestration.execution import end_dead_runs
from orchestration.jobs import INGEST
from orchestration.retrying import FIRST_PAUSE, LONGEST_PAUSE, MOST_FAILURES, Past, pasts, pause
from orchestration.sensors import build_sensors
from orchestration.settings import Settings
from orchestration.wiring import build_resources
from resources.corpus.source import SourceUnavailable
from resources.errors import LakeError, SettingsError
from resources.lake.tables import RAW_PDFS
from resources.llm.batch import BatchPending
from resources.llm.budget import BudgetReached
from resources.llm.lanes import ModelCallFailed, RequestRefused
from resources.llm.ledger import LedgerError

BATCH = "000001-aaaaaaaa"
LAST = "0123456789abcdef"
AGAIN = f"{BATCH}~01234567"
OUTAGE = "no answer"


@pytest.mark.parametrize(
    ("past", "now", "key", "waits"),
    [
        pytest.param(Past(), 0.0, BATCH, 0.0, id="it never ran"),
        pytest.param(Past(LAST, running=True), 0.0, None, None, id="it is at work"),
        pytest.param(Past(LAST, running=True, cause=OUTAGE, failures=2), 1e9, None, None, id="it is at work again"),
        pytest.param(Past(LAST), 1e9, None, None, id="it succeeded, or a person cancelled it"),
        pytest.param(Past(LAST, failures=1), 1e9, None, None, id="it failed through what does not pass"),
        pytest.param(Past(LAST, killed=True, kills=3, ended_at=100.0), 100.0, AGAIN, 0.0, id="it was killed"),
        pytest.param(Past(LAST, killed=True, kills=4, ended_at=100.0), 110.0, AGAIN, 50.0, id="it may be what kills"),
        pytest.param(Past(LAST, killed=True, kills=50, ended_at=0.0), 1e9, None, None, id="it kills"),
        pytest.param(Past(LAST, cause=OUTAGE, failures=1, kills=50), 1e9, AGAIN, 0.0, id="it failed after many kills"),
        pytest.param(Past(LAST, cause=OUTAGE, failures=1, ended_at=100.0), 110.0, AGAIN, 50.0, id="the pause goes on"),
        pytest.param(Past(LAST, cause=OUTAGE, failures=1, ended_at=100.0), 160.0, AGAIN, 0.0, id="the pause is over"),
        pytest.param(Past(LAST, cause=OUTAGE, failures=2, ended_at=100.0), 160.0, AGAIN, 60.0, id="the next is longer"),
        pytest.param(Past(LAST, cause=OUTAGE, failures=49, ended_at=0.0), 3599.0, AGAIN, 1.0, id="the longest"),
        pytest.param(Past(LAST, cause=OUTAGE, failures=50, ended_at=0.0), 1e9, None, None, id="enough is enough"),
        pytest.param(Past(LAST, cause=OUTAGE, failures=1, ended_at=1e9), 0.0, AGAIN, 0.0, id="the clock went back"),
    ],
)
def test_the_next_run_of_a_batch_depends_on_its_past_alone(past, now, key, waits) -> None:
    assert past.key(BATCH) == key
    if key:
        assert past.waits(now) == waits


def test_pauses_grow_to_their_bound() -> None:
    pauses = [pause(failures) for failures in range(1, MOST_FAILURES)]
    assert pauses[:4] == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE, 8 * FIRST_PAUSE]
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE
    assert 24 * 3600 < sum(pauses) < 72 * 3600


class Home:
    """A home with one document and a sensor whose clock the test moves; its runs are those of a stand-in, or real."""

    def __init__(self, settings: Settings, instance: dg.DagsterInstance):
        self.settings, self.instance = settings, instance
        self.now = 0.0
        settings.documents_folder.mkdir()

    def tick(self, later: float = 0.0) -> list[dg.RunRequest] | str:
        """The sensor's requests so long after the last run ended, or what it says instead."""
        records = self.instance.get_run_records(limit=1)
        self.now = (records[0].end_time or 0.0 if records else 0.0) + later
        [sensor] = [one for one in build_sensors(self.settings, lambda: self.now) if one.name == "document_sensor"]
        result = sensor(dg.build_sensor_context(instance=self.instance))
        return list(result.run_requests) if isinstance(result, dg.SensorResult) else str(result.skip_message)

    def run(self, request: dg.RunRequest, error: BaseException | None = None) -> None:
        """Makes the run that was asked for, as the daemon would, and lets it end with this error."""

        @dg.op
        def stage() -> None:
            if error:
                raise error

        @dg.job(name=INGEST.job)
        def ingest() -> None:
            stage()

        tags = {"dagster/run_key": request.run_key or "", "dagster/partition": request.partition_key or ""}
        ingest.execute_in_process(instance=self.instance, tags=tags, raise_on_error=False)

    def ingest(self, request: dg.RunRequest) -> bool:
        """Makes the real run."""
        job = build_defs(self.settings).resolve_job_def(INGEST.job)
        tags = {"dagster/run_key": request.run_key or ""}
        done = job.execute_in_process(
            instance=self.instance, partition_key=request.partition_key, tags=tags, raise_on_error=False
        )
        return done.success


@pytest.fixture
def home(project: Callable[..., Settings]) -> Iterator[Home]:
    with dg.DagsterInstance.ephemeral() as instance:
        made = Home(project(documents="pdfs"), instance)
        (made.settings.documents_folder / "a.pdf").write_bytes(b"one")
        yield made


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "error",
    [
        SourceUnavailable("the store does not answer"),
        ModelCallFailed("role teacher: no answer for 600 s"),
        BatchPending("role teacher: batch_1: still at work"),
        LedgerError("the disk is full"),
        ConnectionResetError("the line is dead"),
        caused(RuntimeError("in a library"), TimeoutError("too late")),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_batch_that_failed_through_what_passes_is_asked_for_again_after_a_pause(home, error) -> None:
    [first] = home.tick()
    home.run(first, error)
    said = home.tick(FIRST_PAUSE - 1)
    assert "is tried again in 1 s (1 failed; " in said
    [second] = home.tick(FIRST_PAUSE)
    assert second.partition_key == first.partition_key
    assert second.run_key != first.run_key
    assert home.tick(FIRST_PAUSE) == [second], "asked for again under the same key until Dagster has made the run"
    home.run(second, error)
    assert isinstance(home.tick(FIRST_PAUSE), str), "the second pause is longer"
    [third] = home.tick(2 * FIRST_PAUSE)
    assert len({first.run_key, second.run_key, third.run_key}) == 3


@pytest.mark.parametrize(
    "error",
    [
        LakeError("a repeated key"),
        SettingsError("roles.teacher: no model"),
        BudgetReached("budget.per_run_usd is 1.00 USD"),
        RequestRefused("role embedder: a text of 9000 tokens is refused"),
        KeyError("chunk_id"),
        caused(LakeError("the table is damaged"), ConnectionResetError("while it was explained")),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_batch_that_failed_through_what_does_not_pass_waits_for_people(home, error) -> None:
    [first] = home.tick()
    home.run(first, error)
    assert "`raftline refresh` tries it again" in home.tick(1e9)


def test_a_batch_that_was_stopped_with_its_server_is_asked_for_as_soon_as_there_is_one_again(home) -> None:
    [first] = home.tick()
    home.run(first, KeyboardInterrupt())
    [second] = home.tick()
    assert second.run_key != first.run_key


def test_a_batch_whose_process_dies_is_tried_again_ever_more_seldom(home) -> None:
    [first] = home.tick()
    tags = {"dagster/run_key": first.run_key, "dagster/partition": first.partition_key}
    run = dg.DagsterRun(job_name=INGEST.job, status=dg.DagsterRunStatus.STARTED, tags=tags)
    home.instance.report_run_failed(home.instance.add_run(run))  # as Dagster does when it misses the process
    assert "(1 failed; its process died without a word)" in home.tick(FIRST_PAUSE - 1)
    [second] = home.tick(FIRST_PAUSE)
    assert second.run_key != first.run_key


def test_an_outage_without_end_is_not_tried_for_ever(home) -> None:
    [request] = home.tick()
    for _ in range(3):
        home.run(request, SourceUnavailable("gone"))
        [request] = home.tick(LONGEST_PAUSE)
    batch = request.partition_key
    known = pasts(home.instance, [batch])[batch]
    assert known.failures == 3
    assert Past(known.last, cause=known.cause, failures=MOST_FAILURES - 1).key(batch)
    assert Past(known.last, cause=known.cause, failures=MOST_FAILURES).key(batch) is None


def test_whoever_makes_the_run_a_batch_at_work_is_not_asked_for(home) -> None:
    [first] = home.tick()
    tags = {"dagster/partition": first.partition_key}  # as `raftline refresh` submits it
    by_hand = dg.DagsterRun(job_name=INGEST.job, status=dg.DagsterRunStatus.STARTED, tags=tags)
    home.instance.add_run(by_hand)
    assert "at work" in home.tick()
    end_dead_runs(home.instance)
    [second] = home.tick()
    assert second.run_key != first.run_key


def test_a_batch_that_waits_holds_up_no_other(home) -> None:
    [first] = home.tick()
    home.run(first, SourceUnavailable("gone"))
    (home.settings.documents_folder / "b.pdf").write_bytes(b"two")
    [other] = home.tick(1)
    assert other.partition_key.startswith("000002-")


def test_a_source_that_goes_away_under_a_real_run_fails_it_and_the_next_one_makes_the_batch(home) -> None:
    folder = home.settings.documents_folder
    with pymupdf.open() as document:
        document.new_page().insert_text((72, 72), "A crossing costs $7.25.")
        document.save(folder / "a.pdf")
    [first] = home.tick()
    folder.rename(folder.with_name("unmounted"))
    assert not home.ingest(first)
    folder.with_name("unmounted").rename(folder)
    assert "cannot be listed" in home.tick(1)
    [second] = home.tick(FIRST_PAUSE)
    assert home.ingest(second)
    lake: Any = build_resources(home.settings)["lake"].open()
    assert [row["status"] for row in lake.rows(RAW_PDFS, second.partition_key)] == ["ok"]
    assert "nothing new" in home.tick(1e9)
