"""Every rule passes on a sound lake and names the rows that break it."""

import dagster as dg
import pytest

from dbt_like_sql.project import CHECKS, build_sql_checks
from resources.lake.tables import (
    ANSWER_SCORES,
    CHANGED_FACTS,
    CHUNK_EMBEDDINGS,
    CHUNKS,
    CONTEXTUALIZED_CHUNKS,
    CORPUS,
    EVALUATION_SET,
    MARKDOWN_PAGES,
    MODEL_ANSWERS,
    QA_PAIRS,
    QUESTION_BANK,
    RAFT_DATASET,
    RAW_PDFS,
    Table,
)

BATCH_RULES = [
    tuple(path.stem.split("__"))
    for path in sorted(CHECKS.glob("*.sql"))
    if path.stem.split("__")[0]
    in {"raw_pdfs", "markdown_pages", "chunks", "contextualized_chunks", "chunk_embeddings", "qa_pairs"}
]


def row_of(table: Table, **values):
    """A row of a table with something in every column that is not given."""
    blank = {"string": "x", "int64": 0, "double": 0.0, "bool": True}
    return {field.name: blank.get(str(field.type), []) for field in table.schema} | values


def change(house, table: Table, batch: str, **values):
    """Rewrites the first row of a partition with other values."""
    first, *others = house.lake.rows(table, batch)
    house.lake.write(table, [{**first, **values}, *others], batch)


def shown(result: dg.AssetCheckEvaluation) -> list:
    """The sample rows in the metadata of a failed check."""
    sample = result.metadata["sample"]
    assert isinstance(sample, dg.TableMetadataValue)
    return [record.data for record in sample.records]


@pytest.mark.parametrize(("asset", "rule"), BATCH_RULES)
def test_a_sound_batch_passes_every_rule(house, document, asset, rule):
    batch = house.add(1, document("a.pdf", "v1", "费用 $5.00 今天", "two words"), document("b.pdf", "v1", "three"))
    house.add(2, document("c.pdf", "v1", status="unreadable"))
    assert house.offending(asset, rule, batch) == []


@pytest.mark.parametrize(("asset", "rule"), BATCH_RULES)
def test_a_batch_of_nothing_but_tombstones_passes_every_rule(house, document, asset, rule):
    batch = house.add(1, document("a.pdf", "v1", status="withdrawn", tombstone=True))
    assert house.offending(asset, rule, batch) == []


def test_an_unreadable_document_warns_with_its_reason_and_what_to_do(house, document):
    batch = house.add(1, document("a.pdf", "v1", "one"), document("b.pdf", "v1", status="unreadable"))
    result = house.check("raw_pdfs", "documents_are_readable", batch)
    assert not result.passed
    assert result.severity == dg.AssetCheckSeverity.WARN
    assert result.metadata["offending_rows"].value == 1
    assert shown(result)[0]["error"] == "it is broken"
    assert "Replace the file" in result.metadata["what_to_do"].value


@pytest.mark.parametrize(
    ("table", "rule", "values", "problem"),
    [
        (RAW_PDFS, ("raw_pdfs", "ids_are_unique"), {"uri": "b.pdf"}, "b.pdf"),
        (MARKDOWN_PAGES, ("markdown_pages", "pages_are_complete"), {"page": 7}, "missing"),
        (
            MARKDOWN_PAGES,
            ("markdown_pages", "pages_are_complete"),
            {"version": "v9"},
            "not a page of a readable document",
        ),
        (MARKDOWN_PAGES, ("markdown_pages", "words_are_kept"), {"number_recall": 0.99}, "0.99"),
        (MARKDOWN_PAGES, ("markdown_pages", "words_are_kept"), {"word_recall": 0.96}, "0.96"),
        (CHUNKS, ("chunks", "spans_are_valid"), {"char_end": 999}, "outside the page"),
        (CHUNKS, ("chunks", "spans_are_valid"), {"page_start": 1, "page_end": 1}, "no such page"),
        (CHUNKS, ("chunks", "spans_are_valid"), {"text": " "}, "no text"),
        (CHUNKS, ("contextualized_chunks", "one_context_per_chunk"), {"chunk_id": "new"}, "no context"),
        (CONTEXTUALIZED_CHUNKS, ("contextualized_chunks", "one_context_per_chunk"), {"text": "other"}, "text changed"),
        (CHUNK_EMBEDDINGS, ("chunk_embeddings", "one_vector_per_chunk"), {"chunk_id": "new"}, "one vector wanted"),
        (
            CHUNK_EMBEDDINGS,
            ("chunk_embeddings", "one_vector_per_chunk"),
            {"vector": [1.0]},
            "wrong length or not finite",
        ),
        (CHUNK_EMBEDDINGS, ("chunk_embeddings", "one_vector_per_chunk"), {"vector": [1.0, float("nan")]}, "not finite"),
        (QA_PAIRS, ("qa_pairs", "quotes_are_verbatim"), {"quotes": []}, "no quote"),
        (
            QA_PAIRS,
            ("qa_pairs", "quotes_are_verbatim"),
            {"quotes": [{"text": "f", "start": 3, "end": 4}]},
            "not in the chunk",
        ),
        (
            QA_PAIRS,
            ("qa_pairs", "questions_are_spread"),
            {"accepted": False, "gate": "quote_not_verbatim", "page": 4},
            "'kind': 'page', 'place': '5', 'asked': 1, 'refused_most_by': 'quote_not_verbatim'",
        ),
    ],
)
def test_a_broken_row_is_named(house, document, table, rule, values, problem):
    second = document("b.pdf", "v1", "text two") if table is not MARKDOWN_PAGES else document("b.pdf", "v1")
    extra = [document("c.pdf", "v1", "text three")] if table is CHUNK_EMBEDDINGS else []
    batch = house.add(1, document("a.pdf", "v1", "text one"), second, *extra)
    change(house, table, batch, **values)
    assert problem in str(house.offending(*rule, batch))


def test_chunks_without_any_vector_are_named(house, document):
    batch = house.add(1, document("a.pdf", "v1", "text one"))
    house.lake.write(CHUNK_EMBEDDINGS, [], batch)
    assert len(house.offending("chunk_embeddings", "one_vector_per_chunk", batch)) == 1


def test_a_readable_document_that_gave_no_chunk_warns(house, document):
    batch = house.add(1, document("a.pdf", "v1", "text one"), document("scan.pdf", "v1", page_count=3))
    assert [row["uri"] for row in house.offending("chunks", "documents_have_text", batch)] == ["scan.pdf"]


def refuse(house, batch: str, count: int) -> None:
    """Rewrites a batch's questions so that the first `count` are refused."""
    rows = house.lake.rows(QA_PAIRS, batch)
    refused = [row | {"accepted": False, "gate": "refusal"} for row in rows[:count]]
    house.lake.write(QA_PAIRS, refused + rows[count:], batch)


@pytest.mark.parametrize(("asked", "refused", "blocks"), [(10, 4, False), (10, 5, True), (9, 9, False), (0, 0, False)])
def test_a_yield_below_three_fifths_blocks_unless_hardly_anything_was_asked(house, document, asked, refused, blocks):
    batch = house.add(1, document("a.pdf", "v1", *(f"text {number}" for number in range(asked))))
    refuse(house, batch, refused)
    offending = house.offending("qa_pairs", "yield_is_enough", batch)
    assert [(row["asked"], row["accepted"], row["refused_most_by"]) for row in offending] == (
        [(asked, asked - refused, "refusal")] if blocks else []
    )


def test_a_table_that_no_accepted_question_quotes_is_named_and_a_quoted_one_is_not(house, document):
    text = "Fees are charged monthly.\n\n|Item|Fee|\n|---|---|\n|Cash|$5.00|\n"
    batch = house.add(1, document("a.pdf", "v1", text))
    [row] = house.offending("qa_pairs", "questions_are_spread", batch)
    assert (row["kind"], row["place"]) == ("table", "page 1: Fees")
    start = text.index("|Cash")
    change(house, QA_PAIRS, batch, quotes=[{"text": "|Cash|$5.00|", "start": start, "end": start + 12}])
    assert house.offending("qa_pairs", "questions_are_spread", batch) == []


def test_a_rejected_question_needs_no_quote(house, document):
    batch = house.add(1, document("a.pdf", "v1", "text one"))
    change(house, QA_PAIRS, batch, quotes=[], accepted=False, gate="quote_missing")
    assert house.offending("qa_pairs", "quotes_are_verbatim", batch) == []


def test_another_batch_does_not_disturb_a_check(house, document):
    batch = house.add(1, document("a.pdf", "v1", "text one"))
    other = house.add(2, document("a.pdf", "v2", "text one"))
    change(house, CHUNKS, other, char_end=999)
    assert house.check("chunks", "spans_are_valid", batch).passed
    assert not house.check("chunks", "spans_are_valid", other).passed


def test_a_corpus_that_mixes_two_versions_of_a_document_is_refused(house):
    house.lake.write(CORPUS, [row_of(CORPUS, chunk_id="1", version="v1"), row_of(CORPUS, chunk_id="2", version="v2")])
    assert len(house.offending("corpus", "chunks_are_unique")) == 2


def test_a_kept_older_version_warns_until_the_newest_can_be_used(house, document):
    house.add(1, document("a.pdf", "v1", "one"))
    house.corpus()
    assert house.offending("corpus", "newer_unreadable_versions") == []
    house.add(2, document("a.pdf", "v2", status="unreadable"))
    house.corpus()
    assert [row["reason"] for row in house.offending("corpus", "newer_unreadable_versions")] == ["it is broken"]
    house.add(3, document("a.pdf", "v3", "three"))
    house.corpus()
    assert house.offending("corpus", "newer_unreadable_versions") == []


@pytest.mark.parametrize(("status", "passed"), [("kept", False), ("withheld", True)])
def test_a_training_question_on_a_test_chunk_is_contamination_unless_it_is_withheld(house, status, passed):
    rows = [
        row_of(QUESTION_BANK, question_id="1", chunk_id="c", split="test", status="kept"),
        row_of(QUESTION_BANK, question_id="2", chunk_id="c", split="train", status=status),
        row_of(QUESTION_BANK, question_id="3", chunk_id="d", split="train", status="kept"),
    ]
    house.lake.write(QUESTION_BANK, rows)
    assert (house.offending("question_bank", "no_contamination") == []) is passed


DOCUMENTS = [{"chunk_id": name, "title": "T", "text": f"text {name}"} for name in "abc"]


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({}, None),
        ({"oracle_present": False, "oracle_index": -1, "oracle_text": "text z"}, None),
        ({"documents": [], "oracle_present": False, "oracle_index": -1}, None),
        ({"documents": [DOCUMENTS[0], DOCUMENTS[0]]}, "documents repeat"),
        ({"oracle_index": 3}, "no document at the oracle index"),
        ({"oracle_index": 0}, "oracle is elsewhere"),
        ({"oracle_present": False}, "absent oracle has an index"),
        ({"oracle_present": False, "oracle_index": -1}, "absent oracle is present"),
        ({"target": "No tag."}, "target ends without an answer"),
        ({"final_answer": " "}, "no final answer"),
    ],
)
def test_a_dataset_row_that_cannot_be_trained_on_is_named(house, values, problem):
    sound = {"documents": DOCUMENTS, "oracle_index": 1, "oracle_text": "text b", "target": "So <ANSWER>: 5"}
    house.lake.write(RAFT_DATASET, [row_of(RAFT_DATASET, **(sound | values))], "raft")
    found = [row["problem"] for row in house.offending("raft_dataset", "rows_are_well_formed", "raft")]
    assert found == ([problem] if problem else [])


def test_answers_without_scores_and_items_without_answers_are_named(house):
    answers = [row_of(MODEL_ANSWERS, answer_id=name, item_id=name, status="ok") for name in ("1", "2")]
    answers.append(row_of(MODEL_ANSWERS, answer_id="3", item_id="2", status="not_applicable"))
    items = [row_of(EVALUATION_SET, item_id=name, split="validation") for name in ("1", "2", "4")]
    house.lake.write(MODEL_ANSWERS, answers, "raft")
    house.lake.write(ANSWER_SCORES, [row_of(ANSWER_SCORES, answer_id="1")], "raft")
    house.lake.write(EVALUATION_SET, [*items, row_of(EVALUATION_SET, item_id="5", split="test")])
    result = house.check("answer_scores", "every_item_is_scored", "raft")
    assert [(row["item_id"], row["problem"]) for row in shown(result)] == [
        ("2", "answer without scores, its status is ok"),
        ("4", "item without an answer"),
    ]


def test_hostile_text_in_a_document_is_shown_without_control_characters_and_cut(house, document):
    hostile = "\x1b[2J\u202e<script>alert(1)</script>[/b]=cmd()" + "x" * 5000
    batch = house.add(1, document("a.pdf", "v1", status="unreadable", error=hostile))
    text = shown(house.check("raw_pdfs", "documents_are_readable", batch))[0]["error"]
    assert len(text) <= 200
    assert all(character.isprintable() for character in text)


def test_more_than_twenty_offending_rows_are_counted_and_twenty_shown(house, document):
    batch = house.add(1, *(document(f"{number}.pdf", "v1", status="unreadable") for number in range(25)))
    result = house.check("raw_pdfs", "documents_are_readable", batch)
    assert (result.metadata["offending_rows"].value, len(shown(result))) == (25, 20)


def test_blocking_checks_are_errors_and_warnings_never_block():
    axes = {name: dg.DynamicPartitionsDefinition(name=name) for name in ("batch", "recipe")}
    blocking = {
        spec.key.to_user_string() for check in build_sql_checks(axes) for spec in check.check_specs if spec.blocking
    }
    assert blocking == {
        "raw_pdfs:ids_are_unique",
        "markdown_pages:pages_are_complete",
        "chunks:spans_are_valid",
        "contextualized_chunks:one_context_per_chunk",
        "chunk_embeddings:one_vector_per_chunk",
        "qa_pairs:quotes_are_verbatim",
        "qa_pairs:yield_is_enough",
        "corpus:chunks_are_unique",
        "question_bank:no_contamination",
        "raft_dataset:rows_are_well_formed",
    }


@pytest.mark.parametrize(
    ("verdicts", "amounts", "offending"),
    [
        pytest.param([], [], 0, id="nothing changed"),
        pytest.param(["new"] * 20 + ["other", "declined"], [True] * 22, 0, id="no old answer"),
        pytest.param(["old"] + ["new"] * 39, [True] * 40, 1, id="one old amount among forty"),
        pytest.param(["old"] + ["new"] * 39, [False] * 40, 0, id="one old name among forty"),
        pytest.param(["old"] * 3 + ["new"] * 37, [False] * 40, 3, id="three old names among forty"),
        pytest.param(["old"] + ["not_asked"] * 39, [False] * 40, 1, id="what was not asked does not count"),
    ],
)
def test_old_answers_warn_if_there_are_many_or_one_is_an_amount(house, verdicts, amounts, offending):
    rows = [
        row_of(CHANGED_FACTS, question_id=f"q{number}", verdict=verdict, amount_or_date=amount, old_answer="$5")
        for number, (verdict, amount) in enumerate(zip(verdicts, amounts, strict=True))
    ]
    house.lake.write(CHANGED_FACTS, rows)
    result = house.check("changed_facts", "old_answers_are_rare")
    assert result.severity == dg.AssetCheckSeverity.WARN
    assert result.metadata["offending_rows"].value == offending
    if offending:
        assert shown(result)[0]["old_answer"] == "$5"
