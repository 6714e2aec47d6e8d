"""The ledger: what was paid for once is never paid for again, whoever asks, and nothing that was answered is lost."""

import os
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from resources.errors import SettingsError
from resources.llm.ledger import Entry, Ledger
from resources.llm.request import Completion, Message, ModelIdentity, Request

IDENTITY = ModelIdentity("test", "local", "echo-1")
WRITER = (
    "import sys\n"
    "from resources.llm.ledger import Entry, Ledger\n"
    "from resources.llm.request import Completion, Message, ModelIdentity, Request\n"
    "ledger = Ledger(sys.argv[1])\n"
    "model = ModelIdentity('test', 'local', 'echo-1')\n"
    "print('ready', flush=True)\n"
    "sys.stdin.readline()\n"
    "for number in range(150):\n"
    "    request = Request('teacher', model, (Message('user', str(number)),), sources=('v1', sys.argv[2]))\n"
    "    ledger.record([Entry(request, Completion(sys.argv[2], 'stop', 1, 1), 0.0)])\n"
    "    print(number, flush=True)\n"
)


def request(text: str, *sources: str, role: str = "teacher") -> Request:
    return Request(role, IDENTITY, (Message("user", text),), sources=sources)


def entry(text: str, answer: str, *sources: str, role: str = "teacher") -> Entry:
    return Entry(request(text, *sources, role=role), Completion(answer, "stop", 100, 10, 0.5), 0.1)


def sources_of(ledger: Ledger) -> set[tuple[str, str]]:
    with sqlite3.connect(ledger.url.removeprefix("sqlite:///")) as database:
        return set(database.execute("select key, document_version from call_sources"))


def writer(ledger: Ledger, answer: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, ledger.url, answer], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


def test_a_recorded_answer_is_found_by_key_and_marked_as_cached(ledger) -> None:
    ledger.record([entry("question", "费用 $5.00")])
    found = ledger.find([request("question"), request("another")])
    assert found == {request("question").key: Completion("费用 $5.00", "stop", 100, 10, 0.5, cached=True)}


def test_the_first_answer_stands_and_is_what_a_later_writer_gets(ledger) -> None:
    ledger.record([entry("question", "first")])
    standing = ledger.record([entry("question", "second")])
    assert standing[request("question").key].text == "first"
    assert ledger.find([request("question")])[request("question").key].text == "first"


def test_recording_nothing_is_nothing(ledger) -> None:
    assert ledger.record([]) == {}
    assert ledger.find([]) == {}


def test_threads_that_record_the_same_calls_leave_one_answer_per_key(ledger) -> None:
    def record(answer: int) -> list[str]:
        standing = ledger.record([entry(str(number), str(answer)) for number in range(40)])
        return [standing[request(str(number)).key].text for number in range(40)]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(record, range(8)))
    assert all(answer == answers[0] for answer in answers)


def test_processes_that_record_the_same_calls_leave_one_answer_per_key_and_both_succeed(ledger) -> None:
    writers = [writer(ledger, answer) for answer in ("one", "two")]
    for process in writers:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [process.wait(timeout=60) for process in writers] == [0, 0]
    for process in writers:
        process.communicate()
    found = ledger.find([request(str(number)) for number in range(150)])
    assert len(found) == 150
    assert {completion.text for completion in found.values()} <= {"one", "two"}
    assert ledger.spend().to_pylist()[0]["calls"] == 150
    assert len(sources_of(ledger)) == 3 * 150


def test_what_was_recorded_before_a_kill_is_there_after_it(ledger) -> None:
    process = writer(ledger, "answer")
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("go\n")
    process.stdin.flush()
    done = [int(process.stdout.readline()) for _ in range(20)]
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert set(ledger.find([request(str(number)) for number in done])) == {request(str(n)).key for n in done}
    ledger.record([entry("after", "the kill")])
    assert len(ledger.find([request("after")])) == 1


def test_every_document_version_that_asked_is_recorded_even_if_another_paid(ledger) -> None:
    ledger.record([entry("question", "answer", "version-1")])
    ledger.record([entry("question", "answer", "version-2")])
    ledger.attribute([request("question", "version-3"), request("question", "version-1")])
    key = request("question").key
    assert sources_of(ledger) == {(key, "version-1"), (key, "version-2"), (key, "version-3")}


def test_more_calls_than_a_statement_takes_parameters_are_recorded_and_found(ledger) -> None:
    entries = [entry(str(number), "x", "version") for number in range(3000)]
    ledger.record(entries)
    assert len(ledger.find([e.request for e in entries])) == 3000


def test_spend_is_summed_by_stage_and_model(ledger) -> None:
    ledger.record([entry("1", "a"), entry("2", "b"), entry("3", "c", role="judge")])
    assert ledger.spend().to_pylist() == [
        {"stage": "judge", "model": "test/echo-1", "calls": 1, "prompt_tokens": 100, "completion_tokens": 10, "cost": 0.5},
        {"stage": "teacher", "model": "test/echo-1", "calls": 2, "prompt_tokens": 200, "completion_tokens": 20, "cost": 1.0},
    ]  # fmt: skip


def test_nothing_spent_is_a_table_without_rows(ledger) -> None:
    assert ledger.spend().num_rows == 0
    assert "cost" in ledger.spend().column_names


def test_a_ledger_opened_again_remembers(ledger, tmp_path: Path) -> None:
    ledger.record([entry("question", "answer")])
    again = Ledger(ledger.url)
    assert len(again.find([request("question")])) == 1
    again.close()


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("nope://ada:secret@host/db", "it must be one of sqlite, postgresql"),
        ("mysql://ada:secret@host/db", "it must be one of sqlite, postgresql"),
        ("postgresql+psycopg2://ada:secret@host/db", "No module named 'psycopg2'"),
        ("postgresql+psycopg2://host/db?user=ada&password=secret", "No module named 'psycopg2'"),
        ("just text", "Could not parse"),
        ("sqlite:///{folder}", "unable to open database file"),
        ("sqlite:///{folder}/text", "file is not a database"),
        ("sqlite:///{folder}/text/ledger.db", "File exists|Not a directory"),
    ],
)
def test_a_database_that_cannot_be_used_is_a_settings_error_without_its_password(tmp_path, url, reason):
    (tmp_path / "text").write_text("no database " * 100)
    with pytest.raises(SettingsError, match=f"^ledger_url .* cannot be used: .*({reason})") as caught:
        Ledger(url.format(folder=tmp_path))
    assert "secret" not in str(caught.value)
