"""What people hand over is never lost: not under another document's name, not to the sample corpus."""

import hashlib
import json

import pytest

from orchestration.home import prepare_home
from orchestration.intake import add_documents, add_questions
from orchestration.sample import FIRST, SECOND, place_sample
from resources.errors import RaftlineError


def test_two_documents_that_would_take_one_name_are_refused_and_neither_is_added(tmp_path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "guide.pdf").write_bytes(folder.encode())
    with pytest.raises(RaftlineError, match=r"would both become guide\.pdf"):
        add_documents([tmp_path / "one" / "guide.pdf", tmp_path / "two"], tmp_path / "documents")
    assert not (tmp_path / "documents").exists()


def test_questions_that_are_added_are_counted_once_and_the_rest_is_named(tmp_path) -> None:
    given, folder = tmp_path / "more.jsonl", tmp_path / "questions"
    given.write_text('{"question": "Q?", "answer": "1"}\n' * 2 + '{"question": "Q?", "answer": "2"}\n')
    for _ in range(2):  # a file of the same name is replaced, not repeated
        checked = add_questions(given, folder)
        assert checked.questions == 1
        assert [note.split(";")[0] for note in checked.notes] == [
            "more.jsonl:2 asks what more.jsonl:1 asks and repeats it",
            "more.jsonl:3 asks what more.jsonl:1 asks and contradicts it: the answers differ",
        ]


def test_a_document_that_is_named_twice_is_added_once(tmp_path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "guide.pdf").write_bytes(b"text")
    notes = add_documents([tmp_path / "one", tmp_path / "one" / "guide.pdf"], tmp_path / "documents")
    assert notes == ["guide.pdf: added"]


def test_the_sample_corpus_does_not_overwrite_somebody_s_document_of_the_same_name(project) -> None:
    settings = project()
    prepare_home(settings)
    mine = settings.documents_folder / "cards.pdf"
    mine.write_bytes(b"my own cards")
    with pytest.raises(RaftlineError, match=r"cards\.pdf is not the sample's"):
        place_sample(settings, FIRST)
    assert mine.read_bytes() == b"my own cards"
    mine.unlink()
    assert not (settings.home_folder / "sample.json").exists()
    first = place_sample(settings, FIRST)
    second = place_sample(settings, SECOND)
    assert first != second
    assert {path.name for path in settings.documents_folder.iterdir()} == set(second)


def test_a_document_of_an_older_sample_is_replaced(project) -> None:
    settings = project()
    prepare_home(settings)
    place_sample(settings, FIRST)
    card = settings.documents_folder / "cards.pdf"
    new = card.read_bytes()
    card.write_bytes(b"the cards of an older sample")
    memory = settings.home_folder / "sample.json"
    known = json.loads(memory.read_text(encoding="utf-8"))
    memory.write_text(json.dumps([*known, hashlib.sha256(card.read_bytes()).hexdigest()]), encoding="utf-8")
    place_sample(settings, FIRST)
    assert card.read_bytes() == new
