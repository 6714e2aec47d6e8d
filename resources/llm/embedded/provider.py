"""The embedded provider: roles played by deterministic code, behind the same seam as any hosted model.

No key, no download, no network. The model's name carries a hash of the code, so a changed teacher is another
model and the ledger never serves an old teacher's answers for it.
"""

import json
from collections.abc import Sequence
from functools import cache, lru_cache

from resources.code_version import code_version
from resources.llm.context_prompts import parse_context_prompt
from resources.llm.embedded import embedder
from resources.llm.embedded.contextualizer import write_context
from resources.llm.embedded.teacher import DraftQuestion, write_questions
from resources.llm.frames import parse_chunk
from resources.llm.provider import Embedded
from resources.llm.raft_text import REFUSAL, language_of
from resources.llm.request import Completion, ModelIdentity, Request
from resources.tokens import count_tokens

NAMES = {"teacher": "extractive-teacher", "contextualizer": "heading-contextualizer"}
_CODE = {
    "extractive-teacher": (
        "resources.llm.embedded",
        *(f"resources.llm.{name}" for name in ("raft_text", "self_contained", "support")),
        "resources.search.tokenizer",
    ),
    "heading-contextualizer": ("resources.llm.embedded.contextualizer",),
}

_MOST_QUESTIONS = 50


@cache
def identity(name: str) -> ModelIdentity:
    """An embedded model's identity, with the hash of the code that it consists of."""
    return ModelIdentity("embedded", "local", f"{name}@{code_version(*_CODE[name])}")


class EmbeddedChat:
    """The extractive teacher or the heading contextualizer, by role."""

    def __init__(self, role: str):
        self._role = role

    @property
    def identity(self) -> ModelIdentity:
        return identity(NAMES[self._role])

    async def complete(self, request: Request) -> Completion:
        text = _contextualize(request) if self._role == "contextualizer" else _teach(request)
        prompt = sum(count_tokens(message.content) for message in request.messages)
        return Completion(text, "stop", prompt, count_tokens(text))

    async def close(self) -> None:
        """Holds nothing."""


class EmbeddedEmbedder:
    """Hashed features under a seeded projection; each text on its own."""

    @property
    def identity(self) -> ModelIdentity:
        return ModelIdentity("embedded", "local", embedder.MODEL)

    async def embed(self, texts: Sequence[str]) -> Embedded:
        return Embedded(tuple(embedder.embed(text) for text in texts))

    async def close(self) -> None:
        """Holds nothing."""


def _contextualize(request: Request) -> str:
    prompt = parse_context_prompt(request.user_text)
    return write_context(prompt.title, prompt.heading_path)


def _teach(request: Request) -> str:
    """The questions of a chunk, or the answer to one of them. A second try gets the first one's answer again."""
    prompt = parse_chunk(next(message.content for message in request.messages if message.role == "user"))
    drafts = _drafts(prompt.title, prompt.heading_path, prompt.text)
    if prompt.question:
        return drafts[prompt.question].answer if prompt.question in drafts else REFUSAL[language_of(prompt.question)]
    asked = [{"question": draft.question, "kind": draft.kind} for draft in list(drafts.values())[: prompt.count]]
    return json.dumps({"questions": asked}, ensure_ascii=False)


@lru_cache(maxsize=2048)
def _drafts(title: str, heading_path: tuple[str, ...], text: str) -> dict[str, DraftQuestion]:
    """All drafts of a chunk by their question: fewer questions are the first of more."""
    return {draft.question: draft for draft in write_questions(title, heading_path, text, _MOST_QUESTIONS)}
