"""Reciprocal rank fusion: several rankings of the same things become one.

score(x) = sum over rankings of weight / (k + rank of x), ranks from 1 (Cormack, Clarke, Büttcher, SIGIR 2009).
k=10 rather than the paper's 60: with two rankings of unequal strength, the top ranks should count.
"""

import math
from collections import defaultdict
from collections.abc import Sequence

RANK_OFFSET = 10


def fuse(
    rankings: Sequence[Sequence[str]], weights: Sequence[float] | None = None, k: int = RANK_OFFSET
) -> list[tuple[str, float]]:
    """(id, score) by falling score, equal scores by id. The order in which the rankings are given is irrelevant."""
    weights = [1.0] * len(rankings) if weights is None else weights
    parts: defaultdict[str, list[float]] = defaultdict(list)
    for ranking, weight in zip(rankings, weights, strict=True):
        for rank, item in enumerate(ranking, start=1):
            parts[item].append(weight / (k + rank))
    # fsum rounds once, so the sum does not depend on the order of its terms.
    scores = {item: math.fsum(terms) for item, terms in parts.items()}
    return sorted(scores.items(), key=lambda scored: (-scored[1], scored[0]))
