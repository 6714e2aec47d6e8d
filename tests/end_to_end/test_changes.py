"""Documents that change: only what changed is made again, and a broken version never replaces a good one."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.end_to_end.conftest import Demo, raftline_here, succeeded
from tests.end_to_end.homes import batches, latest_check, metadata, rows

pytestmark = pytest.mark.slow

CHANGED, ADDED, WITHDRAWN = "everyday-accounts.pdf", "business-starter.pdf", "travel-money.pdf"


def test_the_second_batch_holds_the_three_changes_and_nothing_else(refreshed_demo: Demo) -> None:
    _, second = batches(refreshed_demo.home)
    arrived = {row["uri"]: row["status"] for row in rows(refreshed_demo.home, "raw_pdfs", second)}
    assert arrived == {CHANGED: "ok", ADDED: "ok", WITHDRAWN: "withdrawn"}


def test_only_the_changed_page_and_the_added_document_are_parsed(refreshed_demo: Demo) -> None:
    _, second = batches(refreshed_demo.home)
    parsed = metadata(refreshed_demo.home, "markdown_pages", second)
    pages = {row["uri"]: row["page_count"] for row in rows(refreshed_demo.home, "raw_pdfs", second)}
    assert parsed["pages parsed"] == 1 + pages[ADDED]
    assert parsed["pages reused"] == pages[CHANGED] - 1


def test_the_models_are_called_for_changed_chunks_only(refreshed_demo: Demo) -> None:
    first, second = batches(refreshed_demo.home)
    known = {row["chunk_id"] for row in rows(refreshed_demo.home, "chunks", first)}
    chunks = rows(refreshed_demo.home, "chunks", second)
    fresh = [row for row in chunks if row["chunk_id"] not in known]
    added = {row["document_id"] for row in rows(refreshed_demo.home, "raw_pdfs", second) if row["uri"] == ADDED}
    assert 1 <= sum(row["document_id"] not in added for row in fresh) <= 3
    asked = rows(refreshed_demo.home, "qa_pairs", second)
    new = {row["chunk_id"] for row in fresh}
    answers = sum(row["chunk_id"] in new for row in asked)
    expected = {
        "contextualized_chunks": (len(fresh), len(chunks)),
        "qa_pairs": (len(fresh) + answers, len(chunks) + len(asked)),
    }
    for asset, (made, wanted) in expected.items():
        calls = metadata(refreshed_demo.home, asset, second)["calls"]
        assert (calls["made"], calls["from the ledger"]) == (made, wanted - made), asset


def test_the_first_batch_is_not_made_again(demo: Demo, refreshed_demo: Demo) -> None:
    first, second = batches(refreshed_demo.home)
    assert not re.search(rf"ingest_batch +{first}", refreshed_demo.outcome.out)
    assert re.search(rf"ingest_batch +{second}", refreshed_demo.outcome.out)
    for table in ("raw_pdfs", "markdown_pages", "chunks", "qa_pairs", "batch_markers"):
        assert rows(refreshed_demo.home, table, first) == rows(demo.home, table, first)


def test_the_withdrawn_document_is_gone_and_the_added_one_is_there(refreshed_demo: Demo) -> None:
    corpus = rows(refreshed_demo.home, "corpus")
    uris = {row["uri"] for row in corpus}
    assert WITHDRAWN not in uris
    assert ADDED in uris
    listed = {row["uri"]: row for row in rows(refreshed_demo.home, "document_inventory")}
    assert listed[WITHDRAWN]["status"] == "withdrawn"
    current = {row["chunk_id"] for row in corpus}
    folder = refreshed_demo.home / "index"
    indexed = json.loads((folder / _current_index(folder) / "chunk_ids.json").read_text(encoding="utf-8"))
    assert set(indexed) == current
    gone = listed[WITHDRAWN]["document_id"]
    kept = [row for row in rows(refreshed_demo.home, "question_bank") if row["status"] == "kept"]
    assert gone not in {row["document_id"] for row in kept}
    assert listed[ADDED]["document_id"] in {row["document_id"] for row in kept}
    assert {row["chunk_id"] for row in kept if row["chunk_id"]} <= current


def _current_index(folder: Path) -> str:
    [build] = [path.name for path in folder.iterdir() if path.is_dir()]
    return build


def test_the_corpus_holds_the_new_fee_and_no_longer_the_old_one(demo: Demo, refreshed_demo: Demo) -> None:
    def withdrawal(made: Demo) -> str:
        lines = [
            line for row in rows(made.home, "corpus") if row["uri"] == CHANGED for line in row["text"].splitlines()
        ]
        [line] = [line for line in lines if line.startswith("|Withdrawal at another bank's machine|")]
        return line

    assert withdrawal(demo).split("|")[2].startswith("$2.75")
    assert withdrawal(refreshed_demo).split("|")[2].startswith("$3.25")
    assert withdrawal(refreshed_demo) == withdrawal(demo).replace("$2.75", "$3.25")


def test_questions_of_untouched_documents_keep_their_split(demo: Demo, refreshed_demo: Demo) -> None:
    def splits(made: Demo) -> dict[str, str]:
        return {row["question_id"]: row["split"] for row in rows(made.home, "question_bank") if row["status"] == "kept"}

    before, after = splits(demo), splits(refreshed_demo)
    both = before.keys() & after.keys()
    assert len(both) > len(before) / 2
    assert {question for question in both if before[question] != after[question]} == set()


def test_the_changed_fee_is_answered_with_the_new_value(refreshed_demo: Demo) -> None:
    reply = _ask(
        refreshed_demo.home, "What does a withdrawal at another bank's machine cost with the Everyday Account?"
    )
    assert reply["answer"] == "$3.25"
    assert {(quote["document"], quote["page"]) for quote in reply["quotes"]} == {(CHANGED, 3)}


def test_the_changed_fee_is_found_in_a_customers_words_too(refreshed_demo: Demo) -> None:
    reply = _ask(
        refreshed_demo.home,
        "I have the Everyday Account. What do you take if I get cash from a machine that belongs to another bank?",
    )
    assert reply["answer"] == "$3.25"


def test_the_added_document_answers(refreshed_demo: Demo) -> None:
    reply = _ask(refreshed_demo.home, "What does Starter Plus cost a month?")
    assert reply["answer"] == "$17.00"
    assert {(quote["document"], quote["page"]) for quote in reply["quotes"]} == {(ADDED, 1)}
    assert (reply["newer_than_the_model"], reply["warning"]) == ([], ""), "its model was trained with it"


def test_what_each_student_learned_is_kept_and_the_first_knows_nothing_of_the_second_state(
    demo: Demo, refreshed_demo: Demo
) -> None:
    [first] = [row["model_id"] for row in rows(demo.home, "model_registry")]
    students = [row["model_id"] for row in rows(refreshed_demo.home, "model_registry")]
    assert rows(refreshed_demo.home, "learned_facts", first) == rows(demo.home, "learned_facts", first)
    arrived = {row["version"] for row in rows(refreshed_demo.home, "corpus") if row["uri"] in (CHANGED, ADDED)}
    known = {
        student: {row["version"] for row in rows(refreshed_demo.home, "learned_documents", student)}
        for student in students
    }
    assert len(students) == len(arrived) == 2
    assert {student: len(arrived & versions) for student, versions in known.items()} == {
        student: 0 if student == first else 2 for student in students
    }


def test_facts_that_the_champion_learned_are_not_asked_again_after_it_was_trained_on_the_change(
    refreshed_demo: Demo,
) -> None:
    assert rows(refreshed_demo.home, "changed_facts") == []
    assert "calls" not in metadata(refreshed_demo.home, "changed_facts")
    assert latest_check(refreshed_demo.home, "changed_facts", "old_answers_are_rare").passed


def test_a_question_for_the_withdrawn_document_is_declined(refreshed_demo: Demo) -> None:
    reply = _ask(
        refreshed_demo.home, "I bought yen from your stock and have some left. What do you charge for taking them back?"
    )
    assert reply["abstained"]
    assert reply["quotes"] == []


def _ask(home: Path, question: str) -> dict:
    return json.loads(succeeded(raftline_here(home, "ask", "--json", question)).out)


def test_a_broken_new_version_keeps_the_last_good_one_and_warns(
    small_home: Demo, copy_of: Callable[[Demo], Path]
) -> None:
    home = copy_of(small_home)
    before = [row for row in rows(home, "corpus") if row["uri"] == "cards.pdf"]
    whole = (home / "documents" / "cards.pdf").read_bytes()
    (home / "documents" / "cards.pdf").write_bytes(whole[: len(whole) // 2])
    succeeded(raftline_here(home, "refresh"))

    assert [row for row in rows(home, "corpus") if row["uri"] == "cards.pdf"] == before
    check = latest_check(home, "corpus", "newer_unreadable_versions")
    assert not check.passed
    assert check.severity.value == "WARN"
    status = succeeded(raftline_here(home, "status")).out
    [line] = [line for line in status.splitlines() if line.startswith("cards.pdf")]
    assert "kept_last_good" in line
    assert "truncated or damaged" in line
    assert succeeded(raftline_here(home, "refresh")).out.startswith("everything is up to date")

    shutil.copyfile(small_home.home / "documents" / "cards.pdf", home / "documents" / "cards.pdf")
    succeeded(raftline_here(home, "refresh"))
    assert latest_check(home, "corpus", "newer_unreadable_versions").passed


def test_withdrawing_every_document_leaves_an_empty_corpus_that_answers_nothing(
    small_home: Demo, copy_of: Callable[[Demo], Path]
) -> None:
    home = copy_of(small_home)
    for path in (home / "documents").glob("*.pdf"):
        path.unlink()
    doubted = raftline_here(home, "refresh")  # the folder of a copied home could be an empty mount point
    (memory,) = re.findall(r"if its documents are to be withdrawn, delete (\S+)", doubted.err)
    assert doubted.code == 1
    Path(memory).unlink()
    succeeded(raftline_here(home, "refresh"))
    assert rows(home, "corpus") == []
    assert {row["status"] for row in rows(home, "document_inventory")} == {"withdrawn"}
    assert _ask(home, "What does a single crossing to Ardle cost?")["abstained"]
    assert "train_recipe" not in succeeded(raftline_here(home, "status")).out
