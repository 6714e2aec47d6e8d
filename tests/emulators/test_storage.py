"""Files and batches of the emulator: states over polls, shuffled output, lines that fail, expiry and cancelling."""

import json

import openai
import pytest


def lines_of(count, model="gpt-4o-mini"):
    def line(number):
        body = {"model": model, "messages": [{"role": "user", "content": f"hello {number}"}]}
        return {"custom_id": f"c{number}", "method": "POST", "url": "/v1/chat/completions", "body": body}

    return [line(number) for number in range(count)]


def upload(client, lines, name="batch.jsonl"):
    content = "".join(f"{json.dumps(line)}\n" for line in lines).encode()
    file = client.files.create(file=(name, content), purpose="batch")
    return client.files.wait_for_processing(file.id, poll_interval=0)


def start(client, lines):
    file = upload(client, lines)
    return client.batches.create(
        input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h", metadata={"idem": "x"}
    )


def follow(client, batch):
    seen = [batch.status]
    while batch.status not in ("completed", "failed", "expired", "cancelled"):
        batch = client.batches.retrieve(batch.id)
        seen.append(batch.status)
    return batch, seen


def read(client, file_id):
    return [json.loads(line) for line in client.files.content(file_id).text.splitlines()]


def test_a_file_gets_ready_is_listed_read_and_deleted(client) -> None:
    content = b'{"a": 1}\n'
    file = client.files.create(file=("rows.jsonl", content), purpose="batch")
    assert file.status == "pending"
    assert [client.files.retrieve(file.id).status for _ in range(3)] == ["running", "processed", "processed"]
    assert client.files.content(file.id).read() == content
    assert [(one.id, one.filename, one.bytes) for one in client.files.list()] == [(file.id, "rows.jsonl", len(content))]
    assert client.files.delete(file.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.files.retrieve(file.id)


def test_a_list_comes_in_pages(client) -> None:
    for number in range(3):
        client.files.create(file=(f"{number}.jsonl", b"{}"), purpose="batch")
    first = client.files.list(limit=2)
    assert [file.filename for file in first.data] == ["2.jsonl", "1.jsonl"]
    assert [file.filename for file in first] == ["2.jsonl", "1.jsonl", "0.jsonl"]


@pytest.mark.parametrize("dialect", ["client", "plain"])
def test_a_batch_goes_through_its_states_and_answers_out_of_order(emulator, request, dialect) -> None:
    speaker = request.getfixturevalue(dialect)
    batch, seen = follow(speaker, start(speaker, lines_of(8)))
    assert seen == ["validating", "in_progress", "finalizing", "completed"]
    assert (batch.request_counts.total, batch.request_counts.completed, batch.error_file_id) == (8, 8, None)
    lines = read(speaker, batch.output_file_id)
    order = [line["custom_id"] for line in lines]
    assert sorted(order) == [f"c{number}" for number in range(8)]
    assert order != sorted(order)
    assert {line["response"]["body"]["choices"][0]["message"]["content"] for line in lines} == {"ok"}
    assert batch.metadata == {"idem": "x"}


def test_what_a_batch_answered_is_delivered_once_its_file_is_read(emulator, client) -> None:
    batch, _ = follow(client, start(client, lines_of(2)))

    def answered():
        return [(line["paid"], line["delivered"]) for line in emulator.served() if line["method"] == "BATCH"]

    assert answered() == [(True, False)] * 2
    read(client, batch.output_file_id)
    assert answered() == [(True, True)] * 2


def test_lines_fail_on_their_own_into_the_error_file(emulator, client) -> None:
    faults = [{"kind": "500", "match": "hello 3"}, {"kind": "empty", "match": "hello 4"}]
    emulator.configure(faults=[{**fault, "path": "/chat/completions"} for fault in faults])
    batch, _ = follow(client, start(client, lines_of(6)))
    assert (batch.status, batch.request_counts.completed, batch.request_counts.failed) == ("completed", 5, 1)
    [failed] = read(client, batch.error_file_id)
    assert (failed["custom_id"], failed["response"]["status_code"]) == ("c3", 500)
    texts = {line["custom_id"]: line["response"]["body"]["choices"] for line in read(client, batch.output_file_id)}
    assert texts["c4"][0]["message"]["content"] == ""


def test_an_expired_batch_keeps_what_was_answered(emulator, client) -> None:
    emulator.configure(batch_expires_after=2)
    batch, seen = follow(client, start(client, lines_of(5)))
    assert seen[-1] == "expired"
    assert len(read(client, batch.output_file_id)) == 2
    assert {line["error"]["code"] for line in read(client, batch.error_file_id)} == {"batch_expired"}


def test_a_cancelled_batch_keeps_what_was_answered(client) -> None:
    batch = start(client, lines_of(6))
    client.batches.retrieve(batch.id)
    assert client.batches.cancel(batch.id).status == "cancelling"
    batch, seen = follow(client, client.batches.retrieve(batch.id))
    assert seen[-1] == "cancelled"
    assert len(read(client, batch.output_file_id)) == 3
    with pytest.raises(openai.ConflictError):
        client.batches.cancel(batch.id)


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ([*lines_of(2), *lines_of(1)], "duplicate_custom_id"),
        ([{**lines_of(1)[0], "url": "/v1/embeddings"}], "mismatched_endpoint"),
        ([*lines_of(1), {**lines_of(2, "gpt-4o")[1]}], "model_mismatch"),
        ([{"custom_id": "c"}], "invalid_json_line"),
        ([], "empty_file"),
    ],
)
def test_a_batch_with_a_wrong_input_file_fails_with_the_reason(client, lines, code) -> None:
    batch, seen = follow(client, start(client, lines))
    assert seen == ["validating", "failed"]
    assert code in {error.code for error in batch.errors.data}


def test_a_batch_of_a_file_that_is_not_there_is_refused(client) -> None:
    with pytest.raises(openai.BadRequestError):
        client.batches.create(input_file_id="file-0", endpoint="/v1/chat/completions", completion_window="24h")


def test_a_batch_is_there_after_an_answer_that_was_lost(emulator, client) -> None:
    file = upload(client, lines_of(1))
    emulator.configure(faults=[{"kind": "500", "path": "/batches", "when": "after", "times": 1}])
    with pytest.raises(openai.InternalServerError):
        client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
    assert [batch.input_file_id for batch in client.batches.list()] == [file.id]
