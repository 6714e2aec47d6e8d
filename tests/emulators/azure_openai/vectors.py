"""Vectors from hashed words: equal texts are equal, texts that share words are near. Unit length."""

import hashlib
import struct
from functools import lru_cache

import numpy as np
from azure_openai.replies import words

DIRECTIONS = 8
"""Coordinates that a word touches."""


def vector(text: str, dimensions: int) -> np.ndarray:
    """The float32 vector of a text."""
    total = np.zeros(dimensions, dtype=np.float32)
    total[0] = 1e-3
    for word in sorted(words(text)) or [text]:
        positions, signs = _directions(word)
        np.add.at(total, positions % dimensions, signs)
    return total / np.linalg.norm(total)


@lru_cache(maxsize=65536)
def _directions(word: str) -> tuple[np.ndarray, np.ndarray]:
    digest = hashlib.sha512(word.encode()).digest()
    numbers = np.array(struct.unpack(f"<{DIRECTIONS}I", digest[: 4 * DIRECTIONS]), dtype=np.int64)
    signs = np.array([1.0 if byte & 1 else -1.0 for byte in digest[32 : 32 + DIRECTIONS]], dtype=np.float32)
    return numbers, signs
