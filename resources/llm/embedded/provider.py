"""The embedded provider: roles played by deterministic code, behind the same seam as any hosted model.

No key, no download, no network. The model's name carries a hash of the code, so a changed teacher is another
model and the ledger never serves an old teacher's answers for it.
"""

import json
from collections.abc import Sequence
from functools import cache

import numpy as np

from resources.code_version import code_version
from resources.llm.embedded import embedder
from resources.llm.embedded.contextualizer import write_context
from resources.llm.embedded.teacher import write_questions
from resources.llm.prompts import parse_context_prompt, parse_teacher_prompt
from resources.llm.request import Completion, ModelIdentity, Request
from resources.tokens import count_tokens

NAMES = {"teacher": "extractive-teacher", "contextualizer": "heading-contextualizer"}
_CODE = {
    "extractive-teacher": ("resources.llm.embedded", "resources.llm.raft_text", "resources.search.tokenizer"),
    "heading-contextualizer": ("resources.llm.embedded.contextualizer",),
}


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


class EmbeddedEmbedder:
    """Hashed features under a seeded projection; each text on its own."""

    @property
    def identity(self) -> ModelIdentity:
        return ModelIdentity("embedded", "local", embedder.MODEL)

    async def embed(self, texts: Sequence[str]) -> list[np.ndarray]:
        return [embedder.embed(text) for text in texts]


def _contextualize(request: Request) -> str:
    prompt = parse_context_prompt(request.user_text)
    return write_context(prompt.title, prompt.heading_path)


def _teach(request: Request) -> str:
    prompt = parse_teacher_prompt(request.user_text)
    drafts = write_questions(prompt.title, prompt.heading_path, prompt.text, prompt.count)
    questions = [
        {
            "question": draft.question,
            "answer": draft.answer,
            "quotes": [quote[0] for quote in draft.quotes],
            "final_answer": draft.final_answer,
            "kind": draft.kind,
        }
        for draft in drafts
    ]
    return json.dumps({"questions": questions}, ensure_ascii=False)
