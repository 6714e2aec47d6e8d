"""External questions: a good line is mapped to the chunk that answers it, a bad one is a row that says why."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.raft.external import (
    FileCheck,
    QuestionFile,
    check_question_file,
    files_version,
    question_files,
    read_questions,
)
from assets.raft.mapping import bare, map_questions, stands_in
from resources.errors import RaftlineError
from resources.lake.lake import Lake
from resources.lake.tables import EXTERNAL_QUESTIONS

GOOD = {"question": "What is the fee?", "answer": "$5.00"}


def file(*lines: Any, name: str = "human.jsonl") -> QuestionFile:
    texts = [line if isinstance(line, str) else json.dumps(line, ensure_ascii=False) for line in lines]
    return QuestionFile(name, "\n".join(texts))


def chunk(name: str, text: str, uri: str = "guide.pdf", page: int = 0) -> dict[str, Any]:
    return {
        "chunk_id": name, "document_id": f"d-{uri}", "uri": uri, "page_start": page, "page_end": page, "text": text,
        "contextual_text": f"Guide > Fees\n\n{text}",
    }  # fmt: skip


CORPUS = [
    chunk("wire", "|Service|Fee|\n|---|---|\n|Wire transfer|**$30.00**<sup>2</sup>|", page=3),
    chunk("cash", "The fee for a cash withdrawal is $5.00 per item.", page=4),
    chunk("other", "The fee for a cash withdrawal is $5.00 per item.", uri="sub/Cards.pdf", page=4),
]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("not json", "Expecting value"),
        ("{", "Expecting"),
        ("[1, 2]", "must be a JSON object"),
        ('"text"', "must be a JSON object"),
        ("NaN", "must be a JSON object"),
        ("[" * 100_000, "nested"),
        ({}, "`question` must be a text"),
        ({"question": "   "}, "`question` must be a text"),
        ({"question": 5}, "`question` must be a text"),
        ({"question": None}, "`question` must be a text"),
        (GOOD | {"colour": "red"}, "unknown keys 'colour'; known are answer"),
        (GOOD | {"use": "exam"}, "`use` is 'exam'; it must be one of train, test, both"),
        (GOOD | {"use": ["test"]}, "`use` is"),
        (GOOD | {"origin": "generated"}, "`origin` is 'generated'; it must be one of human, third_party"),
        (GOOD | {"page": 0}, "`page` is 0; it must be the page number"),
        (GOOD | {"page": -3}, "`page` is -3"),
        (GOOD | {"page": "7"}, "`page` is '7'"),
        (GOOD | {"page": True}, "`page` is True"),
        (GOOD | {"page": 2.5}, "`page` is 2.5"),
        (GOOD | {"page": 10**30}, "`page` is 1000"),
        (GOOD | {"answer": 5}, "`answer` must be a text"),
        (GOOD | {"document": ["a.pdf"]}, "`document` must be a text"),
        (GOOD | {"quote": {}}, "`quote` must be a text"),
        (GOOD | {"kind": 1}, "`kind` must be a text"),
        (GOOD | {"answerable": "yes"}, "`answerable` must be true or false"),
    ],
)
def test_a_bad_line_is_a_row_with_its_reason_and_its_place_and_the_others_go_on(tmp_path, line, reason) -> None:
    rows = read_questions([file(GOOD, "", line)])
    good, bad = rows
    assert (good["status"], bad["status"], bad["source"]) == ("unmapped", "invalid", "human.jsonl:3")
    assert reason in bad["reason"]
    Lake(tmp_path).write(EXTERNAL_QUESTIONS, map_questions(rows, CORPUS))
    with pytest.raises(RaftlineError, match=r"human\.jsonl:3"):
        check_question_file(file(GOOD, "", line))


@given(st.one_of(st.text(max_size=40), st.dictionaries(st.sampled_from(sorted(["question", "page", "use", "quote"])),
       st.none() | st.text(max_size=9) | st.integers() | st.floats() | st.lists(st.text(max_size=3)), max_size=4)
       .map(json.dumps)))  # fmt: skip
def test_whatever_stands_in_a_file_becomes_rows_that_the_lake_takes(tmp_path_factory, line) -> None:
    rows = map_questions(read_questions([QuestionFile("any.jsonl", line)]), CORPUS)
    Lake(tmp_path_factory.getbasetemp() / "any").write(EXTERNAL_QUESTIONS, rows)


@pytest.mark.parametrize("escaped", [True, False])
@pytest.mark.parametrize(
    "hostile", ["<script>alert(1)</script>", "[/b] **bold**", "=HYPERLINK(1)", "\u202eabc", "费用\x85?"]
)
def test_hostile_text_is_one_question_kept_as_text(tmp_path, hostile, escaped) -> None:
    line = json.dumps(GOOD | {"question": f"What is {hostile} worth?", "answer": hostile}, ensure_ascii=escaped)
    [row] = read_questions([QuestionFile("q.jsonl", line)])
    assert (row["status"], row["question"], row["answer"]) == ("unmapped", f"What is {hostile} worth?", hostile)
    Lake(tmp_path).write(EXTERNAL_QUESTIONS, map_questions([row], CORPUS))


@pytest.mark.parametrize("key", ["question", "answer", "document", "quote", "kind"])
def test_half_a_character_makes_a_line_invalid_and_its_row_can_be_stored(tmp_path, key) -> None:
    [row] = read_questions([QuestionFile("q.jsonl", json.dumps(GOOD | {key: "What is \ud800?"}))])
    assert row["status"] == "invalid"
    assert f"`{key}` holds half of a character" in row["reason"]
    Lake(tmp_path).write(EXTERNAL_QUESTIONS, [row])


def test_a_line_separator_inside_a_text_does_not_cut_the_line() -> None:
    [row] = read_questions([file(GOOD | {"question": "one\u2028two\x85three?"})])
    assert row["question"] == "one\u2028two\x85three?"


def test_windows_line_ends_and_a_byte_order_mark_are_no_problem(tmp_path) -> None:
    (tmp_path / "q.jsonl").write_bytes(b"\xef\xbb\xbf" + json.dumps(GOOD).encode() + b"\r\n\r\n")
    [row] = read_questions(question_files(tmp_path))
    assert (row["status"], row["source"]) == ("unmapped", "q.jsonl:1")


def test_bytes_that_are_no_text_are_a_bad_line(tmp_path) -> None:
    (tmp_path / "q.jsonl").write_bytes(b"\xff\xfe\x00" + json.dumps(GOOD).encode())
    [row] = read_questions(question_files(tmp_path))
    assert row["status"] == "invalid"


def test_only_jsonl_files_are_read_and_a_missing_folder_has_none(tmp_path) -> None:
    (tmp_path / "folder.jsonl").mkdir()
    (tmp_path / "notes.txt").write_text("x")
    assert question_files(tmp_path) == []
    assert question_files(tmp_path / "gone") == []
    assert read_questions([]) == []


def test_an_explicit_null_is_a_key_left_out() -> None:
    [row] = read_questions([file(GOOD | dict.fromkeys(("document", "page", "quote", "use", "origin", "answerable")))])
    [same] = read_questions([file(GOOD)])
    assert row == same


def test_defaults_are_a_human_question_for_the_test() -> None:
    [row] = read_questions([file(GOOD)])
    assert (row["use"], row["origin"], row["language"], row["answerable"]) == ("test", "human", "en", True)


def test_a_page_is_counted_from_one_by_people_and_from_zero_in_tables() -> None:
    [row] = read_questions([file(GOOD | {"page": 5})])
    assert row["page"] == 4


def test_the_same_question_in_two_files_is_one_question() -> None:
    rows = read_questions([file(GOOD, name="a.jsonl"), file(GOOD, GOOD | {"page": 5}, name="b.jsonl")])
    assert [row["source"] for row in rows] == ["a.jsonl:1", "b.jsonl:2"]


def test_an_unanswerable_question_needs_no_chunk() -> None:
    [row] = map_questions(read_questions([file({"question": "Do you sell hats?", "answerable": False})]), CORPUS)
    assert (row["status"], row["chunk_id"], row["reason"]) == ("unanswerable", None, None)


@pytest.mark.parametrize(
    ("given_keys", "found"),
    [
        pytest.param({"document": "guide.pdf", "page": 5}, "cash", id="document and page"),
        pytest.param({"document": "guide"}, "cash", id="document by its stem"),
        pytest.param({"document": "CARDS.PDF"}, "other", id="document by file name whatever its case"),
        pytest.param({"document": "sub/Cards.pdf"}, "other", id="document by its whole path"),
        pytest.param(
            {"answer": "$30.00", "quote": "Wire transfer | $30.00"},
            "wire",
            id="a quote from a table without its markup",
        ),
        pytest.param(
            {"document": "guide", "quote": "the  FEE for a cash\nwithdrawal is $5.00"},
            "cash",
            id="a quote in other spacing",
        ),
        pytest.param(
            {"document": "guide", "quote": "fee for one cash withdrawal is $5.00"},
            "cash",
            id="a quote that is nearly there",
        ),
    ],
)
def test_a_question_is_mapped_by_quote_page_and_document(given_keys, found) -> None:
    [row] = map_questions(read_questions([file(GOOD | given_keys)]), CORPUS)
    assert (row["status"], row["chunk_id"]) == ("mapped", found)
    assert row["document_id"].startswith("d-")


@pytest.mark.parametrize(
    ("given_keys", "reason"),
    [
        ({"document": "other.pdf"}, "document other.pdf is not in the corpus"),
        ({"document": "guide.pdf", "page": 9}, "guide.pdf has no text on page 9"),
        ({"page": 900}, "the corpus has no text on page 900"),
        ({"answer": None}, "no answer is given"),
        ({"answer": "  "}, "no answer is given"),
        ({"answer": "**"}, "no chunk holds"),
        ({"quote": "Mortgages are approved within two working days"}, "no chunk holds the quote"),
    ],
)
def test_what_cannot_be_mapped_is_kept_with_the_reason(given_keys, reason) -> None:
    [row] = map_questions(read_questions([file(GOOD | given_keys)]), CORPUS)
    assert (row["status"], row["chunk_id"]) == ("unmapped", None)
    assert reason in row["reason"]


def test_mapping_does_not_depend_on_the_order_of_the_corpus() -> None:
    rows = read_questions([file(GOOD, GOOD | {"question": "Which fee has a wire transfer?", "answer": "$30.00"})])
    assert map_questions(rows, CORPUS) == map_questions(rows, CORPUS[::-1])


def test_an_empty_corpus_maps_nothing_and_breaks_nothing() -> None:
    [row] = map_questions(read_questions([file(GOOD)]), [])
    assert row["status"] == "unmapped"


def test_a_file_without_a_question_is_refused_by_name() -> None:
    with pytest.raises(RaftlineError, match=r"empty\.jsonl holds no question"):
        check_question_file(QuestionFile("empty.jsonl", "\n \n"))
    assert check_question_file(file(GOOD, GOOD | {"page": 2})) == FileCheck(2)


def test_only_new_usable_questions_count_and_every_other_line_is_named() -> None:
    earlier = file({"question": "How much is a box?", "answer": "$40"}, name="old.jsonl")
    lines = (
        GOOD,
        GOOD | {"answer": " $5.00", "quote": "fee"},
        GOOD | {"answer": "$6.00"},
        {"question": "Who pays?"},
        {"question": "How much is a box?", "answer": "$50"},
        {"question": "Do you sell hats?", "answerable": False},
    )
    checked = check_question_file(file(*lines, name="new.jsonl"), [earlier])
    assert checked.questions == 2
    assert [note.split(";")[0] for note in checked.notes] == [
        "new.jsonl:2 asks what new.jsonl:1 asks and repeats it",
        "new.jsonl:3 asks what new.jsonl:1 asks and contradicts it: the answers differ",
        "new.jsonl:4 cannot be used: no answer is given, so nothing can be scored against it",
        "new.jsonl:5 asks what old.jsonl:1 asks and contradicts it: the answers differ",
    ]


def test_the_version_of_the_files_follows_names_and_text() -> None:
    versions = {
        files_version(files)
        for files in ([], [file(GOOD)], [file(GOOD, name="b")], [file({"question": "x"})], [file(GOOD), file(GOOD)])
    }
    assert len(versions) == 5


def test_text_is_compared_without_markup_and_case() -> None:
    assert bare("| **Fee** | [$5.00](http://x)<sup>2</sup> ✓ |") == "fee $5.00 2"


@pytest.mark.parametrize(
    ("needle", "text", "found"),
    [
        ("$5", "it is $500 or $5.00 or us$5,000", False),
        ("$5", "it is $500, or $5.", True),
        ("5", "1.5 and 15 and 2,5", False),
        ("5%", "15% or 0.5%", False),
        ("5%", "from 5%, at most", True),
        ("art", "a party of artists", False),
        ("年费", "信用卡年费为", True),
        ("30", "年费30元", True),
        ("", "anything", False),
    ],
)
def test_evidence_stands_as_whole_words_and_numbers(needle, text, found) -> None:
    assert stands_in(needle, text) is found


@pytest.mark.parametrize(
    "line",
    [
        {"question": "What does a wire transfer cost?", "answer": "$3"},
        {"question": "What does a wire transfer cost?", "answer": "$30.00", "quote": "r"},
        {"question": "When was the museum founded?", "answer": "$5.00"},
        {"question": "Which fee is it?", "answer": "a"},
        {"question": "What does a wire transfer cost?", "answer": "$30.00", "quote": "30 days 2"},
        {"question": "What does a wire transfer cost?", "answer": "$30.00", "quote": "$30"},
        {"question": "What is the fee for a cash withdrawal?", "answer": "as"},
    ],
)
def test_a_chance_hit_maps_a_question_nowhere(line) -> None:
    [row] = map_questions(read_questions([file(line)]), CORPUS)
    assert (row["status"], row["chunk_id"]) == ("unmapped", None)
    assert "no chunk holds the" in row["reason"]
