"""Bad input: each case a message that names the thing, a row with the reason and a warning; the healthy go on."""

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.end_to_end.conftest import Demo, Outcome, raftline_here, succeeded
from tests.end_to_end.homes import batches, latest_check, rows
from tests.end_to_end.pdfs import make_empty_pdf, make_pdf, make_png

SECRET_PAGE = [["# Staff only", "The safe opens at 9:30."]]


def refused(outcome: Outcome, *named: object) -> None:
    """A command failed with one clear message that names the things at fault, and without a traceback."""
    assert outcome.code in (1, 2), outcome.text
    assert "Traceback" not in outcome.text
    for name in named:
        assert str(name) in outcome.err
    assert len(outcome.err.splitlines()) <= 3


def one_line(text: str, name: str) -> str:
    [line] = [line for line in text.splitlines() if line.startswith(name)]
    return line


# Documents


@pytest.fixture(scope="module")
def crowded(small_home: Demo, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    """The small home after a refresh that brought one document of every bad kind, a healthy one, and bad recipes."""
    home = tmp_path_factory.mktemp("crowded") / "home"
    shutil.copytree(small_home.home, home)
    documents = home / "documents"
    healthy = documents / "travel-money.pdf"
    make_pdf(documents / "fresh.pdf", [["# Late bus", "The late bus leaves at 23:40 and costs $1.35."]], "Late bus")
    make_pdf(documents / "locked.pdf", SECRET_PAGE, password="open sesame")
    (documents / "cut.pdf").write_bytes((documents / "cards.pdf").read_bytes()[:9000])
    (documents / "garbage.pdf").write_bytes(b"%PDF-1.7\n" + bytes(range(256)) * 8)
    (documents / "nothing.pdf").write_bytes(b"")
    make_png(documents / "picture.pdf")
    make_empty_pdf(documents / "scan.pdf")
    shutil.copyfile(healthy, documents / "a-copy.pdf")
    make_pdf(documents / "unreadable.pdf", SECRET_PAGE)
    recipes = home / "recipes"
    recipes.mkdir()
    (recipes / "good.yaml").write_text("name: good\ndataset: {k: 2}\n", encoding="utf-8")
    (recipes / "backend.yaml").write_text("name: cloudy\ntraining: {backend: nimbus}\n", encoding="utf-8")
    (recipes / "key.yaml").write_text("name: odd\nwheels: 4\n", encoding="utf-8")
    (recipes / "range.yaml").write_text("name: wide\ndataset: {p: 1.5}\n", encoding="utf-8")
    (recipes / "broken.yaml").write_text("name: [broken\n", encoding="utf-8")
    (recipes / "binary.yaml").write_bytes(b"\xff\xfe\x00name")
    (recipes / "greedy.yaml").write_text("name: greedy\ndataset: {k: 20}\n", encoding="utf-8")
    return home, raftline_here(home, "refresh", RAFTLINE_RECIPES=str(recipes))


BAD_DOCUMENTS = {
    "locked.pdf": "password",
    "cut.pdf": "truncated or damaged",
    "garbage.pdf": "truncated or damaged",
    "nothing.pdf": "empty",
    "picture.pdf": "PNG image",
    "scan.pdf": "no text",
}


@pytest.mark.slow
def test_bad_documents_become_rows_with_a_reason_and_healthy_ones_go_on(crowded: tuple[Path, Outcome]) -> None:
    home, outcome = crowded
    assert "Traceback" not in outcome.text
    arrived = {row["uri"]: row for row in rows(home, "raw_pdfs", batches(home)[-1])}
    for uri, reason in BAD_DOCUMENTS.items():
        assert arrived[uri]["status"] == "unreadable"
        assert reason in arrived[uri]["error"], uri
    assert arrived["fresh.pdf"]["status"] == "ok"
    assert {"fresh.pdf", "cards.pdf"} <= {row["uri"] for row in rows(home, "corpus")}


@pytest.mark.slow
def test_the_refresh_itself_names_every_bad_document_and_recipe(crowded: tuple[Path, Outcome]) -> None:
    _, outcome = crowded
    for uri, reason in BAD_DOCUMENTS.items():
        assert reason in one_line(outcome.out, f"{uri}: ")
    for file in ("backend.yaml", "key.yaml", "range.yaml", "broken.yaml", "binary.yaml"):
        assert one_line(outcome.out, f"recipe {file}")


@pytest.mark.slow
def test_bad_documents_fail_a_warning_check_and_show_in_the_status(crowded: tuple[Path, Outcome]) -> None:
    home, _ = crowded
    check = latest_check(home, "raw_pdfs", "documents_are_readable")
    assert not check.passed
    assert check.severity.value == "WARN"
    status = succeeded(raftline_here(home, "status", RAFTLINE_RECIPES=str(home / "recipes"))).out
    for uri, reason in BAD_DOCUMENTS.items():
        line = one_line(status, uri)
        assert "unreadable" in line
        assert reason in line
    assert "current" in one_line(status, "fresh.pdf")


@pytest.mark.slow
def test_of_two_identical_documents_the_known_one_is_used_and_the_other_named(crowded: tuple[Path, Outcome]) -> None:
    home, _ = crowded
    uris = {row["uri"] for row in rows(home, "corpus")}
    assert "travel-money.pdf" in uris
    assert "a-copy.pdf" not in uris
    status = succeeded(raftline_here(home, "status", RAFTLINE_RECIPES=str(home / "recipes"))).out
    line = one_line(status, "a-copy.pdf")
    assert "duplicate" in line
    assert "same bytes as travel-money.pdf" in line


@pytest.mark.slow
def test_invalid_recipes_are_rows_and_a_warning_and_the_valid_one_is_trained(crowded: tuple[Path, Outcome]) -> None:
    home, _ = crowded
    found = {row["file"]: row for row in rows(home, "recipes")}
    reasons = {
        "backend.yaml": ("training.backend", "nimbus"),
        "key.yaml": ("wheels", "unknown key"),
        "range.yaml": ("dataset.p", "1.5"),
        "broken.yaml": ("broken.yaml", "not valid YAML"),
        "binary.yaml": ("binary.yaml", "cannot be read"),
    }
    for file, parts in reasons.items():
        assert found[file]["status"] == "invalid"
        assert all(part in found[file]["error"] for part in parts), found[file]["error"]
    check = latest_check(home, "recipes", "files_are_valid")
    assert not check.passed
    assert check.severity.value == "WARN"
    assert "good" in {row["recipe"] for row in rows(home, "model_registry")}


@pytest.mark.slow
def test_a_recipe_that_the_corpus_is_too_small_for_fails_by_name_and_the_others_go_on(
    crowded: tuple[Path, Outcome],
) -> None:
    home, outcome = crowded
    refused(outcome, "train_recipe greedy")
    said = [line for line in outcome.out.splitlines() if line.startswith("train_recipe greedy: ")]
    assert any("dataset.k is 20" in line for line in said)
    assert (home / "reports" / "eval_report.html").is_file()


def test_an_empty_folder_says_so_and_how_to_go_on(tmp_path: Path) -> None:
    home = tmp_path / "home"
    outcome = succeeded(raftline_here(home, "refresh"))
    assert f"no documents in {home / 'documents'}" in outcome.out
    assert "raftline add" in outcome.out


def test_a_folder_of_nothing_but_bad_documents_is_reported_by_name_and_trains_nothing(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "documents").mkdir(parents=True)
    make_png(home / "documents" / "picture.pdf")
    refreshed = succeeded(raftline_here(home, "refresh"))
    assert "PNG image" in one_line(refreshed.out, "picture.pdf: ")
    again = succeeded(raftline_here(home, "refresh"))
    assert "everything is up to date" in again.out
    assert "PNG image" in one_line(again.out, "picture.pdf: ")


@pytest.mark.slow
def test_a_document_that_vanishes_between_listing_and_ingestion_is_a_row_with_the_reason(
    small_home: Demo, copy_of: Callable[[Demo], Path]
) -> None:
    from orchestration.settings import Settings
    from orchestration.wiring import build_resources

    home = copy_of(small_home)
    passing = make_pdf(home / "documents" / "passing.pdf", [["# Gone soon", "It costs $3.00."]])
    make_pdf(home / "documents" / "staying.pdf", [["# Market", "A stall costs $18.50 a day."]])
    corpus = build_resources(Settings(root=home, home=home))["corpus"]
    [batch] = [manifest.key for manifest in corpus.scan(max_documents=100)]
    passing.unlink()
    succeeded(raftline_here(home, "refresh"))
    arrived = {row["uri"]: row for row in rows(home, "raw_pdfs", batch)}
    assert arrived["passing.pdf"]["status"] == "unreadable"
    assert "gone from the source" in arrived["passing.pdf"]["error"]
    uris = {row["uri"] for row in rows(home, "corpus")}
    assert "staying.pdf" in uris
    assert "passing.pdf" not in uris


# What people type


@pytest.fixture(scope="module")
def quiet_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home on which nothing ran yet."""
    return tmp_path_factory.mktemp("quiet") / "home"


def test_adding_a_path_that_does_not_exist_names_it(quiet_home: Path) -> None:
    refused(raftline_here(quiet_home, "add", "/no/such/guide.pdf"), "/no/such/guide.pdf", "does not exist")


def test_adding_a_file_that_is_not_named_pdf_names_it(quiet_home: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello", encoding="utf-8")
    refused(raftline_here(quiet_home, "add", str(tmp_path / "notes.txt")), "notes.txt", "PDF")


def test_adding_a_folder_without_documents_names_it(quiet_home: Path, tmp_path: Path) -> None:
    refused(raftline_here(quiet_home, "add", str(tmp_path)), tmp_path, "no PDF")


def test_nothing_is_added_if_one_of_the_paths_is_wrong(quiet_home: Path, tmp_path: Path) -> None:
    good = make_pdf(tmp_path / "good.pdf", SECRET_PAGE)
    refused(raftline_here(quiet_home, "add", str(good), "/no/such/guide.pdf"), "/no/such/guide.pdf")
    assert list((quiet_home / "documents").iterdir()) == []


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{not json}", "Expecting"),
        ('["a list"]', "must be a JSON object"),
        ('{"answer": "$5"}', "`question`"),
        ('{"question": "What?", "page": 0}', "`page`"),
        ('{"question": "What?", "use": "later"}', "`use`"),
        ('{"question": "What?", "colour": "red"}', "colour"),
    ],
)
def test_a_bad_line_of_questions_is_named_by_file_and_number(
    quiet_home: Path, tmp_path: Path, line: str, reason: str
) -> None:
    file = tmp_path / "mine.jsonl"
    file.write_text('{"question": "What is the fee?"}\n' + line + "\n", encoding="utf-8")
    refused(raftline_here(quiet_home, "questions", "add", str(file)), "mine.jsonl:2", reason)
    assert list((quiet_home / "questions").iterdir()) == []


def test_questions_that_are_missing_empty_or_not_text_are_refused(quiet_home: Path, tmp_path: Path) -> None:
    empty, binary = tmp_path / "empty.jsonl", tmp_path / "binary.jsonl"
    empty.write_text("\n\n", encoding="utf-8")
    binary.write_bytes(b"\xff\xfe\x00\x01")
    refused(raftline_here(quiet_home, "questions", "add", str(empty)), "empty.jsonl", "no question")
    refused(raftline_here(quiet_home, "questions", "add", str(binary)), "binary.jsonl", "UTF-8")
    refused(raftline_here(quiet_home, "questions", "add", "/no/such.jsonl"), "/no/such.jsonl")
    refused(raftline_here(quiet_home, "questions", "add", str(tmp_path)), tmp_path)


def test_asking_and_reporting_before_any_refresh_say_what_to_do(quiet_home: Path) -> None:
    refused(raftline_here(quiet_home, "ask", "What is the fee?"), "raftline refresh")
    refused(raftline_here(quiet_home, "report"), "there is no report yet", "raftline refresh")


@pytest.mark.slow
def test_an_empty_question_is_refused(small_home: Demo) -> None:
    refused(raftline_here(small_home.home, "ask", "  "), "the question is empty")


def test_auditing_a_file_that_is_missing_or_no_dataset_names_it(quiet_home: Path, tmp_path: Path) -> None:
    odd = tmp_path / "odd.jsonl"
    odd.write_text("{not json}\n", encoding="utf-8")
    refused(raftline_here(quiet_home, "audit-dataset", "/no/such.jsonl"), "/no/such.jsonl")
    refused(raftline_here(quiet_home, "audit-dataset", str(odd)), "odd.jsonl")


# Settings and the home


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("wheels: 4\n", ("wheels", "is not a setting")),
        ("generation: {per_chunk: 0}\n", ("generation.per_chunk", "greater than or equal to 1")),
        ("chunks: {max_tokens: many}\n", ("chunks.max_tokens",)),
        ("chunks: {max_tokens: [\n", ("not valid YAML",)),
        ("- a\n- list\n", ("key: value",)),
        ("retraining: {schedule: sometimes}\n", ("retraining", "schedule", "sometimes")),
        ("owner: nobody at all\n", ("owner", "nobody at all")),
        ("roles: {teacher: {provider: oracle}}\n", ("roles.teacher.provider", "azure_openai")),
    ],
)
def test_a_bad_setting_is_named_with_its_file_and_what_is_allowed(
    tmp_path: Path, content: str, named: tuple[str, ...]
) -> None:
    config = tmp_path / "raftline.yaml"
    config.write_text(content, encoding="utf-8")
    refused(raftline_here(tmp_path / "home", "refresh", RAFTLINE_CONFIG=str(config)), *named)


def test_a_bad_setting_in_the_environment_is_named(tmp_path: Path) -> None:
    refused(raftline_here(tmp_path / "home", "status", RAFTLINE_PORT="99999"), "port", "99999")


def test_a_configuration_file_that_does_not_exist_is_named(tmp_path: Path) -> None:
    refused(raftline_here(tmp_path / "home", "status", RAFTLINE_CONFIG="/no/raftline.yaml"), "/no/raftline.yaml")


@pytest.mark.parametrize("command", ["refresh", "demo", "status", "ask Why?", "report"])
def test_a_home_that_cannot_be_written_is_named(tmp_path: Path, command: str) -> None:
    (tmp_path / "file").write_text("not a folder", encoding="utf-8")
    home = tmp_path / "file" / "home"
    refused(raftline_here(home, *command.split()), home, "RAFTLINE_HOME")


def test_doctor_names_a_home_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder", encoding="utf-8")
    found = raftline_here(tmp_path / "file" / "home", "doctor")
    assert found.code == 1
    assert "Traceback" not in found.text
    assert str(tmp_path / "file" / "home") in one_line(found.out, "FAILED")


@pytest.mark.parametrize("command", ["refresh", "demo", "add guide.pdf", "questions add mine.jsonl", "dev"])
def test_a_home_at_work_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    home = tmp_path / "home"
    home.mkdir()
    make_pdf(tmp_path / "guide.pdf", SECRET_PAGE)
    (tmp_path / "mine.jsonl").write_text('{"question": "What is the fee?"}\n', encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused(raftline_here(home, *command.split()), home, "at work")
    assert list((home / "documents").iterdir()) == []
    assert list((home / "questions").iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_a_document_that_may_not_be_read_withdraws_nothing(small_home: Demo, copy_of: Callable[[Demo], Path]) -> None:
    home = copy_of(small_home)
    (home / "documents" / "cards.pdf").chmod(0)
    raftline_here(home, "refresh")
    assert "cards.pdf" in {row["uri"] for row in rows(home, "corpus")}
