"""Formats: what we write is read back unchanged, and other people's dialects are understood."""

import json

import pytest

from assets.raft.bank import build_bank
from assets.raft.composition import compose
from assets.raft.dialects import UnreadableDatasetError, read_rows, split_of
from assets.raft.formats import training_files, write_chat, write_completion, write_instruction, write_raft, write_ragas
from resources.llm.raft_text import INSTRUCTION, parse_answer


@pytest.fixture(scope="session")
def rows(world, recipe):
    made = world(12)
    made.chunks[0]["contextual_text"] += "\n\nA line separator \u2028 and {braces}, 中文 and “quotes”."
    bank = build_bank(made.generated, made.external, made.chunks, {}).rows
    return compose(bank, made.chunks, recipe(p=0.7), {}).rows


@pytest.fixture
def reread(tmp_path):
    def read(data, name="train.jsonl"):
        (tmp_path / name).write_bytes(data)
        return read_rows(tmp_path / name)

    return read


@pytest.mark.parametrize(
    ("write", "dialect"),
    [(write_chat, "chat"), (write_completion, "completion"), (write_raft, "raft"),
     (write_instruction, "jumpstart")],
)  # fmt: skip
def test_what_is_written_is_read_back(rows, reread, write, dialect):
    back = reread(write(rows))
    assert {row.dialect for row in back} == {dialect}
    for row, read in zip(rows, back, strict=True):
        assert read.answer == row["target"]
        if dialect != "completion":
            assert read.question == row["question"]
        assert read.documents == tuple(document["text"] for document in row["documents"])


def test_a_full_row_has_the_published_shape(rows):
    row = json.loads(write_raft(rows).decode().split("\n")[0])
    assert row["context"]["sentences"] == [[document["text"] for document in rows[0]["documents"]]]
    assert row["context"]["title"] == [[document["title"] for document in rows[0]["documents"]]]
    assert row["instruction"].endswith(rows[0]["question"]) and row["instruction"].startswith("<DOCUMENT>")
    assert {"id", "type", "question", "oracle_context", "cot_answer"} <= row.keys()


def test_the_papers_dialect_marks_reason_and_answer_and_means_the_same(rows, reread):
    for row, read in zip(rows, reread(write_raft(rows, "paper")), strict=True):
        assert read.answer.startswith("##Reason: ") and "<ANSWER>" not in read.answer
        ours, theirs = parse_answer(row["target"]), parse_answer(read.answer)
        assert (theirs.final, theirs.quotes) == (ours.final, ours.quotes)


def test_chat_carries_the_instruction_and_no_stop_marker(rows):
    data = write_chat(rows)
    assert b"<STOP>" not in data and not data.startswith(b"\xef\xbb\xbf")
    messages = json.loads(data.decode().split("\n")[0])["messages"]
    assert [message["role"] for message in messages] == ["system", "user", "assistant"]
    assert messages[0]["content"] == INSTRUCTION


def test_the_jumpstart_template_names_the_fields_of_the_rows(rows):
    files = training_files("jumpstart_instruction", rows, ())
    template = json.loads(files["template.json"])
    row = json.loads(files["train.jsonl"].decode().split("\n")[0])
    assert template["completion"].format(**row) == rows[0]["target"]
    assert rows[0]["question"] in template["prompt"].format(**row)


def test_jumpstart_chat_holds_the_same_messages_as_chat(rows):
    [dialogs, chats] = [training_files(name, rows, ())["train.jsonl"] for name in ("jumpstart_chat", "chat")]
    for dialog, chat in zip(dialogs.splitlines(), chats.splitlines(), strict=True):
        assert json.loads(dialog) == {"dialog": json.loads(chat)["messages"]}


@pytest.mark.parametrize(
    ("name", "files"),
    [("rows", set()), ("chat", {"train.jsonl", "validation.jsonl"}),
     ("jumpstart_instruction", {"train.jsonl", "validation.jsonl", "template.json"}),
     ("jumpstart_chat", {"train.jsonl", "validation.jsonl"})],
)  # fmt: skip
def test_a_trainer_gets_the_files_of_its_format_and_no_validation_file_without_rows(rows, name, files):
    assert training_files(name, rows[:3], rows[3:]).keys() == files
    assert training_files(name, rows, ()).keys() == files - {"validation.jsonl"}


def test_ragas_samples_name_the_reference_and_its_context(rows, reread):
    for row, read in zip(rows, reread(write_ragas(rows)), strict=True):
        assert read.oracle == row["oracle_text"] and read.answer == row["final_answer"]


def test_other_peoples_files_are_understood(reread):
    lines = [
        {"prompt": "<DOCUMENT>a</DOCUMENT>\nWhy?", "completion": " Because. <STOP>"},
        {
            "question": "Why?", "context": "a b", "oracle_document": "a", "cot_answer": "x",
            "instruction": "<DOCUMENT>a</DOCUMENT>\n\nWhy?",
        },
        {"question": "Why?", "contexts": ["a"], "ground_truth": "b", "answer": "c"},
        {"messages": [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "b"}]},
    ]  # fmt: skip
    back = reread(b"\xef\xbb\xbf" + "\n".join(map(json.dumps, lines)).encode(), "dev.jsonl")
    assert [row.question for row in back] == ["Why?"] * 4
    assert [row.documents for row in back] == [("a",), ("a",), ("a",), ()]
    assert back[0].answer == "Because." and back[1].oracle == "a" and back[0].split == "validation"


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", r"train\.jsonl: holds no rows"),
        (b'{"messages": []}\n{"mess', r"train\.jsonl, line 1: looks like a chat row, but `messages` lacks"),
        (b'\n{"a": 1}\n', r"train\.jsonl, line 2: unknown dialect with the keys a; known are raft"),
        (b"\n\n[1]", r"line 3: a row must be a JSON object"),
        (b'{"prompt": "a", "completion": "b"}\n{"prompt', r"line 2: is not valid JSON"),
        (b'{"prompt": 5, "completion": "b"}', r"line 1: looks like a completion row, but `prompt` is not a text"),
        (b'{"question": "q", "context": {"sentences": [[5]]}, "cot_answer": "b"}', r"`context\.sentences` holds"),
        (b"\xff\xfe{}", r"train\.jsonl: is not UTF-8"),
        (b"%PDF-1.7\n", r"line 1: is not valid JSON"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_by_name_and_line(reread, data, told):
    with pytest.raises(UnreadableDatasetError, match=told):
        reread(data)


def test_a_missing_file_and_a_folder_are_told_by_path(tmp_path):
    for path in (tmp_path / "none.jsonl", tmp_path):
        with pytest.raises(UnreadableDatasetError, match="cannot be read"):
            read_rows(path)


@pytest.mark.parametrize(
    ("name", "split"),
    [("banking_train", "train"), ("x-valid", "validation"), ("dev", "validation"), ("my.test", "test"),
     ("rows", "rows"), ("evaluation", "test"), ("latest", "latest")],
)  # fmt: skip
def test_the_split_is_read_from_the_files_name(tmp_path, name, split):
    assert split_of(tmp_path / f"{name}.jsonl") == split
