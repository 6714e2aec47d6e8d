"""The ledger: what was paid for once is never paid for again, whoever asks, and nothing that was answered is lost."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime

import pytest
import sqlalchemy as sa

from resources.errors import SettingsError
from resources.llm.ledger import Entry, Ledger
from resources.llm.ledger_schema import sources
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
    with ledger.reading() as connection:
        return {(key, version) for key, version in connection.execute(sa.select(sources))}


def writer(ledger: Ledger, answer: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, ledger.url, answer], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


def test_a_recorded_answer_is_found_by_key_and_marked_as_cached(any_ledger) -> None:
    any_ledger.record([entry("question", "费用 $5.00")])
    found = any_ledger.find([request("question"), request("another")])
    assert found == {request("question").key: Completion("费用 $5.00", "stop", 100, 10, 0.5, cached=True)}


def test_the_first_answer_stands_and_is_what_a_later_writer_gets(any_ledger) -> None:
    any_ledger.record([entry("question", "first")])
    standing = any_ledger.record([entry("question", "second")])
    assert standing[request("question").key].text == "first"
    assert any_ledger.find([request("question")])[request("question").key].text == "first"


def test_recording_nothing_is_nothing(any_ledger) -> None:
    assert any_ledger.record([]) == {}
    assert any_ledger.find([]) == {}


def test_threads_that_record_the_same_calls_leave_one_answer_per_key(any_ledger) -> None:
    def record(answer: int) -> list[str]:
        standing = any_ledger.record([entry(str(number), str(answer)) for number in range(40)])
        return [standing[request(str(number)).key].text for number in range(40)]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(record, range(8)))
    assert all(answer == answers[0] for answer in answers)


@pytest.mark.slow
def test_processes_that_record_the_same_calls_leave_one_answer_per_key_and_both_succeed(any_ledger) -> None:
    writers = [writer(any_ledger, answer) for answer in ("one", "two")]
    for process in writers:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [process.wait(timeout=60) for process in writers] == [0, 0]
    for process in writers:
        process.communicate()
    found = any_ledger.find([request(str(number)) for number in range(150)])
    assert len(found) == 150
    assert {completion.text for completion in found.values()} <= {"one", "two"}
    assert sum(any_ledger.spend().column("calls").to_pylist()) == 300, "both paid, as nobody claimed anything"
    assert len(sources_of(any_ledger)) == 3 * 150


def test_what_was_recorded_before_a_kill_is_there_after_it(any_ledger) -> None:
    process = writer(any_ledger, "answer")
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("go\n")
    process.stdin.flush()
    done = [int(process.stdout.readline()) for _ in range(20)]
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert set(any_ledger.find([request(str(number)) for number in done])) == {request(str(n)).key for n in done}
    any_ledger.record([entry("after", "the kill")])
    assert len(any_ledger.find([request("after")])) == 1


def test_every_document_version_that_asked_is_recorded_even_if_another_paid(any_ledger) -> None:
    any_ledger.record([entry("question", "answer", "version-1")])
    any_ledger.record([entry("question", "answer", "version-2")])
    any_ledger.attribute([request("question", "version-3"), request("question", "version-1")])
    key = request("question").key
    assert sources_of(any_ledger) == {(key, "version-1"), (key, "version-2"), (key, "version-3")}


def test_more_calls_than_a_statement_takes_parameters_are_recorded_and_found(any_ledger) -> None:
    entries = [entry(str(number), "x", "version") for number in range(3000)]
    any_ledger.record(entries)
    assert len(any_ledger.find([e.request for e in entries])) == 3000


def test_spend_is_summed_by_stage_model_and_day(any_ledger) -> None:
    unreal = Entry(request("4"), Completion("d", "stop", 1, 1, 0.25, cached_tokens=1, real=False), 0.1)
    any_ledger.record([entry("1", "a"), entry("2", "b"), entry("3", "c", role="judge"), unreal])
    days = any_ledger.spend().column("day").to_pylist()
    assert all(date.fromisoformat(day) for day in days)
    names = ("stage", "model", "calls", "prompt_tokens", "cached_tokens", "completion_tokens", "cost", "not_real")
    assert [tuple(row[name] for name in names) for row in any_ledger.spend().to_pylist()] == [
        ("judge", "test/echo-1", 1, 100, 0, 10, 0.5, 0),
        ("teacher", "test/echo-1", 3, 201, 1, 21, 1.25, 1),
    ]


def test_what_a_run_or_a_month_spent_is_told(any_ledger) -> None:
    paid = Completion("answer", "stop", 1, 1, 0.5)
    any_ledger.record([Entry(request(str(number)), paid, 0.0, run_id=f"run-{number % 2}") for number in range(5)])
    this_month = f"{datetime.now(UTC):%Y-%m}"
    assert any_ledger.spent() == any_ledger.spent(month=this_month) == 2.5
    assert (any_ledger.spent(run_id="run-0"), any_ledger.spent(run_id="run-1")) == (1.5, 1.0)
    assert any_ledger.spent(run_id="run-0", month="2001-01") == any_ledger.spent(run_id="never") == 0.0


def test_nothing_spent_is_a_table_without_rows(any_ledger) -> None:
    assert any_ledger.spend().num_rows == 0
    assert "cost" in any_ledger.spend().column_names


def test_a_ledger_opened_again_remembers(any_ledger, open_ledger) -> None:
    any_ledger.record([entry("question", "answer")])
    assert len(open_ledger(any_ledger.url).find([request("question")])) == 1


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("nope://ada:secret@host/db", "it must be one of sqlite, postgresql"),
        ("mysql://ada:secret@host/db", "it must be one of sqlite, postgresql"),
        ("postgresql+psycopg2://ada:secret@127.0.0.1:1/db", "Connection refused"),
        ("postgresql+psycopg2://127.0.0.1:1/db?user=ada&password=secret", "Connection refused"),
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
