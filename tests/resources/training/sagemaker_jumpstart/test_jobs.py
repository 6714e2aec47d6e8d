"""Jobs of JumpStart: one per specification whatever happens, every way to end, and what is paid."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from resources.training.base import CapacityLacking, TrainingFailed, TrainingRejected, TrainingUnreachable


def names(sagemaker) -> list[str]:
    return [job["name"] for job in sagemaker.state()["jobs"]]


def test_a_job_is_trained_to_its_model(sagemaker, trainer, spec, data, finish) -> None:
    handle = trainer().submit(spec(), data, {"run": "run-1"})
    assert handle.job_id == f"raftline-{spec().idem()}"
    state = finish(handle)
    assert (state.phase, state.status) == ("succeeded", "Completed")
    made = trainer().artifact(handle)
    assert made.location == sagemaker.state()["jobs"][0]["artifact"]
    assert made.provenance["base_model"] == sagemaker.open
    assert made.provenance["base_revision"] == "2.0.1"
    assert made.provenance["template"] == "{instruction}\n\n{context}"
    assert next((row.step, row.train_loss, row.validation_loss) for row in made.curve) == (1, 2.0, 2.2)
    assert made.metrics["huggingface-textgeneration:eval-loss"] == 0.7333


def test_what_an_emulator_trained_is_not_real(trainer, spec, data) -> None:
    assert "emulator" in trainer().not_real()
    asked = trainer()
    asked.submit(spec(), data, {})
    assert "emulator" in asked.not_real()


def test_making_a_trainer_contacts_nobody(sagemaker, trainer, deployer) -> None:
    trainer(), deployer()
    assert sagemaker.served() == []


@pytest.mark.parametrize("kind", ["500", "reset"])
def test_an_order_that_was_carried_out_but_not_answered_makes_one_job(sagemaker, trainer, spec, data, kind) -> None:
    sagemaker.configure(faults=[{"kind": kind, "operation": "CreateTrainingJob", "when": "after", "times": 1}])
    handle = trainer().submit(spec(), data, {})
    assert names(sagemaker) == [handle.job_id]
    assert len(sagemaker.served("CreateTrainingJob")) == 1


def test_an_order_that_was_not_carried_out_is_not_repeated_blindly(sagemaker, trainer, spec, data) -> None:
    sagemaker.configure(faults=[{"kind": "500", "operation": "CreateTrainingJob", "times": 1}])
    with pytest.raises(TrainingUnreachable, match="500"):
        trainer().submit(spec(), data, {})
    assert len(sagemaker.served("CreateTrainingJob")) == 1
    assert names(sagemaker) == []
    assert trainer().submit(spec(), data, {}).job_id == names(sagemaker)[0]


def test_a_process_that_starts_anew_at_any_moment_adopts_the_job(sagemaker, trainer, spec, data) -> None:
    sagemaker.configure(faults=[{"kind": "expired", "operation": "DescribeTrainingJob", "after": 1, "times": 2}])
    with pytest.raises(TrainingUnreachable):  # the job is made, and then the process is cut off
        trainer().submit(spec(), data, {})
    assert len(names(sagemaker)) == 1
    first = trainer().find(spec())
    assert first is not None
    for _ in range(6):
        again = trainer()
        assert again.submit(spec(), data, {}) == first
        state = again.poll(first)
        again.events(first, "")
    assert state.phase == "succeeded"
    assert trainer().find(spec()) == first
    assert names(sagemaker) == [first.job_id]


def test_a_listing_that_lags_makes_no_second_job(sagemaker, trainer, spec, data) -> None:
    handle = trainer().submit(spec(), data, {})
    sagemaker.configure(listing_lag=100)
    assert trainer().find(spec()) == handle
    assert trainer().submit(spec(), data, {}) == handle
    assert len(names(sagemaker)) == 1


def test_where_every_name_is_said_to_be_taken_nothing_is_tried_for_ever(
    sagemaker, trainer, spec, data, monkeypatch
) -> None:
    monkeypatch.setattr("resources.training.sagemaker_jumpstart.trainer.MOST", 4)
    sagemaker.configure(faults=[{"kind": "ResourceInUse", "operation": "CreateTrainingJob", "message": "it exists"}])
    with pytest.raises(TrainingRejected, match="no name is free"):
        trainer().submit(spec(), data, {})
    assert sagemaker.state()["jobs"] == []


def test_a_name_that_another_process_has_just_taken_is_adopted(sagemaker, trainer, spec, data) -> None:
    handle = trainer().submit(spec(), data, {})
    # The search of the second process sees nothing yet: its order meets the name.
    blind = [{"kind": "ValidationException", "operation": "DescribeTrainingJob", "message": "not found", "times": 1}]
    sagemaker.configure(listing_lag=1, faults=blind)
    assert trainer().submit(spec(), data, {}) == handle
    assert [one["status"] for one in sagemaker.served("CreateTrainingJob")] == [200, 400]


def test_processes_that_submit_at_once_make_one_job(sagemaker, trainer, spec, data, finish) -> None:
    sagemaker.configure(jobs=[{"status": "Failed", "reason": "AlgorithmError: first", "times": 1}])
    finish(trainer().submit(spec(), data, {}))
    with ThreadPoolExecutor(4) as pool:
        handles = list(pool.map(lambda asked: asked.submit(spec(), data, {}), [trainer() for _ in range(4)]))
    assert {handle.job_id for handle in handles} == {f"raftline-{spec().idem()}-2"}
    assert len(names(sagemaker)) == 2


@pytest.mark.parametrize(
    "ending", [{"status": "Failed", "reason": "AlgorithmError: out of memory"}, {"status": "Stopped"}]
)
def test_a_job_that_did_not_succeed_is_not_found_and_followed_by_another(
    sagemaker, trainer, spec, data, finish, ending
) -> None:
    sagemaker.configure(jobs=[{**ending, "times": 1}])
    first = trainer().submit(spec(), data, {})
    finish(first)
    assert trainer().find(spec()) is None
    second = trainer().submit(spec(), data, {})
    assert second.job_id == f"{first.job_id}-2"
    assert finish(second).phase == "succeeded"
    assert trainer().find(spec()) == second
    assert trainer().submit(spec(), data, {}) == second


@pytest.mark.parametrize(
    ("rule", "phase", "words"),
    [
        ({"status": "Completed"}, "succeeded", "saved 70%"),
        ({"status": "Failed", "reason": "AlgorithmError: ExecuteUserScriptError: bad rows"}, "failed", "bad rows"),
        ({"status": "Failed", "reason": "ClientError: no access to the data"}, "failed", "no access to the data"),
        ({"status": "Stopped"}, "cancelled", "stopped"),
        ({"status": "Stopped", "secondary": "MaxRuntimeExceeded"}, "failed", "max_runtime_hours"),
        ({"status": "Stopped", "secondary": "MaxWaitTimeExceeded"}, "failed", "max_wait_hours"),
    ],
)
def test_every_end_of_a_job_is_told_in_the_services_words(
    sagemaker, trainer, spec, data, finish, rule, phase, words
) -> None:
    sagemaker.configure(jobs=[rule])
    state = finish(trainer().submit(spec(), data, {}))
    assert state.phase == phase
    assert words in state.message


@pytest.mark.parametrize("status", ["Rethinking", "Deleting"])
def test_a_status_that_is_unknown_is_no_end(sagemaker, trainer, spec, data, status) -> None:
    sagemaker.configure(jobs=[{"status": status}])
    handle = trainer().submit(spec(), data, {})
    states = [trainer().poll(handle) for _ in range(8)]
    assert states[-1].status == status
    assert not any(state.terminal for state in states)


def test_a_job_that_found_no_room_may_be_submitted_again(sagemaker, trainer, spec, data, finish) -> None:
    reason = "CapacityError: Unable to provision requested ML compute capacity. Please retry."
    sagemaker.configure(jobs=[{"status": "Failed", "reason": reason, "times": 1}])
    first = trainer().submit(spec(), data, {})
    with pytest.raises(CapacityLacking, match="Unable to provision"):
        finish(first)
    assert trainer().find(spec()) is None
    assert finish(trainer().submit(spec(), data, {})).phase == "succeeded"
    assert len(names(sagemaker)) == 2


def test_a_quota_that_is_used_up_is_waited_for_and_one_that_is_zero_is_not(sagemaker, trainer, spec, data) -> None:
    words = "The account-level service limit 'ml.g5.2xlarge for spot training job usage' is {} Instances, with current utilization of 2"
    fault = {"kind": "ResourceLimitExceeded", "operation": "CreateTrainingJob", "times": 1}
    sagemaker.configure(faults=[{**fault, "message": words.format(2)}, {**fault, "message": words.format(0)}])
    with pytest.raises(CapacityLacking, match="spot training job usage"):
        trainer().submit(spec(), data, {})
    with pytest.raises(TrainingRejected, match="Service Quotas"):
        trainer().submit(spec(), data, {})
    assert names(sagemaker) == []


def test_spot_capacity_that_is_taken_back_is_a_pause_and_the_saving_is_told(
    sagemaker, trainer, spec, data, finish
) -> None:
    sagemaker.configure(jobs=[{"interruptions": 1, "billable_share": 0.25}])
    handle = trainer().submit(spec(), data, {})
    phases = []
    while not (state := trainer().poll(handle)).terminal:
        phases.append(state.phase)
    assert "paused" in phases
    assert phases.index("paused") < len(phases) - 1 and phases[-1] == "running"
    assert state.cost is not None
    assert (state.cost.quantity, state.cost.unit, state.cost.usd) == (450.0, "billable seconds", 0.25)
    assert trainer().artifact(handle).metrics["spot_saving"] == 0.75
    assert sagemaker.objects(f"{sagemaker.prefix}/checkpoints/raftline-{spec().idem()}/")


def test_cancelling_reaches_the_service_and_is_harmless_afterwards(sagemaker, trainer, spec, data, finish) -> None:
    sagemaker.configure(jobs=[{"hold": "Training"}])
    handle = trainer().submit(spec(), data, {})
    assert not trainer().poll(handle).terminal
    trainer().cancel(handle)
    assert sagemaker.state()["jobs"][0]["status"] == "Stopping"
    with pytest.raises(CapacityLacking, match="Stopping"):
        trainer().submit(spec(), data, {})
    assert trainer().find(spec()) is None
    assert finish(handle).phase == "cancelled"
    trainer().cancel(handle)
    assert len(sagemaker.served("StopTrainingJob")) == 1


def test_a_model_that_is_not_where_the_job_says_is_a_failure(sagemaker, trainer, spec, data, finish) -> None:
    sagemaker.configure(jobs=[{"artifact": False}])
    handle = trainer().submit(spec(), data, {})
    assert finish(handle).phase == "succeeded"
    with pytest.raises(TrainingFailed, match="is gone"):
        trainer().artifact(handle)


def test_a_job_that_is_not_over_or_not_there_has_no_model(sagemaker, trainer, spec, data) -> None:
    handle = trainer().submit(spec(), data, {})
    with pytest.raises(TrainingFailed, match="InProgress"):
        trainer().artifact(handle)
    sagemaker.reset()
    with pytest.raises(TrainingFailed, match="not there"):
        trainer().artifact(handle)
    assert trainer().poll(handle).phase == "failed"


def test_events_are_told_once_and_in_order(sagemaker, trainer, spec, data) -> None:
    sagemaker.configure(jobs=[{"status": "Failed", "reason": "AlgorithmError: \x1b[31mloss is nan"}])
    handle = trainer().submit(spec(), data, {})
    told, cursor = [], ""
    for _ in range(8):
        found, cursor = trainer().events(handle, cursor)
        told += found
    assert len({event.event_id for event in told}) == len(told)
    lines = [event.message for event in told]
    assert lines.index("Invoking script transfer_learning.py") < lines.index("ERROR AlgorithmError: [31mloss is nan")
    assert [event.level for event in told if "nan" in event.message] == ["error", "error"]
    assert trainer().events(handle, cursor)[0] == []


def test_a_log_that_may_not_be_read_hides_no_status(sagemaker, trainer, spec, data) -> None:
    sagemaker.configure(denied=["DescribeLogStreams", "GetMetricData"])
    handle = trainer().submit(spec(), data, {})
    found, _ = trainer().events(handle, "")
    assert found[0].message.startswith("Starting")
