"""From chunks to contextualized chunks: the line that says where in its document a chunk stands."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assets.chunks.context_lines import read_line
from assets.chunks.windows import section_windows, whole_document
from resources.llm.context_prompts import (
    CONTEXT_PROMPT_VERSION,
    Surroundings,
    another_line_messages,
    context_messages,
)
from resources.llm.embedded.contextualizer import write_context
from resources.llm.models import ChatModel
from resources.llm.request import Completion, Request
from resources.llm.resource import ModelsResource
from resources.llm.together import all_of
from resources.options import ContextualizationOptions
from resources.tokens import count_tokens

CACHEABLE_TOKENS = 1024
"""Providers keep the beginnings of prompts from this length on; a shorter document needs no call ahead of the others."""

FRAME_TOKENS, LONGEST_ANSWER = 1024, 4096
"""Tokens of the context window that are kept for instruction and headings, and for the answer if its length is not set."""

MOST_AT_ONCE = 4096
"""Prompts held at once where calls are collected for a batch."""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Line:
    """A chunk's context line. `problem` says why it is the deterministic one, empty if the model wrote it."""

    text: str
    problem: str = ""
    repaired: bool = False


@dataclass(frozen=True)
class Passage:
    """A chunk with the title of its document and what the model sees around it."""

    chunk: Row
    title: str
    around: Surroundings

    def request(self, model: ChatModel) -> Request:
        messages = context_messages(self.title, self.chunk["heading_path"], self.chunk["text"], self.around)
        return model.request(messages, CONTEXT_PROMPT_VERSION, sources=[self.chunk["version"]])


@dataclass(frozen=True)
class Contexts:
    """The rows of `contextualized_chunks` and how they came about.

    `too_long` are titles of documents that did not fit into the model's window as a whole; `edit_tokens` is what an
    edit costs in document mode: the most prompt tokens that one document's chunks are sent with.
    """

    rows: list[dict[str, Any]]
    lines: list[Line]
    too_long: tuple[str, ...] = ()
    edit_tokens: int = 0

    @property
    def outcome(self) -> dict[str, int]:
        fallen = sum(bool(line.problem) for line in self.lines)
        repaired = sum(line.repaired and not line.problem for line in self.lines)
        return {"by the model": len(self.lines) - fallen, "after a repair": repaired, "headings instead": fallen}

    def cost_of_edits(self, mode: str) -> dict[str, Any]:
        """What the chosen mode means for later edits, in words for metadata."""
        if mode != "document":
            return {}
        said = f"an edit re-sends every chunk of its document: up to {self.edit_tokens:,} prompt tokens here"
        if not self.too_long:
            return {"whole documents": said}
        return {"whole documents": said, "too long, so with section windows": ", ".join(self.too_long[:20])}

    @property
    def problems(self) -> Counter[str]:
        return Counter(line.problem for line in self.lines if line.problem)


def made_by(models: ModelsResource) -> dict[str, str]:
    """What the contexts depend on besides code, settings and chunks."""
    return {**models.dependencies("contextualizer"), "prompt": CONTEXT_PROMPT_VERSION}


@dataclass(frozen=True)
class Plan:
    """What is to be asked, per document. `too_long` and `edit_tokens` are those of `Contexts`."""

    documents: list[list[Passage]]
    too_long: tuple[str, ...]
    edit_tokens: int

    @property
    def passages(self) -> list[Passage]:
        return [passage for document in self.documents for passage in document]


def contextualize(
    model: ChatModel, chunks: Sequence[Row], titles: Mapping[str, str], options: ContextualizationOptions
) -> Contexts:
    """The contexts of rows of `chunks`, given in reading order. `titles` are those of their documents.

    Every chunk gets a line: where the model's cannot be used, after one repair, that of title and headings.
    """
    plan = plan_contexts(model, chunks, titles, options)
    lines = model.run(lambda: _write(model, plan.documents))
    rows = [
        {**passage.chunk, "context": line.text, "contextual_text": f"{line.text}\n\n{passage.chunk['text']}"}
        for passage, line in zip(plan.passages, lines, strict=True)
    ]
    return Contexts(rows, lines, plan.too_long, plan.edit_tokens)


def plan_contexts(
    model: ChatModel, chunks: Sequence[Row], titles: Mapping[str, str], options: ContextualizationOptions
) -> Plan:
    """Which chunk is sent with what. A document that does not fit into the model's window is not sent as a whole."""
    grouped = defaultdict(list)
    for chunk in chunks:
        grouped[chunk["document_id"], chunk["version"]].append(chunk)
    room = model.lane.context_window - FRAME_TOKENS - int(dict(model.parameters).get("max_tokens", LONGEST_ANSWER))
    documents, too_long, edit_tokens = [], [], 0
    for (document_id, _), group in grouped.items():
        title = titles[document_id]
        whole = options.mode == "document"
        tokens = count_tokens(whole_document(group)) if whole else 0
        if whole and tokens + max(chunk["tokens"] for chunk in group) > room:
            whole = False
            too_long.append(title)
        edit_tokens = max(edit_tokens, tokens * len(group) if whole else 0)
        documents.append(passages(group, title, options, whole=whole))
    return Plan(documents, tuple(too_long), edit_tokens)


def passages(chunks: Sequence[Row], title: str, options: ContextualizationOptions, *, whole: bool) -> list[Passage]:
    """The chunks of one document with their surroundings: the whole document, or each its section window."""
    if whole:
        everything = Surroundings(document=whole_document(chunks))
        return [Passage(chunk, title, everything) for chunk in chunks]
    windows = section_windows(chunks, title, options.window_tokens)
    return [Passage(chunk, title, around) for chunk, around in zip(chunks, windows, strict=True)]


async def _write(model: ChatModel, groups: Sequence[Sequence[Passage]]) -> list[Line]:
    at_once = MOST_AT_ONCE if model.lane.batch else 2 * model.lane.limits.concurrency
    gate = asyncio.Semaphore(at_once)  # bounds how many prompts are held
    written = await all_of(_document(model, group, gate) for group in groups)
    return [line for group in written for line in group]


async def _document(model: ChatModel, group: Sequence[Passage], gate: asyncio.Semaphore) -> list[Line]:
    """The lines of one document's chunks.

    Where the prompts share a long beginning, one call goes ahead, so that the provider's cache holds it for the others.
    """
    ahead: list[Line] = []
    if group and not model.lane.batch and count_tokens(group[0].around.document) >= CACHEABLE_TOKENS:
        warm = False
        while not warm and len(ahead) < len(group):
            line, warm = await _line(model, group[len(ahead)], gate)
            ahead.append(line)
    rest = await all_of(_line(model, passage, gate) for passage in group[len(ahead) :])
    return [*ahead, *(line for line, _ in rest)]


async def _line(model: ChatModel, passage: Passage, gate: asyncio.Semaphore) -> tuple[Line, bool]:
    """A chunk's line, and whether the model was called for it now and answered."""
    async with gate:
        return await _asked(model, passage)


async def _asked(model: ChatModel, passage: Passage) -> tuple[Line, bool]:
    chunk = passage.chunk
    request = passage.request(model)
    first = await model.ask(request)
    called = not first.cached and not first.failure
    text, problem = _read(first, passage)
    if not problem:
        return Line(text), called
    if not first.failure and first.finish_reason != "content_filter":
        messages = another_line_messages(request.messages, first.text, problem)
        again = model.request(messages, CONTEXT_PROMPT_VERSION, sources=[chunk["version"]], attempt=1)
        second = await model.ask(again)
        text, problem = _read(second, passage)
        if not problem:
            return Line(text, repaired=True), called
    return Line(write_context(passage.title, chunk["heading_path"]), problem), called


def _read(completion: Completion, passage: Passage) -> tuple[str, str]:
    chunk = passage.chunk
    return read_line(completion, passage.title, chunk["heading_path"], chunk["text"], passage.around)
