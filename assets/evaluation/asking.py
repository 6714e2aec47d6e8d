"""One question to the champion over the current index: what `raftline ask` prints."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from assets.evaluation.answering import PROMPT_VERSION
from assets.evaluation.incumbent import Incumbent, incumbent_of
from assets.raft.recipes import Recipe
from resources.errors import RaftlineError
from resources.lake.lake import Lake
from resources.lake.tables import CORPUS
from resources.llm.models import ChatModel, Models
from resources.llm.raft_text import INSTRUCTION, REFUSAL, language_of, parse_answer, render_prompt
from resources.llm.request import Completion, Request, chat
from resources.search.index import SearchIndex
from resources.training.resource import TrainersResource

if TYPE_CHECKING:
    import numpy as np

ANSWER_CHARACTERS = 200
Row = Mapping[str, Any]


class Unanswered(RaftlineError):
    """The champion gave no whole answer: filtered, cut off, or not allowed out."""

    def __init__(self, completion: Completion):
        super().__init__(f"the champion gave no whole answer: {completion.failure or completion.finish_reason}")


@dataclass(frozen=True)
class Citation:
    """A verbatim quote and where it stands; `page` counts from 1 as PDF viewers do."""

    text: str
    document: str
    version: str
    page: int


@dataclass(frozen=True)
class Reply:
    """The champion's answer. When it abstained there are no quotes and the answer says so.

    `newer` names the cited documents whose present version the champion was not trained on.
    """

    answer: str
    abstained: bool
    quotes: tuple[Citation, ...]
    model: str
    completion: Completion = field(repr=False)
    newer: tuple[str, ...] = ()

    @property
    def warning(self) -> str:
        """What to tell of documents that are newer than the model, or an empty text."""
        return warning_of(self.newer)

    def as_dict(self) -> dict[str, Any]:
        return {
            "answer": self.answer,
            "abstained": self.abstained,
            "quotes": [vars(quote) for quote in self.quotes],
            "model": self.model,
            "newer_than_the_model": list(self.newer),
            "warning": self.warning,
        }


def warning_of(newer: Sequence[str]) -> str:
    """The warning about documents that are newer than the model, or an empty text."""
    if not newer:
        return ""
    verb = "is" if len(newer) == 1 else "are"
    return f"{', '.join(newer)} {verb} newer than the model, which may answer from what it learned before: check the quotes"


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

    Nothing is deployed for a question: raises `RaftlineError` if a hosted champion is not, or the question is empty.
    """
    incumbent = incumbent_of(lake, trainers, recipes)
    chunks = {chunk["chunk_id"]: chunk for chunk in lake.rows(CORPUS)}
    found = retrieve(question, chunks, index, models, documents)
    return reply(question, found, incumbent.asked_by(models, trainers), incumbent)


def retrieve(question: str, chunks: Mapping[str, Row], index: SearchIndex, models: Models, documents: int) -> list[Row]:
    """The current chunks that the index finds for a question. Raises `RaftlineError` if it is empty."""
    if not question.strip():
        raise RaftlineError("the question is empty; write it in quotes after `raftline ask`")
    [vector] = models.embedder().embed([question.strip()])
    return found_by(question, vector, chunks, index, documents)


def found_by(
    question: str, vector: "np.ndarray", chunks: Mapping[str, Row], index: SearchIndex, documents: int
) -> list[Row]:
    """The current chunks that the index finds for a question with this vector, best first."""
    return [chunks[hit.chunk_id] for hit in index.search(question.strip(), vector, documents) if hit.chunk_id in chunks]


def reply(question: str, found: Sequence[Row], student: ChatModel, incumbent: Incumbent) -> Reply:
    """What the incumbent's student answers from these chunks, its quotes resolved. Raises `Unanswered` if it did not."""
    [completion] = student.complete([request_of(question, found, student)])
    if not completion.usable:
        raise Unanswered(completion)
    parsed, name = parse_answer(completion.text), incumbent.label
    if parsed.abstained or not parsed.final:
        return Reply(REFUSAL[language_of(question)], True, (), name, completion)
    quotes = _citations(parsed.quotes, found)
    return Reply(_shortened(parsed.final), False, quotes, name, completion, _newer(quotes, incumbent.versions))


def request_of(question: str, found: Sequence[Row], student: ChatModel, sources: Iterable[str] = ()) -> Request:
    """What a student is asked. `sources` are versions of documents that the question itself comes from."""
    prompt = render_prompt([chunk["contextual_text"] for chunk in found], question.strip())
    versions = [*(chunk["version"] for chunk in found), *sources]
    return student.request(chat(INSTRUCTION, prompt), PROMPT_VERSION, sources=versions)


def _newer(quotes: Iterable[Citation], versions: Collection[str] | None) -> tuple[str, ...]:
    """The cited documents in versions that a model was not trained on, each once; none where that is not known."""
    if versions is None:
        return ()
    return tuple(dict.fromkeys(quote.document for quote in quotes if quote.version not in versions))


def _citations(quotes: Sequence[str], found: Sequence[Row]) -> tuple[Citation, ...]:
    citations = []
    for quote in quotes:
        chunk = next((chunk for chunk in found if quote in chunk["text"]), None)
        if chunk is not None:
            citations.append(Citation(quote, chunk["uri"], chunk["version"], chunk["page_start"] + 1))
    return tuple(citations)


def _shortened(text: str) -> str:
    return text if len(text) <= ANSWER_CHARACTERS else text[: ANSWER_CHARACTERS - 1].rstrip() + "…"
