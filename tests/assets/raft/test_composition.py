"""RAFT semantics, line by line: distinct documents, exact P, absence that is absence, uniform positions."""

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.raft.bank import KEPT, build_bank
from assets.raft.composition import TOO_LONG, compose
from assets.raft.datasheet import datasheet
from assets.raft.similarity import normalised, shingles
from resources.errors import SettingsError
from resources.lake.lake import Lake
from resources.lake.tables import RAFT_DATASET
from resources.llm.raft_text import REFUSAL, parse_answer

SEEDS = st.integers(0, 10_000)
KINDS = st.sampled_from(["random", "hard", "same_document", "mixed"])
QUICK = settings(max_examples=20, deadline=None)


@pytest.fixture(scope="session")
def composed(world, recipe):
    """Builds a world and its bank, and composes them by a recipe: (world, bank rows, composition)."""

    def build(seed, neighbours=None, brought=6, **dataset):
        made = world(seed, documents=2, sections=4, chunks=4, brought=brought)
        bank = build_bank(made.generated, made.external, made.chunks, {}).rows
        if neighbours is None:
            source = random.Random(seed)
            ids = [chunk["chunk_id"] for chunk in made.chunks]
            neighbours = {row["question_id"]: source.sample(ids, 12) for row in bank}
        return made, bank, compose(bank, made.chunks, recipe(**dataset), neighbours)

    return build


@QUICK
@given(seed=SEEDS, k=st.integers(1, 6), kind=KINDS)
def test_a_row_holds_k_documents_that_differ_in_content(composed, seed, k, kind):
    made, _, result = composed(seed, k=k, distractors=kind)
    titles = {chunk["chunk_id"]: chunk["title"] for chunk in made.chunks}
    for row in result.rows:
        assert len({normalised(document["text"].split("\n\n", 1)[1]) for document in row["documents"]}) == k
        assert all(document["title"] == titles[document["chunk_id"]] for document in row["documents"])


@QUICK
@given(seed=SEEDS, p=st.floats(0, 1), k=st.integers(1, 5))
def test_p_is_exact_in_each_split(composed, seed, p, k):
    _, bank, result = composed(seed, p=p, k=k)
    answerable = {row["question_id"] for row in bank if row["answerable"]}
    for split in ("train", "validation"):
        rows = [row for row in result.rows if row["split"] == split and row["question_id"] in answerable]
        assert sum(row["oracle_present"] for row in rows) == round(p * len(rows))


@QUICK
@given(seed=SEEDS, k=st.integers(1, 6))
def test_the_oracle_stands_at_each_position_equally_often_and_its_index_is_true(composed, seed, k):
    _, bank, result = composed(seed, k=k)
    oracle = {row["question_id"]: row["chunk_id"] for row in bank}
    for split in ("train", "validation"):
        shown = [row for row in result.rows if row["split"] == split and row["oracle_present"]]
        counts = Counter(row["oracle_index"] for row in shown)
        assert set(counts) <= set(range(k))
        assert max(counts.values(), default=0) - min((counts[place] for place in range(k)), default=0) <= 1
        for row in shown:
            document = row["documents"][row["oracle_index"]]
            assert document["chunk_id"] == oracle[row["question_id"]] and document["text"] == row["oracle_text"]


@QUICK
@given(seed=SEEDS, kind=KINDS)
def test_an_absent_oracle_is_absent_with_its_repeats_overlaps_and_quotes(composed, seed, kind):
    made, bank, result = composed(seed, p=0.3, k=3, distractors=kind)
    texts = {chunk["chunk_id"]: chunk["text"] for chunk in made.chunks}
    questions = {row["question_id"]: row for row in bank}
    for row in result.rows:
        question = questions[row["question_id"]]
        assert (row["oracle_index"] == -1) == (not row["oracle_present"])
        if not question["answerable"]:
            continue
        oracle = shingles(texts[question["chunk_id"]])
        for place, document in enumerate(row["documents"]):
            if place != row["oracle_index"]:
                other = shingles(texts[document["chunk_id"]])
                assert len(oracle & other) < 0.5 * min(len(oracle), len(other))
                assert not any(quote["text"] in document["text"] for quote in question["quotes"])


@QUICK
@given(seed=SEEDS, policy=st.sampled_from(["memorise", "refuse", "mix"]), share=st.floats(0, 1))
def test_each_row_records_what_it_teaches_and_teaches_that(composed, seed, policy, share):
    _, bank, result = composed(seed, p=0.5, absent_policy=policy, refuse_share=share)
    questions = {row["question_id"]: row for row in bank}
    for split in ("train", "validation"):
        absent = []
        for row in (row for row in result.rows if row["split"] == split):
            question, answer = questions[row["question_id"]], parse_answer(row["target"])
            assert answer.final == row["final_answer"]
            if row["oracle_present"] or row["policy"] == "memorise":
                assert row["target"] == question["answer"]
            else:
                assert (row["policy"], row["final_answer"]) == ("refuse", REFUSAL["en"]) and answer.abstained
            assert (row["policy"] == "oracle") == row["oracle_present"]
            if question["answerable"] and not row["oracle_present"]:
                absent.append(row["policy"])
        wanted = {"memorise": 0, "refuse": len(absent), "mix": round(share * len(absent))}[policy]
        assert absent.count("refuse") == wanted


@QUICK
@given(seed=SEEDS, shuffle=SEEDS)
def test_the_order_of_the_inputs_does_not_matter(world, recipe, seed, shuffle):
    made = world(seed)
    bank = build_bank(made.generated, made.external, made.chunks, {}).rows
    mixed = random.Random(shuffle)
    one = compose(bank, made.chunks, recipe(), {})
    other = compose(mixed.sample(bank, len(bank)), mixed.sample(made.chunks, len(made.chunks)), recipe(), {})
    assert one == other
    assert len({row["row_id"] for row in one.rows}) == len(one.rows)


def test_test_and_withheld_questions_never_enter_a_dataset(composed):
    _, bank, result = composed(11, brought=20)
    usable = {row["question_id"] for row in bank if row["status"] == KEPT and row["split"] != "test"}
    assert {row["question_id"] for row in result.rows} <= usable
    assert {row["question_id"] for row in result.rows} | {name for name, _ in result.left_out} == usable


def test_changing_p_keeps_the_questions_and_the_first_distractors(composed):
    _, _, some = composed(4, p=0.5, k=4)
    _, _, most = composed(4, p=0.9, k=4)
    assert {row["question_id"] for row in some.rows} == {row["question_id"] for row in most.rows}


def test_hard_distractors_follow_retrieval_and_same_document_ones_stay_in_it(composed):
    made, bank, result = composed(2, distractors="same_document", k=3)
    home = {chunk["chunk_id"]: chunk["document_id"] for chunk in made.chunks}
    document = {row["question_id"]: row["document_id"] for row in bank if row["answerable"]}
    rows = [row for row in result.rows if row["question_id"] in document]
    assert all(home[shown["chunk_id"]] == document[row["question_id"]] for row in rows for shown in row["documents"])
    ids = sorted(home)
    _, _, hard = composed(2, {row["question_id"]: ids for row in bank}, distractors="hard", k=3, p=0)
    for row in hard.rows:
        places = [ids.index(document["chunk_id"]) for document in row["documents"]]
        assert places == sorted(places)


def test_a_passage_that_answers_the_question_in_other_words_is_no_distractor(world, recipe):
    made = world(6, brought=0)
    asked, other = made.generated[0], made.chunks[-1]
    name = asked["question"].removeprefix("What is the charge for ").rstrip("?")
    text = f"{other['text']} Whoever holds {name} pays a charge of {asked['final_answer']}."
    twin = other | {"text": text, "contextual_text": f"{other['context']}\n\n{text}"}
    bank = build_bank([asked], [], [*made.chunks[:-1], twin], {}).rows
    result = compose(
        bank, [*made.chunks[:-1], twin], recipe(p=0, distractors="hard"), {asked["question_id"]: [twin["chunk_id"]]}
    )
    assert twin["chunk_id"] not in {document["chunk_id"] for document in result.rows[0]["documents"]}


def test_retrieved_documents_keep_their_rank_and_the_oracle_its_place(composed, world, recipe):
    made = world(9, brought=0)
    bank = build_bank(made.generated, [], made.chunks, {}).rows
    ranked = {}
    for row in bank:
        others = [chunk["chunk_id"] for chunk in made.chunks if chunk["chunk_id"] != row["chunk_id"]]
        ranked[row["question_id"]] = [others[0], row["chunk_id"], *others[1:]]
    rows = compose(bank, made.chunks, recipe(strategy="ra_dit", k=3), ranked).rows
    for row in rows:
        order = [ranked[row["question_id"]].index(document["chunk_id"]) for document in row["documents"]]
        assert order == sorted(order)
        assert row["oracle_present"] and row["oracle_index"] in (0, 1)
    late = {name: [*names[2:], names[1]] for name, names in ranked.items()}
    absent = compose(bank, made.chunks, recipe(strategy="ra_dit", k=3), late).rows
    assert {row["policy"] for row in absent} == {"refuse"}


def test_closed_book_rows_show_nothing_and_quote_nothing(composed):
    _, _, result = composed(3, strategy="sft")
    assert result.rows
    for row in result.rows:
        assert row["documents"] == [] and row["policy"] == "memorise"
        assert row["target"] == f"<ANSWER>: {row['final_answer']}"


def test_a_corpus_too_small_for_k_is_named_with_both_numbers(world, recipe):
    made = world(1, documents=1, sections=1, chunks=3, brought=0)
    bank = build_bank(made.generated, [], made.chunks, {}).rows
    with pytest.raises(SettingsError, match=r"recipe r: dataset\.k is 9, but the corpus has \d different chunks"):
        compose(bank, made.chunks, recipe(k=9), {})
    with pytest.raises(SettingsError, match=r"dataset\.k is 3"):
        compose(bank, made.chunks, recipe(k=3, p=0.5), {})


def test_where_every_question_is_left_out_the_most_frequent_reason_is_named(composed):
    with pytest.raises(
        SettingsError, match=r"recipe r: .*(\d+) of \1 were left out because it is longer than max_tokens"
    ):
        composed(5, max_tokens=64)


def test_a_row_longer_than_the_limit_is_left_out_and_said_so(composed):
    _, _, result = composed(5, max_tokens=500)
    assert result.rows and {reason for _, reason in result.left_out} == {TOO_LONG}
    assert max(row["tokens"] for row in result.rows) <= 500
    _, _, roomy = composed(5, max_tokens=4096)
    assert max(row["tokens"] for row in roomy.rows) <= 4096


def test_the_rows_fit_the_declared_table_and_the_datasheet_tells_their_numbers(composed, recipe, tmp_path):
    _, bank, result = composed(7, p=0.5)
    lake = Lake(tmp_path)
    lake.write(RAFT_DATASET, result.rows)
    sheet = datasheet(lake.rows(RAFT_DATASET), recipe(p=0.5), bank)
    train = [row for row in result.rows if row["split"] == "train"]
    assert f"| train | {len(train)} |" in sheet
    assert "oracle shown" in sheet and "teacher" in sheet


def test_hostile_titles_stay_text_in_the_datasheet(composed, recipe):
    _, bank, result = composed(7)
    for row in result.rows:
        for document in row["documents"]:
            document["title"] = "<script>x</script> | [a](b)\n# h \x1b[31m"
    sheet = datasheet(result.rows, recipe(), bank)
    assert "\\<script\\>x" in sheet and "\x1b" not in sheet and "\n# h" not in sheet
