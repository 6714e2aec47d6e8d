"""What is told of a job that runs or is over: its state, events, cost and model; a service out of reach means waiting."""

from dataclasses import replace

import pytest

from resources.training.base import CapacityLacking, TrainingFailed, TrainingUnreachable


def test_a_job_goes_through_its_phases_with_the_service_s_own_words(trainer, spec, data, follow) -> None:
    states = follow(trainer, trainer.submit(spec, data, {}))
    assert [(state.phase, state.status) for state in states] == [
        ("pending", "queued"),
        ("running", "running"),
        ("running", "running"),
        ("succeeded", "succeeded"),
    ]


def test_unknown_states_and_pauses_are_not_the_end(emulator, trainer, spec, data, follow) -> None:
    emulator.configure(job_statuses=["pending", "frobnicating", "paused", "pausing", "running", "succeeded"])
    states = follow(trainer, trainer.submit(spec, data, {}))
    assert [state.phase for state in states] == ["running", "paused", "paused", "running", "succeeded"]


@pytest.mark.parametrize(("status", "phase"), [("failed", "failed"), ("cancelled", "cancelled")])
def test_a_bad_end_is_told_and_makes_no_model(emulator, trainer, spec, data, follow, status, phase) -> None:
    emulator.configure(job_statuses=["pending", status], job_error={"code": "contentFilter", "message": "Row 3 is bad"})
    handle = trainer.submit(spec, data, {})
    [state] = follow(trainer, handle)
    assert (state.phase, state.message) == (phase, "Row 3 is bad (contentFilter)" if status == "failed" else "")
    with pytest.raises(TrainingFailed, match="names no model"):
        trainer.artifact(handle)


def test_a_job_that_ended_for_lack_of_room_may_be_submitted_again(emulator, trainer, spec, data) -> None:
    emulator.configure(job_statuses=["pending", "failed"], job_error={"code": "quotaExceeded", "message": "No GPUs"})
    with pytest.raises(CapacityLacking, match="No GPUs"):
        trainer.poll(trainer.submit(spec, data, {}))


def test_a_job_that_was_deleted_is_a_failed_one(trainer, spec, data) -> None:
    handle = replace(trainer.submit(spec, data, {}), job_id="ftjob-gone")
    assert (trainer.poll(handle).phase, trainer.poll(handle).status) == ("failed", "deleted")


def test_a_job_at_a_former_resource_is_not_taken_for_deleted(trainer, make_trainer, spec, data) -> None:
    handle = trainer.submit(spec, data, {})
    with pytest.raises(TrainingUnreachable, match=r"is at 127\.0\.0\.1, and .* names other\.openai\.azure\.com"):
        make_trainer(endpoint="https://other.openai.azure.com").poll(handle)


def test_cancelling_reaches_the_service_and_is_harmless_afterwards(emulator, trainer, spec, data, follow) -> None:
    handle = trainer.submit(spec, data, {})
    trainer.cancel(handle)
    trainer.cancel(handle)
    trainer.cancel(replace(handle, job_id="ftjob-gone"))
    assert [job["status"] for job in emulator.jobs()] == ["cancelled"]
    assert follow(trainer, handle)[-1].phase == "cancelled"


def test_events_come_once_oldest_first_and_go_on_where_another_process_stopped(
    emulator, trainer, make_trainer, spec, data, follow
) -> None:
    handle = trainer.submit(spec, data, {})
    first, cursor = trainer.events(handle, "")
    follow(trainer, handle)
    later, end = make_trainer().events(handle, cursor)
    assert [event.message for event in [*first, *later]][::4] == [
        f"Created fine-tuning job: {handle.job_id}",
        "Job is succeeded",
    ]
    assert len({event.event_id for event in [*first, *later]}) == len(first) + len(later) == 5
    assert trainer.events(handle, end) == ([], end)


def test_a_cursor_that_the_service_forgot_does_not_bring_everything_back(trainer, spec, data, follow) -> None:
    handle = trainer.submit(spec, data, {})
    follow(trainer, handle)
    newest = trainer.events(handle, "")[1].split()[0]
    again, _ = trainer.events(handle, f"{newest} ftevent-forgotten")
    assert [event.message for event in again] == ["Job is succeeded"]


def test_what_was_trained_is_paid_by_the_token(make_trainer, spec, data, follow) -> None:
    trainer = make_trainer(usd_per_million_training_tokens=25.0)
    cost = follow(trainer, trainer.submit(spec, data, {}))[-1].cost
    quote = trainer.quote(spec, data)
    assert cost.unit == "trained tokens"
    assert cost.usd == pytest.approx(cost.quantity * 25e-6)
    assert 0.5 < quote.usd / cost.usd < 2
    assert "in 2 epochs" in quote.basis
    assert make_trainer().quote(spec, data).usd is None


@pytest.mark.parametrize("encoded", [False, True])
def test_a_finished_job_tells_its_model_and_its_curve(emulator, trainer, spec, data, follow, encoded) -> None:
    emulator.configure(results_base64=encoded)
    handle = trainer.submit(spec, data, {})
    follow(trainer, handle)
    artifact = trainer.artifact(handle)
    [job] = emulator.jobs()
    assert artifact.location == artifact.provenance["fine_tuned_model"] == job["fine_tuned_model"]
    assert artifact.location.endswith(f"-raft-{spec.idem()[:8]}")
    assert artifact.metrics["trained_tokens"] == job["trained_tokens"]
    assert (artifact.metrics["train_loss"], artifact.metrics["validation_loss"]) == (0.1667, 0.21)
    assert [row.step for row in artifact.curve if row.validation_loss is not None] == [3, 6, 9, 12]
    assert [name.rsplit("-", 1)[1] for name in artifact.provenance["checkpoints"].split()] == ["6", "12"]


def test_a_job_that_succeeded_without_a_model_made_nothing(emulator, trainer, spec, data, follow) -> None:
    emulator.configure(names_model=False)
    handle = trainer.submit(spec, data, {})
    follow(trainer, handle)
    with pytest.raises(TrainingFailed, match="is succeeded and names no model"):
        trainer.artifact(handle)


def test_a_handle_of_another_specification_is_not_believed(trainer, spec, data, follow) -> None:
    handle = trainer.submit(spec, data, {})
    follow(trainer, handle)
    with pytest.raises(TrainingFailed, match="trained another specification"):
        trainer.artifact(replace(handle, idem="0123456789abcdef"))


def test_results_that_were_deleted_leave_the_model_and_no_curve(
    emulator, trainer, spec, data, follow, client_of
) -> None:
    handle = trainer.submit(spec, data, {})
    follow(trainer, handle)
    client_of().files.delete(emulator.jobs()[0]["result_files"][0])
    assert trainer.artifact(handle).curve == ()


@pytest.mark.parametrize("kind", ["500", "429", "reset", "truncated"])
def test_a_service_that_is_busy_is_asked_again_later(emulator, trainer, spec, data, follow, kind) -> None:
    handle = trainer.submit(spec, data, {})
    emulator.configure(faults=[{"kind": kind, "path": "GET /openai/v1/fine_tuning", "times": 1}])
    with pytest.raises(TrainingUnreachable):
        trainer.poll(handle)
    assert follow(trainer, handle)[-1].phase == "succeeded"


def test_a_reading_call_waits_a_busy_moment_out(emulator, make_trainer, spec, data) -> None:
    trainer = make_trainer(retries=1)
    handle = trainer.submit(spec, data, {})
    emulator.configure(faults=[{"kind": "429", "path": "GET /openai/v1/fine_tuning", "times": 1, "retry_after": 0}])
    assert trainer.poll(handle).phase == "pending"


def test_credentials_that_end_in_mid_job_are_waited_for(emulator, make_trainer, spec, data, follow) -> None:
    trainer = make_trainer(auth="entra")
    handle = trainer.submit(spec, data, {})
    emulator.configure(expired_tokens=True)
    for ask in (trainer.poll, trainer.cancel, trainer.artifact, lambda handle: trainer.events(handle, "")):
        with pytest.raises(TrainingUnreachable, match="Entra ID identity"):
            ask(handle)
    emulator.configure(expired_tokens=False)
    assert follow(trainer, handle)[-1].phase == "succeeded"
    assert len(emulator.jobs()) == 1


def test_a_key_that_is_gone_from_the_environment_is_waited_for(
    emulator, trainer, make_trainer, spec, data, monkeypatch
) -> None:
    handle = trainer.submit(spec, data, {})
    monkeypatch.delenv("AZURE_OPENAI_API_KEY")
    with pytest.raises(TrainingUnreachable, match="AZURE_OPENAI_API_KEY is not set"):
        make_trainer().poll(handle)


def test_an_emulator_s_models_are_not_real_ones(trainer, spec, data) -> None:
    assert "emulator" in trainer.not_real()
