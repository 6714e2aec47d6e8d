"""Questions that name nothing: `What is the fee?` fits every fee of a corpus, so no single one of them answers it."""

from collections.abc import Callable

import numpy as np

from resources.llm.embedded.facets import Facets
from resources.llm.embedded.features import Scene
from resources.llm.embedded.vocabulary import terms

_MEASURES = frozenset(
    terms(
        """
        fee cost price charge rate interest percentage commission amount sum total value number limit maximum minimum
        time date deadline period term duration hour minute day week month quarter year current pay take last
        利率 年利率 利息 年费 月费 费率 金额 限额 额度 最高 最低 最低金额 最高金额 最高限额 期限 时间 日期 每天 每月 每年
        """
    )
)
"""Words that say which kind of value is asked for, and not whose."""
_AS_GOOD = 2.0
"""The lead in score below which a rival is about as good: with nothing named, the leader only reads more smoothly."""
_RIVALS = 40


def names_nothing(asked: Facets) -> bool:
    """Whether a question holds nothing but words for values and measures."""
    return all(term in _MEASURES for term in asked.terms)


def anyones_guess(seen: Scene, scores: np.ndarray, best: int, final_of: Callable[[int], str]) -> bool:
    """Whether the question names nothing and candidates about as good as the best one answer it differently."""
    if not names_nothing(seen.facets):
        return False
    ranked = np.argsort(-scores, kind="stable")[:_RIVALS].tolist()
    close = [index for index in ranked if scores[best] - scores[index] < _AS_GOOD]
    return any(final_of(index).casefold() != final_of(best).casefold() for index in close)
