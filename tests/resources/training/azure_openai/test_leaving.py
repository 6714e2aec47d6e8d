"""What leaves passes the door: allowed hosts alone, logged, without identifiers, over TLS; no message holds a secret."""

import json
import traceback
from dataclasses import replace

import pytest

from resources.egress.log import EgressLog
from resources.egress.policy import EgressDenied, EgressOptions
from resources.errors import RaftlineError
from resources.training.azure_openai.deployer import AzureDeployer
from resources.training.azure_openai.trainer import AzureTrainer
from resources.training.base import TrainingRejected, TrainingUnreachable
from resources.training.serving import DeploymentFailed


def test_every_departure_is_logged_with_its_size(options, spec, data, student, soon, tmp_path) -> None:
    folder = str(tmp_path / "egress")
    AzureTrainer(options=options(), egress_folder=folder).submit(replace(spec, seed=8), data, {})
    AzureDeployer(options=options(), egress_folder=folder).deploy(student, "eval-1", "evaluation", soon, {})
    logged = EgressLog(tmp_path / "egress").read().to_pylist()
    assert {row["purpose"] for row in logged} == {"training", "deploying"}
    assert {row["host"] for row in logged} == {"127.0.0.1"}
    assert sum(row["bytes"] > 0 for row in logged) == 2  # the job and the deployment; its files were there


def test_a_host_that_is_not_allowed_is_never_contacted(emulator, options, spec, student, soon) -> None:
    shut = EgressOptions(allow=["house.openai.azure.com"])
    hosted = options(endpoint="https://other.openai.azure.com")
    with pytest.raises(EgressDenied, match=r"egress\.allow.*trainers\.azure_openai\.endpoint"):
        AzureTrainer(options=hosted, egress=shut).find(spec)
    managed = options(management={"endpoint": "https://management.azure.com", **emulator.management})
    with pytest.raises(EgressDenied, match=r"egress\.allow.*trainers\.azure_openai\.management\.endpoint"):
        AzureDeployer(options=managed, egress=shut).list_owned()
    asked = [one["path"] for one in emulator.served() if one["path"].startswith("/subscriptions")]
    assert asked == []


def test_a_row_that_still_holds_an_identifier_is_not_uploaded(emulator, options, spec, data) -> None:
    told = {
        "messages": [
            {"role": "user", "content": "Write to jane.doe@example.com"},
            {"role": "assistant", "content": "x"},
        ]
    }
    rows = data.files["train.jsonl"] + json.dumps(told).encode() + b"\n"
    trainer = AzureTrainer(options=options(), egress=EgressOptions(redact="always"))
    with pytest.raises(TrainingRejected, match="still held an identifier"):
        trainer.submit(spec, replace(data, files={"train.jsonl": rows}), {})
    assert emulator.files() == emulator.jobs() == []


@pytest.mark.parametrize("auth", ["key", "entra"])
def test_no_failure_holds_a_secret_anywhere(
    emulator, make_trainer, make_deployer, spec, data, student, soon, auth
) -> None:
    failures: list[BaseException] = []
    trainer, deployer = make_trainer(auth=auth), make_deployer(auth=auth)
    handle = trainer.submit(spec, data, {})
    kinds = ("401", "403", "404", "400", "429", "500", "reset", "truncated")
    for fault in ({"kind": kind, "path": path} for kind in kinds for path in ("/openai/", "/subscriptions")):
        emulator.configure(faults=[fault])
        for ask in (
            lambda: trainer.poll(handle),
            lambda: trainer.submit(replace(spec, seed=9), data, {}),
            lambda: deployer.deploy(student, "eval-1", "evaluation", soon, {}),
        ):
            try:
                ask()
            except RaftlineError as error:
                failures.append(error)
    emulator.configure(faults=[], key="another", echo_key=True, expired_tokens=True)
    for ask in (lambda: trainer.poll(handle), lambda: trainer.preflight(spec, data), deployer.list_owned):
        with pytest.raises(RaftlineError) as failed:
            ask()
        failures.append(failed.value)
    assert {type(failure) for failure in failures} >= {TrainingRejected, TrainingUnreachable, DeploymentFailed}
    for failure in failures:
        told = "".join(traceback.format_exception(failure))
        assert emulator.key not in told
        assert "entra-http" not in told  # how every token of the emulator begins


def test_the_shipped_way_over_tls_trusts_the_house_s_own_authority(
    emulator, tls, options, spec, data, student, soon
) -> None:
    egress = EgressOptions(ca_bundle=str(tls.authority))
    secured = options(endpoint=tls.url, management={"endpoint": tls.url, **emulator.management})
    assert AzureTrainer(options=secured, egress=egress).find(spec) is not None
    deployer = AzureDeployer(options=secured, egress=egress)
    deployer.deploy(student, "eval-1", "evaluation", soon, {})
    assert [one["loaded"] for one in emulator.deployments()] == [[student.location]]
    for stranger in (AzureDeployer(options=secured).list_owned, lambda: AzureTrainer(options=secured).find(spec)):
        with pytest.raises((TrainingUnreachable, TrainingRejected), match=r"(?i)certificate"):
            stranger()
