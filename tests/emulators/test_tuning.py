"""Fine-tuning of the emulator: states over looks or over the clock, lists, events, results, and what it does not take."""

import csv
import io
import json

import openai
import pytest

BASE = "gpt-4o-mini-2024-07-18"
STANDARD = {"trainingType": "GlobalStandard"}


def rows(count=10):
    messages = [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "good day"}]
    return b"".join(json.dumps({"messages": messages}).encode() + b"\n" for _ in range(count))


def upload(client, content=None):
    file = client.files.create(file=("train.jsonl", content or rows()), purpose="fine-tune")
    return client.files.wait_for_processing(file.id, poll_interval=0)


def start(client, model=BASE, **more):
    file = upload(client)
    return client.fine_tuning.jobs.create(model=model, training_file=file.id, **{"extra_body": STANDARD, **more})


def follow(client, job, looks=8):
    return [client.fine_tuning.jobs.retrieve(job.id).status for _ in range(looks)]


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_training_file_is_read_with_and_without_a_mark(client, mark) -> None:
    assert upload(client, mark + rows()).status == "processed"


@pytest.mark.parametrize(("content", "words"), [(rows(9), "9 examples"), (b"{]\n", "JSON"), (b"{}\n" * 10, "Line 1")])
def test_a_file_that_cannot_be_trained_with_ends_in_an_error(client, content, words) -> None:
    file = upload(client, content)
    assert file.status == "error"
    assert words in file.status_details


def test_a_job_moves_with_every_look_and_has_azure_s_nulls(client) -> None:
    job = start(client, suffix="raft-1")
    assert (job.status, job.organization_id, job.result_files, job.hyperparameters.n_epochs) == (
        "pending",
        None,
        None,
        -1,
    )
    assert follow(client, job, 5) == ["queued", "running", "running", "succeeded", "succeeded"]
    done = client.fine_tuning.jobs.retrieve(job.id)
    assert done.fine_tuned_model.startswith(f"{BASE}.ft-")
    assert done.fine_tuned_model.endswith("-raft-1")
    assert done.trained_tokens > 0
    assert done.fine_tuned_model in {model.id for model in client.models.list()}


def test_a_job_that_the_clock_moves_does_not_care_for_looks(emulator, client) -> None:
    emulator.configure(job_hours=4)
    job = start(client)
    assert set(follow(client, job)) == {"pending"}
    emulator.advance(hours=2)
    assert set(follow(client, job)) == {"running"}
    emulator.advance(hours=2)
    assert set(follow(client, job)) == {"succeeded"}


def test_the_described_dialect_begins_with_its_own_words(plain) -> None:
    job = start(plain)
    assert (job.status, job.organization_id, job.result_files) == ("validating_files", "org-emulator", [])


@pytest.fixture
def description(root):
    """Validates an answer against what the service's description says of an operation's answers."""
    from openapi_schema_validator import OAS30Validator
    from referencing import Registry, Resource
    from referencing.jsonschema import DRAFT202012

    path = root.parent / "shared" / "specs" / "azure-openai-v1-finetune.patched.json"
    if not path.is_file():
        pytest.skip("the services' OpenAPI descriptions are not here")
    document = json.loads(path.read_text(encoding="utf-8"))
    known = Registry().with_resource("urn:spec", Resource(document, DRAFT202012))

    def problems(address, method, answer):
        described = document["paths"][address][method]["responses"]["200"]["content"]["application/json"]["schema"]
        schema = {"$ref": f"urn:spec{described['$ref']}"} if "$ref" in described else described
        return [error.message for error in OAS30Validator(schema, registry=known).iter_errors(answer)]

    return problems


def test_in_the_spec_dialect_answers_about_jobs_follow_the_description(emulator, client, http, description) -> None:
    emulator.configure(dialect="spec")
    job = start(client, suffix="raft-1", metadata={"idem": "a"}, seed=7)
    one = f"/fine_tuning/jobs/{job.id}"
    for _ in range(5):
        described = "/fine_tuning/jobs/{fine_tuning_job_id}"
        assert description(described, "get", http.get(f"/openai/v1{one}").json()) == []
    for address, asked in (
        ("/files", "/files"),
        ("/files/{file_id}", f"/files/{job.training_file}"),
        ("/fine_tuning/jobs", "/fine_tuning/jobs"),
        ("/fine_tuning/jobs/{fine_tuning_job_id}/events", f"{one}/events"),
        ("/fine_tuning/jobs/{fine_tuning_job_id}/checkpoints", f"{one}/checkpoints"),
        ("/models", "/models"),
    ):
        assert description(address, "get", http.get(f"/openai/v1{asked}").json()) == [], address


def test_lists_come_newest_first_in_pages_and_lag(emulator, client) -> None:
    made = [start(client).id for _ in range(3)]
    assert [job.id for job in client.fine_tuning.jobs.list(limit=2)] == made[::-1]
    emulator.configure(listing_lag=1)
    late = start(client).id
    assert late not in {job.id for job in client.fine_tuning.jobs.list()}
    assert late in {job.id for job in client.fine_tuning.jobs.list()}


def test_azure_does_not_heed_a_filter_by_metadata_and_the_plain_dialect_does(client, plain) -> None:
    for value in ("a", "b"):
        start(client, metadata={"idem": value})
    assert len(list(client.fine_tuning.jobs.list(metadata={"idem": "a"}))) == 2
    assert [job.metadata for job in plain.fine_tuning.jobs.list(metadata={"idem": "a"})] == [{"idem": "a"}]


def test_the_legacy_api_knows_jobs_and_forgets_their_metadata(legacy) -> None:
    job = start(legacy, metadata={"idem": "a"})
    assert legacy.fine_tuning.jobs.retrieve(job.id).metadata is None


def test_events_and_checkpoints_and_results_tell_of_a_job(client) -> None:
    job = start(client)
    follow(client, job)
    events = list(client.fine_tuning.jobs.list_events(job.id, limit=2))
    assert len({event.id for event in events}) == len(events) == 5
    assert events[0].message == "Job is succeeded"
    steps = [one.step_number for one in client.fine_tuning.jobs.checkpoints.list(job.id)]
    assert steps == [12, 6]
    [result] = client.fine_tuning.jobs.retrieve(job.id).result_files
    lines = list(csv.DictReader(io.StringIO(client.files.content(result).read().decode())))
    assert {line["valid_loss"] for line in lines} == {"-1.0"}
    assert float(lines[-1]["train_loss"]) < float(lines[0]["train_loss"])


def test_a_job_is_paused_resumed_and_cancelled_where_its_state_allows_it(client) -> None:
    job = start(client)
    with pytest.raises(openai.BadRequestError, match="unexpectedEntityState"):
        client.fine_tuning.jobs.pause(job.id)
    follow(client, job, 2)
    assert client.fine_tuning.jobs.pause(job.id).status == "paused"
    assert set(follow(client, job)) == {"paused"}
    assert client.fine_tuning.jobs.resume(job.id).status == "queued"
    assert client.fine_tuning.jobs.cancel(job.id).status == "cancelled"
    with pytest.raises(openai.BadRequestError, match="unexpectedEntityState"):
        client.fine_tuning.jobs.cancel(job.id)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"extra_body": {}}, "does not support fine-tuning"),
        ({"model": "text-embedding-3-small"}, "does not support fine-tuning"),
        ({"suffix": "raft.1"}, "18 characters"),
        ({"suffix": "r" * 19}, "18 characters"),
        ({"extra_body": {**STANDARD, "training_type": "x"}}, "training_type: not described"),
        ({"seed": -1}, "seed"),
        ({"method": {"type": "supervised", "supervised": {"hyperparameters": {"epochs": 2}}}}, "Unknown hyperp"),
        ({"validation_file": "file-0"}, "there is no file"),
    ],
)
def test_what_azure_does_not_take_is_refused(emulator, client, more, words) -> None:
    emulator.violations()
    with pytest.raises(openai.BadRequestError, match=words):
        start(client, **more)
    assert emulator.jobs() == []


def test_a_job_that_was_made_without_an_answer_is_there(emulator, client) -> None:
    file = upload(client)
    emulator.configure(faults=[{"kind": "500", "path": "POST /openai/v1/fine_tuning", "when": "after", "times": 1}])
    with pytest.raises(openai.InternalServerError):
        client.fine_tuning.jobs.create(model=BASE, training_file=file.id, extra_body=STANDARD)
    assert len(emulator.jobs()) == 1
