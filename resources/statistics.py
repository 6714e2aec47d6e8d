"""Intervals for means of grouped measurements, and how large a difference they could have shown.

Questions from one section stand or fall together, so groups are drawn, never single questions. Everything is a
function of the values and the seed; the order in which values come does not matter.
"""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

DRAWS = 2000
LEVEL = 0.95
_DRAWS_AT_ONCE = 200


@dataclass(frozen=True)
class Interval:
    """A mean with its bootstrap interval over `n` values in `groups` groups.

    `mean` is None without values; `low` and `high` are None below two groups, where nothing shows the spread.
    """

    mean: float | None
    low: float | None
    high: float | None
    n: int
    groups: int

    @property
    def excludes_zero(self) -> bool:
        """Whether the whole interval lies on one side of zero."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


def group_bootstrap(
    values: Sequence[float], groups: Sequence[Hashable], seed: int, draws: int = DRAWS, level: float = LEVEL
) -> Interval:
    """The mean of `values` with its percentile interval, whole groups drawn with replacement."""
    sums, counts = _by_group(values, groups)
    if not values:
        return Interval(None, None, None, 0, 0)
    mean = math.fsum(values) / len(values)
    if len(sums) < 2:
        return Interval(mean, None, None, len(values), len(sums))
    means = _drawn_means(sums, counts, np.random.default_rng(seed), draws)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(mean, float(low), float(high), len(values), len(sums))


def paired_group_bootstrap(
    a: Sequence[float],
    b: Sequence[float],
    groups: Sequence[Hashable],
    seed: int,
    draws: int = DRAWS,
    level: float = LEVEL,
) -> Interval:
    """The mean of `a - b` on the same items, with its interval. Above zero: `a` is better."""
    return group_bootstrap(paired_differences(a, b), groups, seed, draws, level)


def paired_differences(a: Sequence[float], b: Sequence[float]) -> list[float]:
    """`a - b`, item by item."""
    return [left - right for left, right in zip(a, b, strict=True)]


def smallest_detectable_difference(
    differences: Sequence[float], groups: Sequence[Hashable], power: float = 0.8, level: float = LEVEL
) -> float | None:
    """The true mean difference that such a sample would find significant with probability `power`.

    (z(1 - alpha/2) + z(power)) x SE, with alpha = 1 - level and the cluster-robust standard error of the mean:
    SE = sqrt(G / (G - 1) x sum over groups of (sum of the group's deviations from the mean)^2) / n.
    A normal approximation: rough below about 20 groups. None below two groups or where all differences are
    equal, because then the sample says nothing about its own spread.
    """
    sums, counts = _by_group(differences, groups)
    if len(sums) < 2:
        return None
    mean = math.fsum(differences) / len(differences)
    squares = math.fsum((total - count * mean) ** 2 for total, count in zip(sums, counts, strict=True))
    error = math.sqrt(len(sums) / (len(sums) - 1) * squares) / len(differences)
    normal = NormalDist()
    return (normal.inv_cdf((1 + level) / 2) + normal.inv_cdf(power)) * error or None


def _by_group(values: Sequence[float], groups: Sequence[Hashable]) -> tuple[list[float], list[int]]:
    """Sum and size of each group, in the order of the groups' names."""
    members: dict[Hashable, list[float]] = {}
    for value, group in zip(values, groups, strict=True):
        members.setdefault(group, []).append(value)
    ordered = [members[group] for group in sorted(members, key=repr)]
    return [math.fsum(group) for group in ordered], [len(group) for group in ordered]


def _drawn_means(
    sums: Sequence[float], counts: Sequence[int], generator: np.random.Generator, draws: int
) -> npt.NDArray[np.float64]:
    totals, sizes = np.array(sums, dtype=np.float64), np.array(counts, dtype=np.float64)
    means = []
    for start in range(0, draws, _DRAWS_AT_ONCE):
        drawn = generator.integers(0, len(totals), size=(min(_DRAWS_AT_ONCE, draws - start), len(totals)))
        means.append(totals[drawn].sum(axis=1) / sizes[drawn].sum(axis=1))
    return np.concatenate(means)
