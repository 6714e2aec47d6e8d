"""Token counts of prompts, pictures and repeated prefixes, as the service would charge them."""

import hashlib
import json
import math
import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from resources.tokens import count_tokens

PER_MESSAGE = 4
PRIMING = 3
STEP = 256
"""Characters between two prefixes that are remembered."""
CACHE_FROM, CACHE_STEP = 1024, 128


_LINE = re.compile(r"(?<=\n)(?=\S)")


def counted(text: str) -> int:
    """The tokens of a text. No token holds the end of one line and the start of the next: each line is counted once."""
    return sum(_counted_line(line) for line in _LINE.split(text))


@lru_cache(maxsize=65536)
def _counted_line(line: str) -> int:
    return count_tokens(line)


def prompt_tokens(
    texts: Sequence[str], pictures: Sequence[bytes], schema: Mapping[str, Any] | None, small: bool
) -> int:
    """Messages with their overhead, pictures, and the schema that a structured answer is held to."""
    total = PRIMING + sum(PER_MESSAGE + counted(text) for text in texts)
    total += sum(picture_tokens(picture, small) for picture in pictures)
    return total + (counted(json.dumps(schema)) if schema is not None else 0)


def picture_tokens(data: bytes, small: bool) -> int:
    """A picture's tokens: a base and so much per tile of 512 pixels, after scaling into 2048 and to 768."""
    width, height = picture_size(data)
    scale = min(1.0, 2048 / max(width, height))
    scale *= min(1.0, 768 / (min(width, height) * scale))
    tiles = math.ceil(width * scale / 512) * math.ceil(height * scale / 512)
    base, tile = (2833, 5667) if small else (85, 170)
    return base + tile * tiles


def picture_size(data: bytes) -> tuple[int, int]:
    """Width and height of a PNG; a usual page for other formats."""
    if data[:8] == b"\x89PNG\r\n\x1a\n" and len(data) >= 24:
        width, height = struct.unpack(">II", data[16:24])
        return max(1, width), max(1, height)
    return 1024, 1448


@dataclass
class PromptCache:
    """The prefixes that a deployment has seen."""

    prefixes: set[bytes] = field(default_factory=set)

    def cached_tokens(self, text: str) -> int:
        """How many tokens of a prompt's start are known; its prefixes are known from now on."""
        if len(text) < CACHE_FROM:
            return 0
        digest = hashlib.blake2b(digest_size=16)
        known, missing = 0, False
        for start in range(0, len(text) - STEP + 1, STEP):
            digest.update(text[start : start + STEP].encode())
            name = digest.digest()
            if not missing and name in self.prefixes:
                known = start + STEP
            else:
                missing = True
                self.prefixes.add(name)
        tokens = counted(text[:known]) if known else 0
        return tokens // CACHE_STEP * CACHE_STEP if tokens >= CACHE_FROM else 0
