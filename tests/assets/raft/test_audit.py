"""The audit: known defects are found, sound files are found sound, and a proxy is never sold as a fact."""

import json
from pathlib import Path

import pytest

from assets.raft.audit import audit
from assets.raft.bank import build_bank
from assets.raft.composition import compose
from assets.raft.dialects import UnreadableDatasetError
from assets.raft.formats import write_chat, write_raft

BANKING = Path(__file__).parents[3] / ".." / "shared" / "data" / "banking"


@pytest.fixture(scope="session")
def ours(world, recipe, tmp_path_factory):
    made = world(21, documents=3, sections=5)
    bank = build_bank(made.generated, made.external, made.chunks, {}).rows
    rows = compose(bank, made.chunks, recipe(p=0.6), {}).rows
    folder = tmp_path_factory.mktemp("ours")
    for split in ("train", "validation"):
        (folder / f"{split}.jsonl").write_bytes(write_raft([row for row in rows if row["split"] == split]))
        (folder / f"chat_{split}.jsonl").write_bytes(write_chat([row for row in rows if row["split"] == split]))
    return folder, rows


@pytest.mark.parametrize("prefix", ["", "chat_"])
def test_our_own_dataset_passes(ours, prefix):
    folder, rows = ours
    found = audit([folder / f"{prefix}train.jsonl", folder / f"{prefix}validation.jsonl"], token_limit=4096)
    json.dumps(found, allow_nan=False)
    for file in found["files"]:
        known = [row for row in rows if row["split"] == file["split"]]
        assert file["rows"] == len(known) and file["documents_per_row"] == {"min": 4, "mean": 4.0, "max": 4}
        assert file["rows_with_repeated_documents"]["rows"] == 0 and file["quotes"]["unverified"] == 0
        assert file["answers_without_tag"]["rows"] == 0 and file["duplicate_questions"]["rows"] == 0
        assert file["refusals"]["rows"] == sum(row["policy"] == "refuse" for row in known)
        assert file["rows_without_oracle"]["by_oracle"]["graded_on_the_fact"] == 0
        proxy = file["rows_without_oracle"]["by_quotes_proxy"]
        assert proxy["graded_on_the_fact"] <= file["quotes"]["rows_without_quotes"]
        if not prefix:
            assert file["oracle_position"]["basis"] == "oracle"
            assert max(file["oracle_position"]["counts"]) - min(file["oracle_position"]["counts"]) <= 1
    (across,) = found["across"]
    assert across["oracle_also_answers_training_rows"]["rows"] == 0 and across["shared_questions"]["rows"] == 0


def test_a_row_moved_into_training_is_found(ours, tmp_path):
    folder, _ = ours
    held = (folder / "validation.jsonl").read_bytes()
    (tmp_path / "train.jsonl").write_bytes((folder / "train.jsonl").read_bytes() + held.split(b"\n")[0] + b"\n")
    (tmp_path / "test.jsonl").write_bytes(held)
    (across,) = audit([tmp_path / "train.jsonl", tmp_path / "test.jsonl"])["across"]
    assert across["shared_questions"]["rows"] == 1 and across["near_duplicate_questions"]["rows"] >= 1


def test_an_invented_quote_a_missing_tag_and_a_repeat_are_found(tmp_path):
    quote = "##begin_quote##{}##end_quote##"
    answers = [
        quote.format("the fee is $5.00") + " <ANSWER>: $5",
        quote.format("The fee is $9.00") + " <ANSWER>: $9",
        "$5",
    ]
    documents = (
        "<DOCUMENT>**The fee** is $5.00 today</DOCUMENT>\n<DOCUMENT>Other</DOCUMENT>\n<DOCUMENT>other</DOCUMENT>\n"
    )
    asked = {"role": "user", "content": f"{documents}What fee?"}
    lines = [json.dumps({"messages": [asked, {"role": "assistant", "content": text}]}) for text in answers]
    (tmp_path / "train.jsonl").write_text("\n".join(lines))
    (file,) = audit([tmp_path / "train.jsonl"], token_limit=10)["files"]
    assert {name: file["quotes"][name] for name in ("quotes", "unverified", "invented", "altered")} == {
        "quotes": 2, "unverified": 1, "invented": 1, "altered": 1,
    }  # fmt: skip
    assert file["quotes"]["with_unverified"]["examples"] == ["train.jsonl:2"]
    assert file["answers_without_tag"]["rows"] == 1 and file["duplicate_questions"]["rows"] == 2
    assert file["rows_with_repeated_documents"]["rows"] == 3 and file["tokens"]["over_limit"]["rows"] == 3
    assert file["rows_without_oracle"]["by_quotes_proxy"]["rows"] == 2
    assert file["rows_without_oracle"]["by_oracle"]["of"] == 0


def test_half_a_character_in_a_row_does_not_stop_the_audit(tmp_path):
    row = {"messages": [{"role": "user", "content": "q \ud800?"}, {"role": "assistant", "content": "a \udc00"}]}
    (tmp_path / "train.jsonl").write_text(json.dumps(row) + "\n")
    json.dumps(audit([tmp_path / "train.jsonl"]), ensure_ascii=False).encode()


def test_a_file_given_twice_or_none_is_an_error(ours):
    folder, _ = ours
    with pytest.raises(UnreadableDatasetError, match="given twice"):
        audit([folder / "train.jsonl", folder / "train.jsonl"])
    with pytest.raises(UnreadableDatasetError, match="no file"):
        audit([])


@pytest.mark.skipif(not BANKING.exists(), reason="the published workshop dataset is not beside this checkout")
def test_the_published_workshop_dataset_is_found_to_be_what_it_is_known_for():
    found = audit([BANKING / f"banking_{split}.jsonl" for split in ("train", "validation", "test")])
    train, validation, test = found["files"]
    assert [file["rows"] for file in (train, validation, test)] == [394, 49, 50]
    assert test["rows_without_oracle"]["by_oracle"]["rows"] == 14
    assert round(train["tokens"]["mean"] * 394, -2) == 347_300
    assert train["tokens"]["over_limit"]["rows"] == 54
    across = {entry["split"]: entry for entry in found["across"]}
    assert across["test"]["oracle_also_answers_training_rows"]["rows"] == 50
    assert across["test"]["oracle_also_in_training_prompts"]["rows"] == 50
    assert (across["test"]["oracle_basis"], across["validation"]["oracle_basis"]) == ("oracle", "quotes")
