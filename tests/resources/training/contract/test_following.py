"""A job is followed to its end by whoever lives: every end is known, and nothing but an end is one."""

import pytest

from resources.training.base import FAILED, SUCCEEDED, TrainingFailed, TrainingUnreachable
from resources.training.book import Order
from resources.training.watching import words_of


def test_a_job_has_one_life_however_many_processes_die_on_the_way(bench, life) -> None:
    assert len(life.jobs) == 1, "one job at the service"
    assert {placed.job.handle.job_id for placed in life.placed} == set(life.jobs)
    assert all(placed.adopted for placed in life.placed), "the first process made it, and died"
    [booked] = life.booked
    assert (booked.status, booked.attempt, booked.idem) == (SUCCEEDED, 1, life.spec.idem())
    assert life.states[-1] == SUCCEEDED
    assert set(life.states[:-1]) <= {"pending", "running"}


def test_a_job_is_finished_once(bench, life) -> None:
    first, second = life.artifacts
    assert first == second
    assert first.location
    [booked] = life.booked
    assert booked.finished_at is not None
    assert [placed.job.finished_at for placed in life.placed[-2:]] == [booked.finished_at] * 2


def test_events_are_all_told_and_each_of_them_once(bench, life) -> None:
    told = [event.event_id for event in life.told]
    assert len(told) == len(set(told))
    assert life.told == life.from_the_start


def test_events_after_the_last_one_are_none(bench) -> None:
    handle, _ = bench.ended("succeeded")
    everything, cursor = bench.trainer().events(handle, "")
    assert list(everything) == list(bench.trainer().events(handle, "")[0])
    assert list(bench.trainer().events(handle, cursor)[0]) == []


def test_a_success_is_a_success_for_every_later_process(bench) -> None:
    handle, _ = bench.ended("succeeded")
    states = [bench.trainer().poll(handle) for _ in range(2)]
    assert [state.phase for state in states] == [SUCCEEDED] * 2
    bench.trainer().cancel(handle)
    assert bench.trainer().poll(handle).phase == SUCCEEDED, "cancelling what is over is harmless"
    assert bench.trainer().find(bench.spec) == handle


@pytest.mark.parametrize("phase", ["failed", "cancelled"])
def test_a_bad_end_is_told_in_the_service_s_words_and_makes_no_model(bench, phase) -> None:
    bench.require("a bad end")
    handle, words = bench.ended(phase)
    state = bench.trainer().poll(handle)
    assert (state.phase, state.terminal) == (phase, True)
    assert words in state.message
    assert bench.trainer().find(bench.spec) is None
    assert bench.alive() == []
    with pytest.raises(TrainingFailed):
        bench.trainer().artifact(handle)


@pytest.mark.parametrize("phase", ["failed", "cancelled"])
def test_what_ended_badly_may_be_submitted_again(bench, phase) -> None:
    bench.require("a bad end")
    bench.ended(phase)
    again = bench.trainer().submit(bench.endless(), bench.data, {})
    assert bench.alive() == [again.job_id]
    assert not bench.trainer().poll(again).terminal


def test_a_run_that_waits_fails_with_the_service_s_words(bench) -> None:
    bench.require("a bad end")
    handle, words = bench.ended("failed")
    with bench.process() as process:
        job = process.book.intend(bench.spec, Order("recipe", "run-1"))
        job = process.watch.follow(process.book.submitted(job, handle), lambda: False)
        assert job.status == FAILED
        assert words in words_of(job)
        with pytest.raises(TrainingFailed) as told:
            process.place(bench.spec, bench.data)
        assert words in str(told.value)
        assert len(bench.jobs()) == 1


def test_a_status_that_nobody_knows_is_no_end(bench) -> None:
    bench.require("unknown status")
    word = bench.confuse()
    handle = bench.trainer().submit(bench.spec, bench.data, {})
    seen = [bench.trainer().poll(handle) for _ in range(8)]
    assert seen[-1].status == word
    assert not any(state.terminal for state in seen)
    assert bench.trainer().submit(bench.spec, bench.data, {}) == handle
    bench.clear_up()
    assert bench.follow(handle).phase == SUCCEEDED
    assert bench.jobs() == [handle.job_id]


def test_cancelling_reaches_the_service(bench) -> None:
    bench.require("running")
    spec = bench.endless()
    handle = bench.trainer().submit(spec, bench.data, {})
    assert bench.alive() == [handle.job_id]
    bench.trainer().cancel(handle)
    bench.trainer().cancel(handle)
    assert bench.follow(handle).phase == "cancelled"
    assert bench.alive() == []
    bench.trainer().cancel(handle)
    assert bench.trainer().find(spec) is None


def test_a_job_past_its_deadline_is_cancelled_and_failed(bench) -> None:
    bench.require("running")
    spec = bench.endless()
    with bench.process() as process:
        job = process.place(spec, bench.data).job
        process.book.clock = lambda: job.submitted_at + 25 * 3600
        while job.open:
            job = process.watch.look(job)
            bench.pause()
    assert job.status == FAILED
    assert "deadline" in words_of(job)
    assert bench.alive() == []


def test_a_model_that_is_missing_is_a_failure(bench) -> None:
    handle = bench.without_artifact()
    with pytest.raises(TrainingFailed):
        bench.trainer().artifact(handle)


def test_a_model_of_a_job_that_runs_is_none(bench) -> None:
    bench.require("running")
    handle = bench.trainer().submit(bench.endless(), bench.data, {})
    with pytest.raises(TrainingFailed):
        bench.trainer().artifact(handle)


@pytest.mark.parametrize("trouble", ["network", "credentials"])
def test_a_service_out_of_reach_is_waited_for_and_the_job_goes_on(bench, trouble) -> None:
    bench.require("unreachable")
    waits = []

    def heal_at_the_third(_seconds: float) -> None:
        waits.append(_seconds)
        if len(waits) == 3:
            bench.heal()

    with bench.process(sleep=heal_at_the_third) as process:
        job = process.place(bench.spec, bench.data).job
        bench.silence(trouble)
        with pytest.raises(TrainingUnreachable):
            process.trainer.poll(job.handle)
        job = process.watch.follow(job, lambda: False)
    assert len(waits) >= 3
    assert job.status == SUCCEEDED
    assert len(bench.jobs()) == 1


def test_whatever_is_asked_of_a_service_without_credentials_is_out_of_reach(bench) -> None:
    bench.require("unreachable")
    handle = bench.trainer().submit(bench.endless(), bench.data, {})
    bench.silence("credentials")
    trainer = bench.trainer()
    for ask in (
        lambda: trainer.poll(handle),
        lambda: trainer.events(handle, ""),
        lambda: trainer.find(bench.spec),
        lambda: trainer.cancel(handle),
        lambda: trainer.artifact(handle),
    ):
        with pytest.raises(TrainingUnreachable):
            ask()
    bench.heal()
    assert bench.alive() == [handle.job_id]
