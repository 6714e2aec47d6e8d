"""How large a call is before it is made, and how well such guesses did: what the limiter and the budget reserve."""

import re
from dataclasses import dataclass
from functools import lru_cache

from resources.llm.request import Completion, Request
from resources.tokens import count_tokens

IMAGE_TOKENS = 1_105
"""A page image in high detail, as GPT-4o counts it; corrected by what the service counts."""

MESSAGE_TOKENS = 4
"""What the conversation's format adds to a message."""

UNKNOWN_ANSWER_TOKENS = 1_024
"""Length of an answer that nothing limits, until answers have been seen."""

_LINE = re.compile(r"(?<=\n)(?=\S)")

_REMEMBERED = 1_000
"""Characters of a line at most whose count is remembered."""

_MEMORY = 0.05
"""Weight of the newest answer in what is learned."""


@dataclass(frozen=True)
class Size:
    """Tokens of a call: its prompt (as counted here, as the service will count), its answer as expected, and all at most."""

    counted: int
    prompt: int
    expected_answer: int
    most: int

    @property
    def expected(self) -> int:
        return self.prompt + self.expected_answer


class Sizes:
    """Guesses sizes for one lane, and learns from what the service counted."""

    def __init__(self) -> None:
        self._mean: float | None = None
        self._deviation = 0.0
        self._correction = 1.0

    def of(self, request: Request) -> Size:
        """The size of a request. `most` is what a service may count against the quota at once."""
        prompt = prompt_tokens(request)
        limit = answer_limit(request)
        most = UNKNOWN_ANSWER_TOKENS if limit is None else limit
        learned = most if self._mean is None else round(self._mean + self._deviation)
        expected = learned if limit is None else min(learned, limit)
        corrected = round(prompt * self._correction)
        return Size(prompt, corrected, expected, corrected + max(most, expected))

    def of_texts(self, tokens: int) -> Size:
        """The size of an embedding call, which has no answer."""
        corrected = round(tokens * self._correction)
        return Size(tokens, corrected, 0, corrected)

    def learn(self, size: Size, answer: Completion) -> None:
        """Takes in what the service counted for a call of this size."""
        if answer.prompt_tokens:
            ratio = answer.prompt_tokens / max(1, size.counted)
            self._correction += _MEMORY * (min(max(ratio, 0.25), 4.0) - self._correction)
        if self._mean is None:
            self._mean = float(answer.completion_tokens)
            return
        error = answer.completion_tokens - self._mean
        self._mean += _MEMORY * error
        self._deviation += _MEMORY * (abs(error) - self._deviation)


def prompt_tokens(request: Request) -> int:
    """Tokens of a request's messages, schema and images, by our own count."""
    texts = sum(_counted(message.content) + MESSAGE_TOKENS for message in request.messages)
    images = IMAGE_TOKENS * sum(len(message.images) for message in request.messages)
    return texts + images + (_counted(request.schema) if request.schema else 0)


def _counted(text: str) -> int:
    """Tokens of a text, line by line: instructions and passages come again and again, and no token spans two lines."""
    lines = _LINE.split(text)
    return sum(_counted_line(line) if len(line) <= _REMEMBERED else count_tokens(line) for line in lines)


@lru_cache(maxsize=2048)
def _counted_line(line: str) -> int:
    return count_tokens(line)


def answer_limit(request: Request) -> int | None:
    """The request's own limit on its answer, None if it sets none."""
    limit = dict(request.parameters).get("max_tokens")
    return int(limit) if limit is not None else None


def too_long(request: Request, window: int) -> str:
    """Why a request cannot fit into a model's context window; empty if it can."""
    answer = answer_limit(request) or 0
    # Every token is at least one byte of text: most requests need no count.
    if not any(message.images for message in request.messages) and _bytes(request) + answer <= window:
        return ""
    prompt = prompt_tokens(request)
    if prompt + answer <= window:
        return ""
    return (
        f"the request needs {prompt} tokens for its prompt and up to {answer} for the answer, {prompt + answer} tokens in "
        f"all; the model's context window is {window} (roles.{request.role}.context_window)"
    )


def _bytes(request: Request) -> int:
    texts = [message.content for message in request.messages] + ([request.schema] if request.schema else [])
    return sum(len(text.encode("utf-8", "replace")) + MESSAGE_TOKENS for text in texts)
