"""One specification is one job: whoever asks, however often, at the same time, and whatever becomes of the answer."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from resources.training.base import CapacityLacking, TrainingUnreachable


def test_a_specification_submitted_twice_is_one_job_and_another_one_is_not(bench) -> None:
    spec = bench.endless()
    first = bench.trainer().submit(spec, bench.data, {"owner": "tests"})
    assert bench.trainer().submit(spec, bench.data, {"owner": "others"}) == first
    assert bench.trainer().find(spec) == first
    assert bench.jobs() == [first.job_id]
    assert bench.trainer().find(replace(spec, seed=99)) is None


def test_an_equal_specification_of_other_data_is_another_job(bench) -> None:
    spec = bench.endless()
    first = bench.trainer().submit(spec, bench.data, {})
    second = bench.trainer().submit(replace(spec, dataset_version="d2"), bench.data, {})
    assert sorted(bench.jobs()) == sorted([first.job_id, second.job_id])
    assert first.job_id != second.job_id


def test_processes_that_want_the_same_at_once_make_one_job(bench) -> None:
    spec = bench.endless()
    bench.at_once(*[lambda process: process.place(spec, bench.data)] * 3)
    assert len(bench.jobs()) == 1
    with bench.process() as process:
        [job] = process.book.history(5)
        assert (job.handle.job_id, job.attempt) == (bench.jobs()[0], 1)


def test_threads_that_want_the_same_at_once_make_one_job(bench) -> None:
    spec = bench.endless()

    def want(_number: int) -> str:
        with bench.process(sleep=time.sleep) as process:
            return process.place(spec, bench.data).job.handle.job_id

    with ThreadPoolExecutor(3) as pool:
        assert set(pool.map(want, range(3))) == set(bench.jobs())
    assert len(bench.jobs()) == 1


@pytest.mark.parametrize("kind", ["500", "reset"])
def test_an_order_that_was_carried_out_without_an_answer_is_one_job(bench, kind) -> None:
    bench.require("a lost answer")
    bench.lose_answer(kind)
    with bench.process() as process:
        placed = process.place(bench.spec, bench.data)
    assert bench.jobs() == [placed.job.handle.job_id]
    with bench.process() as process:
        again = process.place(bench.spec, bench.data)
    assert (again.adopted, again.job.handle) == (True, placed.job.handle)
    assert len(bench.jobs()) == 1


def test_an_order_that_came_to_nothing_is_no_job_and_what_was_uploaded_is_used_again(bench) -> None:
    bench.require("upload")
    bench.lose_order()
    with bench.process() as process, pytest.raises(TrainingUnreachable):
        process.place(bench.spec, bench.data)
    uploaded = bench.uploads()
    assert uploaded
    assert bench.jobs() == []
    with bench.process() as process:
        placed = process.place(bench.spec, bench.data)
        assert [job.attempt for job in process.book.history(5)] == [1]
    assert bench.jobs() == [placed.job.handle.job_id]
    assert bench.uploads() == uploaded


def test_a_service_without_room_is_asked_again_later(bench) -> None:
    bench.require("full")
    bench.fill()
    with bench.process() as process, pytest.raises(CapacityLacking):
        process.place(bench.spec, bench.data)
    assert bench.jobs() == []
    bench.make_room()
    with bench.process() as process:
        assert not process.place(bench.spec, bench.data).adopted
    assert len(bench.jobs()) == 1
