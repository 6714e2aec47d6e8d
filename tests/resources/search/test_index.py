import math
from pathlib import Path

import pytest

from resources.llm.embedded.embedder import embed
from resources.search.index import K1, B, SearchIndex
from resources.search.index_files import UnusableIndex, listing

TEXTS = {
    "c1": "Fees > Savings\n\n|Service|Fee|\n|---|---|\n|Cash withdrawal at an ABM|$5.00<sup>5</sup>|",
    "c2": "Fees > Chequing\n\nThe monthly fee of the chequing account is $12.95.",
    "c3": "产品指南 > 储蓄账户\n\n储蓄账户的月费为5元，每月免费取款两次。",
    "c4": "产品指南 > 信用卡\n\n信用卡的年利率为19.99%，逾期还款需支付滞纳金。",
    "c5": "Lost cards\n\nCall us at once if your debit card is lost or stolen.",
}


def build(ids):
    return SearchIndex.build(ids, [TEXTS[name] for name in ids], [embed(TEXTS[name]) for name in ids])


@pytest.fixture(scope="module")
def index():
    return build(list(TEXTS))


def found(index, query, mode="hybrid", k=3):
    return [hit.chunk_id for hit in index.search(query, embed(query), k, mode)]


def tree(folder: Path):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("mode", ["bm25", "dense", "hybrid"])
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("储蓄账户每月多少钱", "c3"),
        ("信用卡逾期", "c4"),
        ("What does withdrawing cash from an ABM cost?", "c1"),
        ("my card was stolen", "c5"),
    ],
)
def test_a_question_finds_its_chunk_in_its_own_language(index, mode, query, expected):
    assert found(index, query, mode)[0] == expected


def test_a_misspelt_word_is_found_by_its_vector(index):
    query = "cheqquing acount"
    assert index.search(query, None, mode="bm25") == []
    assert found(index, query)[0] == "c2"


def test_bm25_scores_are_those_of_the_formula():
    texts = ["apple apple pear", "apple", "plum cherry grape melon"]
    index = SearchIndex.build(["a", "b", "c"], texts, [[1.0]] * 3)
    scores = {hit.chunk_id: hit.score for hit in index.search("apple", None, mode="bm25")}
    average = 8 / 3
    idf = math.log(1 + (3 - 2 + 0.5) / (2 + 0.5))
    expected = {
        name: idf * tf / (tf + K1 * (1 - B + B * length / average)) for name, tf, length in (("a", 2, 3), ("b", 1, 1))
    }
    assert scores == pytest.approx(expected, rel=1e-5)


def test_a_hit_says_where_each_ranking_had_it(index):
    best = index.search("monthly fee chequing", embed("monthly fee chequing"), 1)[0]
    assert (best.chunk_id, best.bm25_rank, best.dense_rank) == ("c2", 1, 1)


def test_equal_chunks_are_ordered_by_id():
    index = SearchIndex.build(["z", "a", "m"], ["same text"] * 3, [embed("same text")] * 3)
    assert found(index, "same text") == ["a", "m", "z"]


def test_equal_corpora_give_equal_bytes_in_any_order(tmp_path):
    first = build(list(TEXTS)).save(tmp_path / "one")
    second = build(list(reversed(TEXTS))).save(tmp_path / "two")
    assert first == second
    assert tree(tmp_path / "one") == tree(tmp_path / "two")


def test_a_loaded_index_answers_and_saves_like_the_one_that_was_built(index, tmp_path):
    index.save(tmp_path / "one")
    loaded = SearchIndex.load(tmp_path / "one")
    query = "cash withdrawal fee"
    assert loaded.search(query, embed(query)) == index.search(query, embed(query))
    loaded.save(tmp_path / "two")
    assert tree(tmp_path / "one") == tree(tmp_path / "two")


def test_the_listing_names_every_file_of_the_build_with_its_size(index, tmp_path):
    index.save(tmp_path)
    assert {row["file"]: row["bytes"] for row in listing(tmp_path)} == {
        name.split("/")[-1]: len(content) for name, content in tree(tmp_path).items() if name != "manifest.json"
    }


def test_saving_over_an_index_leaves_only_the_new_one(index, tmp_path):
    index.save(tmp_path)
    build(["c1", "c2"]).save(tmp_path)
    assert len(SearchIndex.load(tmp_path)) == 2
    assert len([path for path in tmp_path.iterdir() if path.is_dir()]) == 1


def test_a_save_that_died_before_its_last_step_leaves_the_old_index(index, tmp_path):
    index.save(tmp_path)
    half_written = tmp_path / ("0" * 16)
    half_written.mkdir()
    (half_written / "vectors.npy").write_bytes(b"half")
    assert len(SearchIndex.load(tmp_path)) == len(TEXTS)
    index.save(tmp_path)
    assert not half_written.exists()


def test_a_changed_file_is_not_served(index, tmp_path):
    index.save(tmp_path)
    damaged = next(tmp_path.glob("*/vectors.npy"))
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"\x01")
    with pytest.raises(UnusableIndex, match=r"vectors\.npy does not match"):
        SearchIndex.load(tmp_path)


@pytest.mark.parametrize("manifest", [None, "not json", "{}", "[]"])
def test_an_index_without_a_sound_manifest_is_refused_by_name(manifest, tmp_path):
    if manifest is not None:
        (tmp_path / "manifest.json").write_text(manifest)
    with pytest.raises(UnusableIndex, match=str(tmp_path)):
        SearchIndex.load(tmp_path)


@pytest.mark.parametrize("mode", ["bm25", "dense", "hybrid"])
def test_an_empty_corpus_finds_nothing_before_and_after_saving(mode, tmp_path):
    SearchIndex.build([], [], []).save(tmp_path)
    assert SearchIndex.load(tmp_path).search("anything", embed("anything"), mode=mode) == []


def test_a_corpus_without_a_single_token_finds_nothing():
    index = SearchIndex.build(["a"], ["|---|"], [embed("|---|")])
    assert index.search("fee", embed("fee")) == []


def test_unequal_inputs_and_repeated_ids_are_refused():
    with pytest.raises(ValueError, match="2 chunk ids, 1 texts"):
        SearchIndex.build(["a", "b"], ["x"], [[1.0]])
    with pytest.raises(ValueError, match="repeat"):
        SearchIndex.build(["a", "a"], ["x", "y"], [[1.0], [1.0]])


def test_a_vector_of_another_embedder_is_refused(index):
    with pytest.raises(ValueError, match="shape"):
        index.search("fee", [1.0, 0.0], mode="dense")
    with pytest.raises(ValueError, match="needs a query vector"):
        index.search("fee", None, mode="hybrid")
