"""What is handed from process to process is plain text, and making a trainer or a deployer asks nobody."""

from resources.training.base import JobHandle, TrainingSpec
from resources.training.serving import EndpointHandle

RAFT = {"rag"}


def test_making_a_trainer_and_a_deployer_contacts_nobody(bench) -> None:
    trainer, deployer = bench.trainer(), bench.deployer()
    assert trainer.backend == deployer.backend == bench.backend
    assert trainer.capabilities >= RAFT
    assert bench.trainers().hosted() == ([] if trainer.runs_here else [bench.backend])
    trainer.data_format({}), trainer.code_version(), trainer.destination
    assert bench.requests() == 0


def test_a_handle_and_a_specification_survive_being_written_down(bench) -> None:
    handle, _ = bench.ended("succeeded")
    assert JobHandle.from_json(handle.to_json()) == handle
    assert (handle.backend, handle.idem) == (bench.backend, bench.spec.idem())
    again = TrainingSpec.from_json(bench.spec.to_json())
    assert (again, again.idem()) == (bench.spec, bench.spec.idem())


def test_a_handle_that_was_read_back_is_as_good_as_the_first(bench) -> None:
    handle, _ = bench.ended("succeeded")
    read = JobHandle.from_json(handle.to_json())
    assert bench.trainer().poll(read) == bench.trainer().poll(handle)
    assert bench.trainer().artifact(read) == bench.trainer().artifact(handle)


def test_an_endpoint_survives_being_booked(bench) -> None:
    bench.require("endpoints")
    endpoint = bench.deployer().deploy(bench.base, "raftline-evaluation-1", "evaluation", bench.now(), {})
    with bench.endpoint_book() as book:
        book.up(endpoint, "raftline", "run-1")
        booked = book.find(bench.backend, endpoint.name)
    assert isinstance(booked.handle, EndpointHandle)
    assert booked.handle == endpoint
    assert bench.deployer().status(booked.handle).phase != "gone"
