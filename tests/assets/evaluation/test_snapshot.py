from itertools import combinations

from assets.evaluation.conditions import must_abstain
from assets.evaluation.snapshot import cut_snapshot, evaluated_questions
from resources.lake.lake import Lake
from resources.lake.tables import EVALUATION_SET
from resources.llm.raft_text import REFUSAL, is_refusal

RETRIEVED = {}


def test_the_rows_fit_their_table(world, tmp_path) -> None:
    Lake(tmp_path).write(EVALUATION_SET, world.items)

    assert Lake(tmp_path).rows(EVALUATION_SET) == list(world.items)


def test_equal_inputs_in_any_order_give_the_same_snapshot(world) -> None:
    one = cut_snapshot(world.bank, world.corpus, RETRIEVED, k=4, seed=7)
    other = cut_snapshot(world.bank[::-1], world.corpus[::-1], RETRIEVED, k=4, seed=7)

    assert one == other
    assert len({item["snapshot"] for item in one}) == 1


def test_another_seed_or_depth_is_another_snapshot(world) -> None:
    names = {
        cut_snapshot(world.bank, world.corpus, RETRIEVED, k=k, seed=seed)[0]["snapshot"]
        for k, seed in ((4, 7), (4, 8), (3, 7))
    }
    assert len(names) == 3


def test_the_oracle_is_where_its_index_says(world) -> None:
    shown = [item for item in world.items if item["oracle_index"] >= 0]

    assert shown
    assert all(item["documents"][item["oracle_index"]]["chunk_id"] == item["chunk_id"] for item in shown)


def test_the_oracle_stands_at_every_position(world) -> None:
    positions = {item["oracle_index"] for item in world.items if item["condition"] == "oracle_present"}

    assert positions == {0, 1, 2, 3}


def test_an_absent_oracle_and_its_answer_are_really_absent(world) -> None:
    answers = {row["question_id"]: row["final_answer"] for row in world.bank}
    absent = [item for item in world.items if item["condition"] == "oracle_absent"]

    assert absent
    for item in absent:
        assert item["chunk_id"] not in {document["chunk_id"] for document in item["documents"]}
        assert not any(f"is {answers[item['question_id']]} per" in document["text"] for document in item["documents"])
        assert is_refusal(item["expected_answer"])


def test_documents_of_an_item_are_distinct(world) -> None:
    for item in world.items:
        assert all(one["text"] != other["text"] for one, other in combinations(item["documents"], 2))


def test_an_unanswerable_question_is_asked_as_retrieved_and_expects_a_refusal(world) -> None:
    items = [item for item in world.items if not item["answerable"]]

    assert {item["condition"] for item in items} == {"retrieved"}
    assert {item["expected_answer"] for item in items} == {REFUSAL["en"]}


def test_what_retrieval_missed_stays_missing_and_the_fact_stays_the_reference(world) -> None:
    missed = [
        item
        for item in world.items
        if item["condition"] == "retrieved" and item["answerable"] and item["oracle_index"] < 0
    ]

    assert missed
    assert not any(must_abstain(item) or is_refusal(item["expected_answer"]) for item in missed)


def test_a_copy_of_the_oracle_on_another_page_is_withheld_too(world) -> None:
    question = next(row for row in world.bank if row["answerable"])
    oracle = next(row for row in world.corpus if row["chunk_id"] == question["chunk_id"])
    copy = {**oracle, "chunk_id": "copy", "page_start": 99, "page_end": 99, "text": oracle["text"] + " See note."}
    copy["contextual_text"] = f"Elsewhere\n\n{copy['text']}"

    items = cut_snapshot([question], [*world.corpus, copy], {question["question_id"]: ["copy"]}, k=4, seed=7)

    shown = {item["condition"]: {document["chunk_id"] for document in item["documents"]} for item in items}
    assert "copy" not in shown["oracle_absent"] | shown["oracle_present"]
    assert "copy" in shown["retrieved"]


def test_a_chunk_that_overlaps_the_oracle_on_its_page_is_withheld_too(world) -> None:
    question = next(row for row in world.bank if row["answerable"])
    oracle = next(row for row in world.corpus if row["chunk_id"] == question["chunk_id"])
    tail = {**oracle, "chunk_id": "tail", "text": "Something else.", "contextual_text": "Something else."}
    tail["char_start"], tail["char_end"] = oracle["char_end"] - 3, oracle["char_end"] + 40

    items = cut_snapshot([question], [*world.corpus, tail], {question["question_id"]: ["tail"]}, k=4, seed=7)

    absent = next(item for item in items if item["condition"] == "oracle_absent")
    assert "tail" not in {document["chunk_id"] for document in absent["documents"]}


def test_train_rejected_and_unreferenced_questions_are_left_out(world) -> None:
    question = next(row for row in world.bank if row["answerable"])
    others = [
        {**question, "split": "train"},
        {**question, "status": "withheld"},
        {**question, "final_answer": " "},
        {**question, "chunk_id": "gone"},
    ]
    assert evaluated_questions(others, world.corpus, seed=7) == []
    assert evaluated_questions([question], world.corpus, seed=7) == [question]


def test_the_limit_binds_generated_questions_only(world) -> None:
    origins = [row["origin"] for row in evaluated_questions(world.bank, world.corpus, seed=7, generated_limit=2)]

    assert origins.count("generated") == 2
    assert origins.count("human") == 30
