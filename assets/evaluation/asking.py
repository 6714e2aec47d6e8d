"""One question to the champion over the current index: what `raftline ask` prints."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assets.evaluation.answering import PROMPT_VERSION
from assets.evaluation.contenders import base_provider, champion_row, provider_of
from assets.raft.recipes import Recipe
from resources.errors import RaftlineError
from resources.lake.lake import Lake
from resources.lake.tables import CORPUS, EVAL_REPORT
from resources.llm.models import Models
from resources.llm.raft_text import INSTRUCTION, REFUSAL, language_of, parse_answer, render_prompt
from resources.llm.request import chat
from resources.search.index import SearchIndex
from resources.training.resource import TrainersResource

ANSWER_CHARACTERS = 200


@dataclass(frozen=True)
class Citation:
    """A verbatim quote and where it stands; `page` counts from 1 as PDF viewers do."""

    text: str
    document: str
    version: str
    page: int


@dataclass(frozen=True)
class Reply:
    """The champion's answer. When it abstained there are no quotes and the answer says so."""

    answer: str
    abstained: bool
    quotes: tuple[Citation, ...]
    model: str

    def as_dict(self) -> dict[str, Any]:
        return {
            "answer": self.answer,
            "abstained": self.abstained,
            "quotes": [vars(quote) for quote in self.quotes],
            "model": self.model,
        }


def ask(
    question: str,
    lake: Lake,
    index: SearchIndex,
    models: Models,
    trainers: TrainersResource,
    recipes: Mapping[str, Recipe],
    documents: int,
) -> Reply:
    """Retrieves, asks the champion (base + documents until one is promoted) and resolves its quotes.

    Raises `RaftlineError` if the question is empty.
    """
    question = question.strip()
    if not question:
        raise RaftlineError("the question is empty; write it in quotes after `raftline ask`")
    chunks = {chunk["chunk_id"]: chunk for chunk in lake.rows(CORPUS)}
    [vector] = models.embedder().embed([question])
    found = [chunks[hit.chunk_id] for hit in index.search(question, vector, documents) if hit.chunk_id in chunks]
    champion = champion_row(lake)
    if champion:
        provider, name = provider_of(champion, trainers), f"{champion['recipe']} ({champion['model_id']})"
    else:
        recipe = _reported_recipe(lake, recipes)
        provider = base_provider(lake, recipe, [recipe.name, *sorted(recipes)], trainers)
        name = f"{recipe.training.base_model} (base)"
    student = models.target(provider)
    prompt = render_prompt([chunk["contextual_text"] for chunk in found], question)
    request = student.request(chat(INSTRUCTION, prompt), PROMPT_VERSION, sources=[chunk["version"] for chunk in found])
    [completion] = student.complete([request])
    parsed = parse_answer(completion.text)
    if parsed.abstained or not parsed.final:
        return Reply(REFUSAL[language_of(question)], True, (), name)
    return Reply(_shortened(parsed.final), False, _citations(parsed.quotes, found), name)


def _reported_recipe(lake: Lake, recipes: Mapping[str, Recipe]) -> Recipe:
    """The recipe whose base the latest report measured; before any report, the first by name."""
    reported = [row["recipe"] for row in lake.rows_or_empty(EVAL_REPORT)]
    name = next((name for name in (*reported, *sorted(recipes)) if name in recipes), None)
    return recipes[name] if name else Recipe(name="base")


def _citations(quotes: Sequence[str], found: Sequence[Mapping[str, Any]]) -> tuple[Citation, ...]:
    citations = []
    for quote in quotes:
        chunk = next((chunk for chunk in found if quote in chunk["text"]), None)
        if chunk is not None:
            citations.append(Citation(quote, chunk["uri"], chunk["version"], chunk["page_start"] + 1))
    return tuple(citations)


def _shortened(text: str) -> str:
    return text if len(text) <= ANSWER_CHARACTERS else text[: ANSWER_CHARACTERS - 1].rstrip() + "…"
