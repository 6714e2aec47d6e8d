"""No endpoint outlives its time: whatever became of the run that brought it up, the sweeper takes it down."""

import pytest

from resources.training.sweeping import Sweep, sweep
from tests.resources.training.contract.bench import TTL_HOURS, Bench
from tests.resources.training.contract.process import Process, kill_me


def _serve_and_die(bench: Bench, moment: str):
    """The work of a run that is killed while its endpoint is up, or before its handle was written down."""
    student = bench.student()

    def work(process: Process) -> None:
        endpoints = bench.endpoints_of(process, "run-1")
        if moment == "before the handle":
            endpoints.book.up = kill_me
        with endpoints.serve(student):
            kill_me()

    return work


def _swept(bench: Bench) -> Sweep:
    with bench.endpoint_book() as book:
        return sweep(bench.trainers(), book)


@pytest.mark.parametrize("moment", ["while it is asked", "before the handle"])
def test_the_endpoint_of_a_killed_run_ends_with_its_time_and_so_does_its_cost(bench, moment) -> None:
    bench.require("endpoints")
    bench.killed(_serve_and_die(bench, moment))
    [name] = bench.endpoints()
    bench.advance(hours=TTL_HOURS - 0.5)
    assert (_swept(bench).removed, bench.endpoints()) == ([], [name])
    bench.advance(hours=1)
    removed = []
    for _ in range(5):  # a service does not delete what is still coming up
        done = _swept(bench)
        removed += done.removed
        if not bench.remains():
            break
        bench.deployer().status(done.waiting[0].handle)
    assert [booking.handle.name for booking in removed] == [name]
    spent = bench.cost()
    assert spent > 0
    bench.advance(hours=100)
    assert (bench.remains(), bench.cost()) == ([], spent)
    with bench.endpoint_book() as book:
        assert book.bookings() == []
    assert _swept(bench).removed == []


def test_an_endpoint_that_no_book_knows_is_swept_by_its_tags(bench) -> None:
    bench.require("endpoints")
    bench.killed(_serve_and_die(bench, "while it is asked"))
    for file in bench.folder.glob("ledger.db*"):
        file.unlink()
    bench.advance(hours=TTL_HOURS + 0.1)
    assert len(_swept(bench).removed) == 1
    assert bench.remains() == []
