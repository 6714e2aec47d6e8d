"""The hashed-feature embedder: a vector that is a pure function of one text, with no weights to download.

A text's features are its search tokens and, at a lower weight, the character trigrams of its words, so that a
typo or an unseen inflection still lands near. Each feature is hashed to a row of random signs, and the rows add
up under sublinear weights: cosine of two vectors approximates the weighted overlap of their features
(Charikar-style random projection). Nothing is fitted; what needs the corpus (IDF) belongs to the search index.
"""

import hashlib
from collections import Counter
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from resources.search.tokenizer import STOP_WORDS, tokens, words

DIMENSIONS = 256
MODEL = "hashed-projection-256-v1"
"""The model's identity in tables. A change to features, weights, seed or tokenizer needs a new name."""

_SEED = b"raftline-hash-v1"
_BLOCK_BYTES = 64
_GRAM_WEIGHT = 0.25
_GRAM = 3


def embed(text: str, dimensions: int = DIMENSIONS) -> npt.NDArray[np.float32]:
    """The unit vector of `text`, shape (dimensions,), float32; all zeros if the text has no features."""
    weighted = _features(text)
    if not weighted:
        return np.zeros(dimensions, dtype=np.float32)
    names = sorted(weighted)
    weights = np.array([weighted[name] for name in names])
    packed = np.frombuffer(b"".join(_signs(name, -(-dimensions // 8)) for name in names), dtype=np.uint8)
    signs = np.unpackbits(packed.reshape(len(names), -1), axis=1, count=dimensions) * 2.0 - 1.0
    # A plain reduction over sorted features, not a BLAS product: the order of additions is ours.
    total = np.add.reduce(signs * weights[:, None], axis=0)
    length = float(np.sqrt(np.add.reduce(total * total)))
    return (total / length).astype(np.float32) if length else total.astype(np.float32)


def _features(text: str) -> dict[str, float]:
    counts = Counter(tokens(text, STOP_WORDS))
    features = {f"t:{token}": 1.0 + float(np.log(count)) for token, count in counts.items()}
    grams = Counter(gram for word in words(text) if word not in STOP_WORDS for gram in _grams(word))
    features.update({f"g:{gram}": _GRAM_WEIGHT * (1.0 + float(np.log(count))) for gram, count in grams.items()})
    return features


def _grams(word: str) -> list[str]:
    """Trigrams of a word with its edges marked; a single (CJK) character is its own gram; numbers have none."""
    if len(word) == 1:
        return [word]
    if any(character.isdigit() for character in word):
        return []
    marked = f"^{word}$"
    return [marked[start : start + _GRAM] for start in range(len(marked) - _GRAM + 1)]


@lru_cache(maxsize=1 << 17)
def _signs(feature: str, size: int) -> bytes:
    """`size` bytes of random bits that belong to the feature, one bit for each dimension."""
    name = feature.encode("utf-8", "surrogatepass")
    blocks = (
        hashlib.blake2b(name, digest_size=_BLOCK_BYTES, key=_SEED, salt=block.to_bytes(4, "big")).digest()
        for block in range(-(-size // _BLOCK_BYTES))
    )
    return b"".join(blocks)[:size]
