"""Endpoints serve the tuned weights, carry when they end, and leave nothing behind."""

from datetime import timedelta

import pytest

from resources.training.base import TrainingUnreachable
from resources.training.serving import EndpointHandle

NAME = "raftline-evaluation-1"


def test_a_student_is_served_with_its_own_weights_and_not_the_base_s(bench) -> None:
    student = bench.student()
    works = {}
    for name, model in ((NAME, student), ("raftline-evaluation-2", bench.base)):
        endpoint = bench.deployer().deploy(model, name, "evaluation", bench.now(), {})
        assert bench.settled(endpoint) == "ready"
        works[model.model_id] = bench.works_with(endpoint, model)
    assert works[student.model_id] == bench.is_of(student)
    assert works[bench.base.model_id] == bench.is_of(bench.base)
    assert works[student.model_id] != works[bench.base.model_id]


def test_answers_are_filed_under_the_student_s_name_and_never_the_endpoint_s(bench) -> None:
    student = bench.student()
    endpoint = bench.deployer().deploy(student, NAME, "evaluation", bench.now(), {})
    assert bench.settled(endpoint) == "ready"
    identity = bench.deployer().target(endpoint, student, bench.data).provider.identity
    assert (identity.provider, identity.model) == (bench.backend, student.name)
    assert bench.deployer().identity(student) in (None, identity)


def test_deploying_is_done_once(bench) -> None:
    student, until = bench.student(), bench.now() + timedelta(hours=2)
    first = bench.deployer().deploy(student, NAME, "evaluation", until, {"run": "run-1"})
    assert bench.deployer().deploy(student, NAME, "evaluation", until, {"run": "run-2"}) == first
    assert bench.endpoints() == ([NAME] if first.name else [])
    assert first.model_id == student.model_id
    assert (first.name, first.expires_at) in ((NAME, until), ("", None))


@pytest.mark.parametrize("kind", ["500", "reset"])
def test_an_endpoint_whose_order_was_not_answered_is_one_endpoint(bench, kind) -> None:
    bench.require("endpoints")
    student = bench.student()
    bench.lose_deployment(kind)
    with bench.process() as process:
        endpoints = bench.endpoints_of(process, "run-1")
        with endpoints.brought_up(student) as endpoint:
            endpoints.wait_ready(endpoint)
            assert bench.endpoints() == [endpoint.name]
        endpoints.close()
    assert bench.remains() == []


def test_an_endpoint_is_listed_with_whose_it_is_and_until_when(bench) -> None:
    bench.require("endpoints")
    student, until = bench.student(), bench.now() + timedelta(hours=2)
    endpoint = bench.deployer().deploy(student, NAME, "evaluation", until, {"owner": "raftline"})
    assert list(bench.deployer().list_owned()) == [endpoint]
    assert (endpoint.purpose, endpoint.model_id, endpoint.expires_at) == ("evaluation", student.model_id, until)
    assert endpoint.usd_per_hour
    assert endpoint.created_at
    later = bench.deployer().renew(endpoint, until + timedelta(hours=1))
    assert later.expires_at == until + timedelta(hours=1)
    assert list(bench.deployer().list_owned()) == [later]
    assert bench.deployer().renew(endpoint, None).expires_at is None


def test_what_is_taken_down_leaves_nothing_and_costs_nothing(bench) -> None:
    bench.require("endpoints")
    endpoint = bench.deployer().deploy(bench.student(), NAME, "evaluation", bench.now(), {"owner": "raftline"})
    assert bench.settled(endpoint) == "ready"
    bench.advance(hours=1)
    assert bench.cost() > 0
    bench.deployer().undeploy(endpoint)
    bench.deployer().undeploy(endpoint)
    assert bench.settled(endpoint) == "gone"
    assert (bench.remains(), list(bench.deployer().list_owned())) == ([], [])
    spent = bench.cost()
    bench.advance(hours=100)
    assert bench.cost() == spent


def test_an_intent_is_enough_to_take_an_endpoint_down(bench) -> None:
    bench.require("endpoints")
    student = bench.student()
    endpoint = bench.deployer().deploy(student, NAME, "evaluation", bench.now(), {"owner": "raftline"})
    assert bench.settled(endpoint) == "ready"
    intent = EndpointHandle(bench.backend, NAME, student.model_id, "evaluation")
    bench.deployer().undeploy(intent)
    assert bench.deployer().status(intent).phase == "gone"
    assert bench.remains() == []


def test_what_serves_in_this_process_is_ready_and_there_is_nothing_to_take_down(bench) -> None:
    if "endpoints" not in bench.exempt:
        pytest.skip(f"{bench.backend}: students are deployed at the service")
    student = bench.student()
    endpoint = bench.deployer().deploy(student, NAME, "evaluation", bench.now(), {})
    assert (endpoint.name, endpoint.usd_per_hour) == ("", 0.0)
    bench.deployer().undeploy(endpoint)
    bench.deployer().undeploy(endpoint)
    assert (bench.deployer().status(endpoint).phase, list(bench.deployer().list_owned())) == ("ready", [])


def test_a_service_without_credentials_is_out_of_reach_for_endpoints_too(bench) -> None:
    bench.require("endpoints")
    endpoint = bench.deployer().deploy(bench.base, NAME, "evaluation", bench.now(), {"owner": "raftline"})
    bench.silence("credentials")
    deployer = bench.deployer()
    for ask in (lambda: deployer.status(endpoint), deployer.list_owned, lambda: deployer.undeploy(endpoint)):
        with pytest.raises(TrainingUnreachable):
            ask()
    bench.heal()
    assert bench.endpoints() == [NAME]
