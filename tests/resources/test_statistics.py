import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.statistics import (
    Interval,
    group_bootstrap,
    paired_group_bootstrap,
    smallest_detectable_difference,
)


def width(interval: Interval) -> float:
    assert interval.low is not None and interval.high is not None
    return interval.high - interval.low


GROUPED = st.lists(st.tuples(st.sampled_from([0.0, 0.5, 1.0]), st.sampled_from("abcdef")), min_size=1, max_size=40)


def test_no_values_have_no_mean_and_no_interval():
    assert group_bootstrap([], [], seed=1) == Interval(None, None, None, 0, 0)


def test_one_group_has_a_mean_but_no_interval():
    assert group_bootstrap([0.0, 1.0], ["a", "a"], seed=1) == Interval(0.5, None, None, 2, 1)


@given(GROUPED, st.randoms(use_true_random=False))
def test_the_order_of_the_values_does_not_matter(grouped, shuffler):
    shuffled = shuffler.sample(grouped, len(grouped))
    results = [group_bootstrap(*zip(*pairs, strict=True), seed=3, draws=50) for pairs in (grouped, shuffled)]
    assert results[0] == results[1]


@given(GROUPED)
def test_the_interval_lies_within_the_range_of_the_values(grouped):
    values, groups = zip(*grouped, strict=True)
    interval = group_bootstrap(values, groups, seed=5, draws=50)
    if interval.low is not None and interval.high is not None:
        assert min(values) <= interval.low <= interval.high <= max(values)


def test_equal_seeds_agree_and_other_seeds_do_not():
    values, groups = [random.Random(row).random() for row in range(30)], list(range(30))
    assert group_bootstrap(values, groups, seed=1) == group_bootstrap(values, groups, seed=1)
    assert group_bootstrap(values, groups, seed=1) != group_bootstrap(values, groups, seed=2)


def test_questions_that_stand_together_widen_the_interval():
    values = [1.0] * 20 + [0.0] * 20
    alone = group_bootstrap(values, list(range(40)), seed=1)
    together = group_bootstrap(values, [row // 10 for row in range(40)], seed=1)
    assert width(together) > 1.5 * width(alone)


def test_the_bootstrap_interval_agrees_with_the_normal_one():
    generator = random.Random(7)
    values = [float(generator.random() < 0.8) for _ in range(400)]
    interval = group_bootstrap(values, list(range(400)), seed=1)
    share = sum(values) / 400
    assert width(interval) == pytest.approx(2 * 1.96 * (share * (1 - share) / 400) ** 0.5, rel=0.1)


def test_a_paired_comparison_sees_what_two_separate_intervals_hide():
    generator = random.Random(7)
    b = [generator.random() for _ in range(50)]
    a = [value + 0.05 for value in b]
    difference = paired_group_bootstrap(a, b, list(range(50)), seed=1)
    assert difference.excludes_zero
    assert difference.mean == pytest.approx(0.05)
    alone = group_bootstrap(a, list(range(50)), seed=1)
    assert alone.low is not None and alone.low < sum(b) / 50


def test_unpaired_lengths_are_refused():
    with pytest.raises(ValueError):
        paired_group_bootstrap([1.0], [1.0, 0.0], ["a", "b"], seed=1)


def test_the_smallest_detectable_difference_follows_the_formula():
    # Four groups of one, deviations +-1: SE = sqrt(4/3 * 4) / 4 = 0.57735; times 1.959964 + 0.841621.
    assert smallest_detectable_difference([1.0, -1.0, 1.0, -1.0], "abcd") == pytest.approx(1.617494, rel=1e-5)


def test_more_questions_detect_smaller_differences():
    few = smallest_detectable_difference([0.0, 1.0] * 10, range(20))
    many = smallest_detectable_difference([0.0, 1.0] * 40, range(80))
    assert few is not None and many == pytest.approx(few / 2, rel=0.05)


@pytest.mark.parametrize(("differences", "groups"), [([], []), ([1.0, 0.0], "aa"), ([0.0, 0.0], "ab")])
def test_a_sample_without_spread_promises_no_detection(differences, groups):
    assert smallest_detectable_difference(differences, groups) is None
