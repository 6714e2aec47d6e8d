"""Jobs are looked for before one is made: however a creation ends, one job exists and it is the one that is followed."""

import time
from dataclasses import replace

import pytest

from resources.training.base import CapacityLacking, JobHandle, TrainingRejected, TrainingUnreachable

CREATE = "POST /openai/v1/fine_tuning/jobs"


def test_a_job_holds_what_the_specification_says_and_nothing_the_service_does_not_describe(
    emulator, trainer, spec, data
) -> None:
    handle = trainer.submit(spec, data, {"owner": "house", "dagster_run_id": "r1"})
    [job] = emulator.jobs()
    assert handle.job_id == job["id"]
    assert (job["model"], job["seed"], job["trainingType"]) == ("gpt-4o-mini-2024-07-18", 7, "GlobalStandard")
    assert job["method"] == {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 2}}}
    assert job["user_provided_suffix"] == f"raft-{spec.idem()[:8]}"
    assert job["metadata"] == {"idem": spec.idem(), "owner": "house", "dagster_run_id": "r1"}
    assert emulator.violations() == []


def test_the_handle_survives_being_written_down(trainer, spec, data) -> None:
    handle = trainer.submit(spec, data, {})
    assert JobHandle.from_json(handle.to_json()) == handle
    assert handle.submitted_at.startswith("20")


def test_an_equal_specification_is_the_same_job_and_another_one_is_not(
    emulator, trainer, make_trainer, spec, data
) -> None:
    first = trainer.submit(spec, data, {})
    assert make_trainer().submit(spec, data, {}) == first
    other = trainer.submit(replace(spec, seed=8), data, {})
    assert [job["id"] for job in emulator.jobs()] == [first.job_id, other.job_id]


@pytest.mark.parametrize("kind", ["500", "503", "reset", "truncated", "409"])
@pytest.mark.parametrize("kept", [True, False])
def test_a_creation_that_worked_without_an_answer_leaves_one_job(emulator, trainer, spec, data, kind, kept) -> None:
    emulator.configure(
        keeps_metadata=kept, faults=[{"kind": kind, "path": CREATE, "when": "after", "times": 1}], listing_lag=1
    )
    handle = trainer.submit(spec, data, {})
    assert [job["id"] for job in emulator.jobs()] == [handle.job_id]
    creations = [asked for asked in emulator.served() if f"{asked['method']} {asked['path']}" == CREATE]
    assert len(creations) == 1


def test_a_creation_that_hangs_is_given_up_and_its_job_found(emulator, make_trainer, spec, data) -> None:
    trainer = make_trainer(timeout_seconds=0.3)
    emulator.configure(faults=[{"kind": "hang", "path": CREATE, "when": "after", "times": 1, "delay": 1}])
    handle = trainer.submit(spec, data, {})
    assert [job["id"] for job in emulator.jobs()] == [handle.job_id]


def test_a_creation_that_did_not_work_leaves_no_job_and_may_be_asked_for_again(emulator, trainer, spec, data) -> None:
    emulator.configure(faults=[{"kind": "500", "path": CREATE, "times": 1}])
    with pytest.raises(TrainingUnreachable, match=r"failed \(500\).*\(request \w{32}\)"):
        trainer.submit(spec, data, {})
    assert emulator.jobs() == []
    assert trainer.submit(spec, data, {}).job_id == emulator.jobs()[0]["id"]


def test_a_job_that_no_list_shows_yet_is_adopted_by_the_next_process(
    emulator, trainer, make_trainer, spec, data
) -> None:
    emulator.configure(listing_lag=2, faults=[{"kind": "500", "path": CREATE, "when": "after", "times": 1}])
    with pytest.raises(TrainingUnreachable):
        trainer.submit(spec, data, {})
    handle = make_trainer().submit(spec, data, {})
    assert [job["id"] for job in emulator.jobs()] == [handle.job_id]


@pytest.mark.parametrize(
    "step",
    [
        "GET /openai/v1/fine_tuning/jobs",
        "GET /openai/v1/files",
        "POST /openai/v1/files",
        "GET /openai/v1/files/file-",
        "GET /openai/v1/models",
    ],
)
def test_a_process_that_dies_at_any_step_leaves_a_way_on(emulator, make_trainer, spec, data, step) -> None:
    emulator.configure(faults=[{"kind": "500", "path": step, "when": "after", "times": 1}])
    try:
        make_trainer().submit(spec, data, {})
    except TrainingUnreachable:
        handle = make_trainer().submit(spec, data, {})
        assert handle == make_trainer().find(spec)
    assert len(emulator.jobs()) == 1
    assert sorted(file["filename"].split("-")[0] for file in emulator.files()) == ["train", "validation"]


@pytest.mark.parametrize("end", ["failed", "cancelled"])
def test_a_job_that_ended_badly_is_not_adopted(emulator, trainer, spec, data, follow, end) -> None:
    emulator.configure(job_statuses=["pending", end])
    first = trainer.submit(spec, data, {})
    follow(trainer, first)
    assert trainer.find(spec) is None
    emulator.configure(job_statuses=["pending", "running"])
    assert trainer.submit(spec, data, {}).job_id != first.job_id


def test_a_paused_job_and_one_in_an_unknown_state_are_still_ours(emulator, trainer, spec, data) -> None:
    for status in ("paused", "frobnicating"):
        emulator.configure(job_statuses=[status])
        assert trainer.submit(spec, data, {}) == trainer.find(spec)
    assert len(emulator.jobs()) == 1


def test_equal_rows_are_uploaded_once_and_named_by_their_hash(emulator, trainer, spec, data) -> None:
    trainer.submit(spec, data, {})
    trainer.submit(replace(spec, seed=8), data, {})
    names = [file["filename"] for file in emulator.files()]
    assert len(names) == len(set(names)) == 2
    assert {name.split("-")[0] for name in names} == {"train", "validation"}
    assert len({job["training_file"] for job in emulator.jobs()}) == 1


@pytest.mark.parametrize("mark", [True, False])
def test_files_are_accepted_with_and_without_a_byte_order_mark(emulator, make_trainer, spec, data, mark) -> None:
    trainer = make_trainer(byte_order_mark=mark)
    trainer.submit(spec, data, {})
    [sent, _] = [asked["body"] for asked in emulator.served() if asked["path"].endswith("/files") and asked["body"]]
    assert sent["content"].startswith("\ufeff") is mark
    assert sent["content"].removeprefix("\ufeff").encode() == data.files["train.jsonl"]


def test_a_file_that_the_service_cannot_read_is_refused_in_its_words(emulator, trainer, spec, data) -> None:
    broken = replace(data, files={"train.jsonl": b'{"messages": []}\n' * 12})
    with pytest.raises(TrainingRejected, match=r"does not accept the file train-\w{12}\.jsonl.*there are no messages"):
        trainer.submit(spec, broken, {})
    assert emulator.jobs() == []


def test_few_validation_rows_are_left_out_because_the_service_would_refuse_them(
    emulator, trainer, spec, data, rows
) -> None:
    trainer.submit(spec, replace(data, files={**data.files, "validation.jsonl": rows(3)}), {})
    assert emulator.jobs()[0]["validation_file"] is None


def test_old_files_make_room_unless_an_open_job_reads_them(
    emulator, make_trainer, spec, data, rows, client_of, monkeypatch
) -> None:
    trainer = make_trainer(keep_files=0)
    foreign = client_of().files.create(file=("theirs.jsonl", rows(10)), purpose="fine-tune").id
    done = trainer.submit(spec, data, {})
    trainer.cancel(done)
    running = trainer.submit(replace(spec, dataset_version="d2"), replace(data, files={"train.jsonl": rows(20)}), {})
    emulator.configure(file_limit=4)
    others = replace(data, files={"train.jsonl": rows(30)})
    with pytest.raises(CapacityLacking, match="holds 4 files"):
        trainer.submit(replace(spec, dataset_version="d3"), others, {})
    tomorrow = time.time() + 90_000
    monkeypatch.setattr("time.time", lambda: tomorrow)
    trainer.submit(replace(spec, dataset_version="d3"), others, {})
    kept = {file["id"] for file in emulator.files()}
    jobs = {job["id"]: job for job in emulator.jobs()}
    assert {foreign, jobs[running.job_id]["training_file"]} < kept
    assert kept.isdisjoint({jobs[done.job_id]["training_file"], jobs[done.job_id]["validation_file"]})


def test_a_full_resource_lacks_capacity_and_takes_the_job_later(emulator, trainer, spec, data) -> None:
    emulator.configure(job_slots=0)
    with pytest.raises(CapacityLacking, match="which is its limit"):
        trainer.submit(spec, data, {})
    emulator.configure(job_slots=1)
    assert trainer.submit(spec, data, {}).job_id


def test_who_may_not_train_is_told_which_role_is_missing(emulator, make_trainer, spec, data) -> None:
    emulator.configure(may_train=False)
    with pytest.raises(TrainingRejected, match="Cognitive Services OpenAI Contributor"):
        make_trainer(auth="entra").submit(spec, data, {})


def test_a_model_may_be_tuned_further(emulator, trainer, spec, data, student) -> None:
    for parent in (student.location, spec.idem()):
        trainer.preflight(replace(spec, parent=parent), data)
        trainer.submit(replace(spec, dataset_version=f"d{len(parent)}", parent=parent), data, {})
    assert [job["model"] for job in emulator.jobs()[1:]] == [student.location] * 2


def test_a_parent_that_is_not_there_is_no_reason_to_start_from_the_base(emulator, trainer, spec, data) -> None:
    with pytest.raises(TrainingRejected, match="has no model of the specification 0123456789abcdef"):
        trainer.submit(replace(spec, parent="0123456789abcdef"), data, {})
    assert emulator.jobs() == []


def test_the_legacy_api_keeps_no_metadata_and_finds_its_job_all_the_same(
    emulator, make_trainer, spec, data, follow
) -> None:
    trainer = make_trainer(api_version="2025-04-01-preview")
    handle = trainer.submit(spec, data, {})
    assert make_trainer(api_version="2025-04-01-preview").submit(spec, data, {}) == handle
    assert emulator.jobs()[0]["metadata"] is None
    follow(trainer, handle)
    assert trainer.artifact(handle).location.startswith("gpt-4o-mini-2024-07-18.ft-")
    addressed = [asked["path"] for asked in emulator.served() if "fine_tuning" in asked["path"]]
    assert all(path.startswith("/openai/fine_tuning") for path in addressed)


def test_the_described_dialect_is_understood_too(emulator, trainer, spec, data, follow) -> None:
    emulator.configure(dialect="spec")
    handle = trainer.submit(spec, data, {})
    assert [state.phase for state in follow(trainer, handle)][-1] == "succeeded"
    assert {event.level for event in trainer.events(handle, "")[0]} == {"info"}
