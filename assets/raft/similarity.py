"""When two texts are the same: normal forms of questions and passages, and exact search for overlapping passages.

Words are number tokens (`1,000.50` is one), alphabetic words and single CJK characters, so every script compares.
"""

import math
import re
import sys
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Mapping

from resources.text import collapsed

NEAR_DUPLICATE = 0.8
"""Two passages are near-duplicates if this share of the shorter one's shingles is in the other."""

OVERLAP = 0.5
"""A passage that shares this much with the oracle cannot stand beside an absent oracle."""

_SHINGLE = 3
_CJK = "\u3400-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"\d+(?:[.,:]\d+)*|[{_CJK}]|[^\W\d_{_CJK}]+(?:['’][^\W\d_{_CJK}]+)?")
_FUNCTION_WORDS = frozenset(
    re.findall(
        r"\S+",
        """
    a an the of for in on at by is are was were be been do does did please that this it its there
    i my me you your we our us 's 的 了 吗 呢 吧 啊 请 问
""",
    )
)
_QUESTION_WORDS = frozenset(
    re.findall(
        r"\S+",
        """
    what which how much many when who whom whose where why can could will would may should must have has if and
    or to with from as per long get any 什 么 哪 多 少 几 何 怎 样 是 有 在 和 与 或 个 能 可 以
""",
    )
)


def words(text: str) -> list[str]:
    """The words of a text in order, case folded, compatibility forms unified."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def normalised(text: str) -> str:
    """One text for all that differ only in case, white space, punctuation or markdown."""
    return " ".join(words(text)) or collapsed(text)


def question_key(question: str) -> tuple[str, ...]:
    """What a question asks about: its content words, numbers included. Equal keys ask the same thing.

    An entity, row, column or number that differs makes the keys differ; articles, order and plurals do not.
    """
    return tuple(sorted(_stem(word) for word in words(question) if word not in _FUNCTION_WORDS))


def key_terms(question: str) -> frozenset[str]:
    """The words by which a passage would be recognised as being about the question."""
    return frozenset(
        _stem(word) for word in words(question) if word not in _FUNCTION_WORDS and word not in _QUESTION_WORDS
    )


def terms(text: str) -> frozenset[str]:
    """The stemmed words of a passage, to compare with `key_terms`."""
    return frozenset(map(_stem, words(text)))


def shingles(text: str) -> frozenset[tuple[str, ...]]:
    """The runs of three words in a text; a shorter text is one run."""
    found = [sys.intern(word) for word in words(text)] or [text]  # a corpus holds each word once
    return frozenset(tuple(found[start : start + _SHINGLE]) for start in range(max(1, len(found) - _SHINGLE + 1)))


def overlapping(texts: Mapping[str, str], threshold: float) -> dict[str, dict[str, float]]:
    """For each id the other ids whose text shares at least `threshold` of the shorter one's shingles, with the share.

    Exact: the share cannot reach the threshold unless one of the shorter text's rarest shingles is shared, and
    only those few are looked up.
    """
    sets = {name: shingles(text) for name, text in texts.items()}
    frequency = Counter(shingle for found in sets.values() for shingle in found)
    postings: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for name in sorted(sets):
        for shingle in sets[name]:
            if frequency[shingle] > 1:  # most are unique, and lead to no other text
                postings[shingle].append(name)
    related: dict[str, dict[str, float]] = {name: {} for name in sets}
    for name, found in sets.items():
        rarest = sorted(found, key=lambda shingle: (frequency[shingle], shingle))
        probes = rarest[: len(found) - math.ceil(threshold * len(found)) + 1]
        for other in {other for shingle in probes for other in postings.get(shingle, ())} - {name}:
            if len(sets[other]) >= len(found):
                share = len(found & sets[other]) / len(found)
                if share >= threshold:
                    related[name][other] = related[other][name] = share
    return related


def _stem(word: str) -> str:
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
