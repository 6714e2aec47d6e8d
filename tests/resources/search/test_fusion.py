import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.search.fusion import fuse

RANKINGS = st.lists(st.lists(st.sampled_from("abcdefgh"), unique=True), max_size=4)


def test_the_score_is_the_weighted_sum_of_reciprocal_ranks():
    fused = dict(fuse([["a", "b"], ["b"]], weights=[1.0, 0.5], k=10))
    assert fused == pytest.approx({"a": 1 / 11, "b": 1 / 12 + 0.5 / 11})


def test_equal_scores_are_ordered_by_id():
    assert [item for item, _ in fuse([["b"], ["a"]])] == ["a", "b"]


@given(RANKINGS, st.randoms(use_true_random=False))
def test_the_order_in_which_rankings_are_given_does_not_matter(rankings, random):
    weighted = [(ranking, 1.0 / (place + 1)) for place, ranking in enumerate(rankings)]
    shuffled = random.sample(weighted, len(weighted))
    assert fuse([r for r, _ in weighted], [w for _, w in weighted]) == fuse(
        [r for r, _ in shuffled], [w for _, w in shuffled]
    )


@given(RANKINGS)
def test_everything_ranked_anywhere_is_fused_once(rankings):
    fused = [item for item, _ in fuse(rankings)]
    assert sorted(fused) == sorted({item for ranking in rankings for item in ranking})


def test_a_missing_weight_is_refused():
    with pytest.raises(ValueError):
        fuse([["a"], ["b"]], weights=[1.0])
